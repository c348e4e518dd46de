// A `command` step: a program, what it reads and writes, and the code that decides what it does.
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"

namespace headrace {
namespace {

using Json = nlohmann::json;

/// A scalar as it stands in the file when it holds `${...}`: parameters may differ where what a command does is the same.
std::string SourceText(const Node& node) {
  if (node.is_scalar() && !node.value && !node.pending) return node.text;
  return node.place.source->text().substr(node.place.offset, node.place.length);
}

Json ToJson(const Node& node) {
  if (node.is_list()) {
    Json out = Json::array();
    for (const Node& item : node.items) out.push_back(ToJson(item));
    return out;
  }
  if (node.pending) return nullptr;
  const Value value = InferValue(node);
  if (value.is_null()) return nullptr;
  switch (value.type()) {
    case Type::kBool: return value.as_bool();
    case Type::kInt: return value.as_int();
    case Type::kDouble: return value.as_double();
    default: return value.ToString();
  }
}

class CommandDecoder {
 public:
  CommandDecoder(const Node& node, const DecodeContext& context) : node_(node), context_(context) {}

  CommandSpec Decode(DraftStep& draft) {
    Program();
    Reads(draft);
    Outputs();
    draft.spec.unfitted_text = Unfitted(*node_.Find("run"));
    return std::move(spec_);
  }

  /// Without what it reads and writes.
  CommandSpec DecodeProgram() {
    Program();
    spec_.outputs.emplace();
    return std::move(spec_);
  }

 private:
  void Program() {
    const Node& run = *node_.Find("run");
    for (const Node& item : run.items) spec_.argv.push_back(TextOf(&item));
    const bool nothing = run.is_list() && (run.items.empty() || (run.items[0].text.empty() && !run.items[0].pending));
    if (nothing) Error(DiagnosticCode::kBadValue, StartOf(run), "`run` names no program", "write `[python3, scripts/fit.py]`");
    for (const Node& item : run.items)
      if (item.text.find('\0') != std::string::npos) Error(DiagnosticCode::kBadValue, item.place, "an argument cannot hold a NUL byte");
    spec_.code = TextsOf(node_.Find("code"));
    Scripts(run);
    if (const Node* params = node_.Find("params")) spec_.params = Params(*params);
    Environment();
    spec_.memory_bytes = SizeOf(node_.Find("memory"), 0);
    spec_.file_bytes = SizeOf(node_.Find("file_size"), 0);
    spec_.cpu_time_us = DurationOf(node_.Find("cpu_time"), 0);
    spec_.open_files = IntOf(node_.Find("files"), 0);
    spec_.log_bytes = SizeOf(node_.Find("log_size"), spec_.log_bytes);
  }

  void Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    context_.diagnostics.AddError(code, place, std::move(message)).Help(std::move(help));
  }

  /// `act` for each entry of a list, or for the one scalar that stands for it; those known only in a run are left out.
  template <typename Act>
  void ForEach(const char* key, const Act& act) {
    const Node* list = node_.Find(key);
    if (list == nullptr) return;
    if (list->is_scalar() && !list->pending) act(*list);
    for (const Node& item : list->items)
      if (!item.pending) act(item);
  }

  /// Two names that would share a variable are refused.
  void Claim(std::map<std::string, const Node*>& taken, std::string_view prefix, const Node& node) {
    const std::string variable = StrCat(prefix, CommandSpec::VariableOf(node.text));
    const auto [first, fresh] = taken.emplace(variable, &node);
    if (!fresh)
      context_.diagnostics.AddError(DiagnosticCode::kDuplicateName, node.place, StrCat("`", first->second->text, "` and `", node.text, "` both get the variable ", variable))
          .Related(first->second->place, "the other");
  }

  void Reads(DraftStep& draft) {
    std::map<std::string, const Node*> taken;
    ForEach("reads", [&](const Node& item) {
      Claim(taken, "HEADRACE_INPUT_", item);
      draft.references.push_back({StepReference::Role::kFile, item.text, item.text, item.place});
    });
  }

  void Outputs() {
    if (node_.Find("outputs") == nullptr) return;
    spec_.outputs.emplace();
    std::map<std::string, const Node*> taken;
    ForEach("outputs", [&](const Node& item) {
      Claim(taken, "HEADRACE_OUTPUT_", item);
      spec_.outputs->push_back(item.text);
    });
  }

  bool Covered(const std::string& path) const {
    return std::any_of(spec_.code.begin(), spec_.code.end(), [&](const std::string& pattern) {
      const bool deep = pattern.find("**") != std::string::npos;
      const std::string flat = deep ? ReplaceAll(ReplaceAll(pattern, "**/", "*"), "**", "*") : pattern;
      return ::fnmatch(flat.c_str(), path.c_str(), deep ? 0 : FNM_PATHNAME) == 0;
    });
  }

  /// A script that the project holds and `code` does not name: the step would not run again when it changes.
  void Scripts(const Node& run) {
    namespace fs = std::filesystem;
    for (const Node& item : run.items) {
      if (item.pending || item.text.empty() || item.text.size() > 1024) continue;
      const std::string path = fs::path(item.text).lexically_normal().string();
      std::error_code error;
      if (path.starts_with("/") || path.starts_with("..") || !fs::is_regular_file(fs::path(context_.around.root) / path, error) || Covered(path)) continue;
      context_.diagnostics.AddWarning(DiagnosticCode::kCode, item.place, StrCat("no entry of `code` matches `", item.text, "`: the step would be reused although the script changed"))
          .Help(StrCat("add `code: [", path, "]`, and the files it needs"));
    }
  }

  static std::string Params(const Node& params) {
    Json out = Json::object();
    for (const Node::Entry& entry : params.entries) out[entry.key] = ToJson(entry.value);
    return DumpJson(out);
  }

  void Environment() {
    const Node* env = node_.Find("env");
    if (env == nullptr) return;
    for (const Node::Entry& entry : env->entries) {
      if (entry.key.starts_with("HEADRACE_"))
        Error(DiagnosticCode::kBadName, entry.key_place, StrCat("`", entry.key, "`: variables that begin with HEADRACE_ are set by Headrace"), "choose another name, or use `params`");
      if (entry.value.text.find('\0') != std::string::npos) Error(DiagnosticCode::kBadValue, entry.value.place, "a variable cannot hold a NUL byte");
      spec_.env.emplace_back(entry.key, TextOrSecretOf(&entry.value));
    }
  }

  std::string Unfitted(const Node& run) const {
    std::string out = "run:";
    for (const Node& item : run.items) out += StrCat("\n  ", SourceText(item));
    if (const Node* env = node_.Find("env"))
      for (const Node::Entry& entry : env->entries)
        out += StrCat("\nenv ", entry.key, ": ", entry.value.is_map() ? StrCat("secret ", TextOrSecretOf(&entry.value).secret) : SourceText(entry.value));
    return out;
  }

  const Node& node_;
  const DecodeContext& context_;
  CommandSpec spec_;
};

}  // namespace

CommandSpec DecodeCommand(const Node& node, const DecodeContext& context, DraftStep& draft) { return CommandDecoder(node, context).Decode(draft); }

CommandSpec DecodeProgram(const Node& node, const DecodeContext& context) { return CommandDecoder(node, context).DecodeProgram(); }

std::string CommandSpec::VariableOf(std::string_view name) {
  std::string out;
  for (const char c : name) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '.' ? '_' : c;
  return out;
}

bool CommandSpec::has_output(std::string_view name) const {
  return outputs ? std::find(outputs->begin(), outputs->end(), name) != outputs->end() : name.empty();
}

}  // namespace headrace
