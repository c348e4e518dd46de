#include "headrace/cli/test_results.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "headrace/cli/command.h"

namespace headrace {

namespace {
constexpr std::array<std::string_view, 3> kKinds = {"changed", "missing", "extra"};
std::string_view KindName(Difference::Row::Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

/// What fits a line; the middle of a long text tells least.
std::string Shortened(const std::string& text) {
  constexpr std::size_t kLongest = 100, kEnd = 20;
  if (text.size() <= kLongest) return text;
  std::size_t head = kLongest - kEnd, tail = text.size() - kEnd;
  const auto inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  while (inside(head)) --head;
  while (inside(tail)) ++tail;
  return StrCat(text.substr(0, head), "…", text.substr(tail));
}

std::string Indented(const std::string& text, std::string_view by) {
  std::string out;
  for (const std::string& line : Split(text, '\n'))
    if (!line.empty()) out += StrCat(by, line, "\n");
  return out;
}

std::string DifferenceText(const Difference& difference) {
  std::vector<std::vector<std::string>> changed;
  std::string others;
  for (const Difference::Row& row : difference.rows) {
    if (row.kind != Difference::Row::Kind::kChanged) others += StrCat(KindName(row.kind), "  ", Shortened(row.label), "\n");
    for (const Difference::Row::Cell& cell : row.cells)
      changed.push_back({&cell == &row.cells.front() ? Shortened(row.label) : "", cell.column, Shortened(cell.expected), Shortened(cell.found)});
  }
  std::string out = changed.empty() ? "" : TextTable({"changed", "column", "expected", "found"}, changed);
  out += others;
  const std::size_t all = difference.missing + difference.extra + difference.changed;
  if (all > difference.rows.size()) out += StrCat("and ", all - difference.rows.size(), " more\n");
  return out;
}

std::string FailuresText(const TestResult& result) {
  std::string out;
  for (const TestFailure& failure : result.failures) {
    out += StrCat("  ", failure.step, ": ", failure.message, "\n");
    if (failure.difference) out += Indented(DifferenceText(*failure.difference), "    ");
  }
  return out;
}

std::size_t Count(const std::vector<TestResult>& results, bool (TestResult::*is)() const) {
  return static_cast<std::size_t>(std::count_if(results.begin(), results.end(), [is](const TestResult& result) { return (result.*is)(); }));
}

std::string_view StateOf(const TestResult& result) { return result.skipped() ? "skipped" : result.failed() ? "failed" : "passed"; }

/// Text of an element, or, with `in_attribute`, between double quotes, where a line feed would become a blank.
std::string Xml(std::string_view text, bool in_attribute = true) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\n' && in_attribute) out += "&#10;";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') out += '?';
    else out += c;
  }
  return out;
}

std::string Seconds(double seconds) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.3f", seconds);
  return buffer.data();
}
}  // namespace

std::string TestText(const TestResult& result) {
  if (result.skipped()) return StrCat("skip  ", result.name, " (", result.file, "): ", result.skipped_because, "\n");
  return StrCat(result.failed() ? "FAIL  " : "ok    ", result.name, " (", result.file, ", ", FormatSeconds(result.seconds), ")\n", FailuresText(result));
}

std::string TestCounts(const std::vector<TestResult>& results) {
  const std::size_t failed = Count(results, &TestResult::failed), skipped = Count(results, &TestResult::skipped), passed = results.size() - failed - skipped;
  return StrCat(Counted(passed, "test"), " passed", failed > 0 ? StrCat(", ", failed, " failed") : "", skipped > 0 ? StrCat(", ", skipped, " skipped") : "", "\n");
}

std::string TestJson(const std::vector<TestResult>& results) {
  using Json = nlohmann::ordered_json;
  const std::size_t failed = Count(results, &TestResult::failed), skipped = Count(results, &TestResult::skipped);
  Json tests = Json::array();
  for (const TestResult& result : results) {
    Json failures = Json::array();
    for (const TestFailure& failure : result.failures) {
      failures.push_back({{"step", failure.step}, {"message", failure.message}});
      if (!failure.difference) continue;
      Json rows = Json::array();
      for (const Difference::Row& row : failure.difference->rows) {
        rows.push_back({{"kind", KindName(row.kind)}, {"row", row.label}});
        for (const Difference::Row::Cell& cell : row.cells) rows.back()["cells"].push_back({{"column", cell.column}, {"expected", cell.expected}, {"found", cell.found}});
      }
      failures.back()["difference"] = {{"changed", failure.difference->changed}, {"missing", failure.difference->missing}, {"extra", failure.difference->extra}, {"rows", rows}};
    }
    tests.push_back({{"name", result.name}, {"file", result.file}, {"pipeline", result.pipeline}, {"tenant", result.tenant}, {"state", StateOf(result)}, {"seconds", result.seconds}, {"failures", failures}});
    if (result.skipped()) tests.back()["reason"] = result.skipped_because;
  }
  const Json document = {{"passed", results.size() - failed - skipped}, {"failed", failed}, {"skipped", skipped}, {"tests", tests}};
  return DumpJson(document, 2) + "\n";
}

std::string TestJunit(const std::vector<TestResult>& results) {
  double seconds = 0;
  for (const TestResult& result : results) seconds += result.seconds;
  const std::string counts = StrCat(" tests=\"", results.size(), "\" failures=\"", Count(results, &TestResult::failed), "\" errors=\"0\" skipped=\"", Count(results, &TestResult::skipped),
                                    "\" time=\"", Seconds(seconds), "\"");
  std::string out = StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", counts, ">\n<testsuite name=\"headrace test\"", counts, ">\n");
  for (const TestResult& result : results) {
    out += StrCat("<testcase classname=\"", Xml(result.pipeline), result.tenant.empty() ? "" : StrCat(".", Xml(result.tenant)), "\" name=\"", Xml(result.name), "\" file=\"", Xml(result.file), "\" time=\"",
                  Seconds(result.seconds), "\">");
    if (result.skipped()) out += StrCat("<skipped message=\"", Xml(result.skipped_because), "\"/>");
    if (result.failed()) out += StrCat("<failure message=\"", Xml(StrCat(result.failures[0].step, ": ", result.failures[0].message)), "\">", Xml(FailuresText(result), false), "</failure>");
    out += "</testcase>\n";
  }
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace headrace
