#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace headrace {

// What a command takes, in CLI11's words. Only command_line.cc and main.cc read CLI11's headers: they take longer to compile than all else of a command.

/// A flag, option or argument of a command. A handle: copies mean the same one, and live as long as the command.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  const Option* operator->() const { return this; }
  Option required(bool yes = true) const;
  Option type_name(std::string_view name) const;          ///< what stands for its value in the help
  Option capture_default_str() const;                     ///< the help shows the value it has now
  Option delimiter(char between) const;                   ///< several values in one word
  Option expected(int values) const;
  Option take_all() const;                                ///< it may stand there several times
  Option needs(std::string_view other) const;
  Option excludes(Option other) const;
  Option excludes(std::string_view other) const;
  Option group(std::string_view name) const;              ///< "" = not in the help
  Option range(int low, int high) const;
  Option range(double low, double high) const;
  Option one_of(std::vector<std::string> words) const;

 private:
  CLI::Option* option_;
};

/// A command, or the program itself. A handle, as Option.
class CommandLine {
 public:
  explicit CommandLine(CLI::App* app) : app_(app) {}
  const CommandLine* operator->() const { return this; }
  CommandLine add_subcommand(std::string_view name, std::string_view what) const;
  /// "-n,--limit" is an option, "NAME" an argument; `value` outlives the command and is the default.
  Option add_option(const std::string& names, std::string& value, const std::string& help) const;
  Option add_option(const std::string& names, std::vector<std::string>& value, const std::string& help) const;
  Option add_option(const std::string& names, int& value, const std::string& help) const;
  Option add_option(const std::string& names, std::int64_t& value, const std::string& help) const;
  Option add_option(const std::string& names, std::optional<std::int64_t>& value, const std::string& help) const;
  Option add_option(const std::string& names, double& value, const std::string& help) const;
  Option add_flag(const std::string& names, bool& value, const std::string& help) const;
  Option get_option(const std::string& name) const;
  bool parsed() const;                                    ///< the user chose it
  void footer(const std::string& text) const;
  void callback(std::function<void()> act) const;         ///< when the user chose it and its flags are read
  void require_subcommand(int exactly) const;
  void fallthrough() const;                               ///< flags it does not know are those of the command above

 private:
  CLI::App* app_;
};

}  // namespace headrace
