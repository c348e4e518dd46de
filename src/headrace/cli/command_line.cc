#include "headrace/cli/command_line.h"

#include <CLI/CLI.hpp>

namespace headrace {

Option Option::required(bool yes) const { return Option(option_->required(yes)); }
Option Option::type_name(std::string_view name) const { return Option(option_->type_name(std::string(name))); }
Option Option::capture_default_str() const { return Option(option_->capture_default_str()); }
Option Option::delimiter(char between) const { return Option(option_->delimiter(between)); }
Option Option::expected(int values) const { return Option(option_->expected(values)); }
Option Option::take_all() const { return Option(option_->take_all()); }
Option Option::group(std::string_view name) const { return Option(option_->group(std::string(name))); }
Option Option::range(int low, int high) const { return Option(option_->check(CLI::Range(low, high))); }
Option Option::range(double low, double high) const { return Option(option_->check(CLI::Range(low, high))); }
Option Option::one_of(std::vector<std::string> words) const { return Option(option_->check(CLI::IsMember(std::move(words)))); }
Option Option::needs(std::string_view other) const { return Option((option_->needs(std::string(other)), option_)); }
Option Option::excludes(Option other) const { return Option((option_->excludes(other.option_), option_)); }
Option Option::excludes(std::string_view other) const { return Option((option_->excludes(std::string(other)), option_)); }

CommandLine CommandLine::add_subcommand(std::string_view name, std::string_view what) const { return CommandLine(app_->add_subcommand(std::string(name), std::string(what))); }
Option CommandLine::add_option(const std::string& names, std::string& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_option(const std::string& names, std::vector<std::string>& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_option(const std::string& names, int& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_option(const std::string& names, std::int64_t& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_option(const std::string& names, std::optional<std::int64_t>& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_option(const std::string& names, double& value, const std::string& help) const { return Option(app_->add_option(names, value, help)); }
Option CommandLine::add_flag(const std::string& names, bool& value, const std::string& help) const { return Option(app_->add_flag(names, value, help)); }
Option CommandLine::get_option(const std::string& name) const { return Option(app_->get_option(name)); }
bool CommandLine::parsed() const { return app_->parsed(); }
void CommandLine::footer(const std::string& text) const { app_->footer(text); }
void CommandLine::callback(std::function<void()> act) const { app_->callback(std::move(act)); }
void CommandLine::require_subcommand(int exactly) const { app_->require_subcommand(exactly); }
void CommandLine::fallthrough() const { app_->fallthrough(); }

}  // namespace headrace
