#include "model_pieces.h"

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "headrace/feature/transform.h"
#include "headrace/model/describe.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/explanation.h"
#include "headrace/model/profile.h"
#include "headrace/model/row_scorer.h"
#include "target.h"
#include "tree_sizes.h"

namespace headrace::fuzz {
namespace {

using nlohmann::json;

constexpr std::string_view kMark = "@@ ";

/// As each member's own writer dumps it. calibration.json writes its numbers in a way of its own and stays as it is.
void WriteInOurForm(ZipMember* member) {
  if (!member->name.ends_with(".json") || member->name == "calibration.json") return;
  const json parsed = json::parse(member->bytes, nullptr, false);
  if (parsed.is_discarded()) return;
  const bool spread = member->name == "manifest.json" || member->name == "metrics.json" || member->name == "profile.json";
  member->bytes = parsed.dump(spread ? 1 : -1, ' ', false, json::error_handler_t::replace);
  if (member->name != "transform.json") member->bytes += "\n";
}

/// The manifest's inputs and features as the transform, if it reads, has them.
void Reconcile(const std::string& transform, json* manifest) {
  const Result<FittedTransform> fitted = FittedTransform::FromJson(transform);
  if (!fitted.ok()) return;
  (*manifest)["features"] = fitted->output_names();
  json inputs = json::array();
  for (std::size_t i = 0; i < fitted->input_schema().size(); ++i) {
    json input = {{"name", fitted->input_schema()[i].name}, {"type", TypeName(fitted->input_schema()[i].type)}, {"nullable", fitted->input_nullable()[i] ? true : false}};
    inputs.push_back(std::move(input));
  }
  (*manifest)["inputs"] = std::move(inputs);
}

ZipMember* Find(std::vector<ZipMember>& members, std::string_view name) {
  for (ZipMember& member : members)
    if (member.name == name) return &member;
  return nullptr;
}

bool SameBits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace

std::string JoinPieces(const std::vector<ZipMember>& members) {
  std::string text;
  for (const ZipMember& member : members) text += StrCat(kMark, member.name, "\n", member.bytes, "\n");
  return text;
}

std::vector<ZipMember> SplitPieces(std::string_view text) {
  std::vector<ZipMember> members;
  std::size_t at = text.starts_with(kMark) ? 0 : text.find(StrCat("\n", kMark));
  while (at != std::string_view::npos && members.size() < 20) {
    if (text[at] == '\n') ++at;
    const std::size_t line_end = text.find('\n', at);
    if (line_end == std::string_view::npos) break;
    const std::size_t next = text.find(StrCat("\n", kMark), line_end);
    ZipMember member;
    member.name = std::string(text.substr(at + kMark.size(), std::min<std::size_t>(line_end - at - kMark.size(), 40)));
    std::string_view bytes = text.substr(line_end + 1, next == std::string_view::npos ? std::string_view::npos : next > line_end ? next - line_end - 1 : 0);
    if (next == std::string_view::npos && bytes.ends_with('\n')) bytes.remove_suffix(1);
    member.bytes = std::string(bytes);
    if (Find(members, member.name) == nullptr && !member.name.empty()) members.push_back(std::move(member));
    at = next;
  }
  return members;
}

std::string Seal(std::vector<ZipMember> members) {
  for (ZipMember& member : members) WriteInOurForm(&member);
  if (ZipMember* forest = Find(members, "model.txt")) forest->bytes = MendTreeSizes(forest->bytes);
  ZipMember* manifest = Find(members, "manifest.json");
  json parsed = manifest == nullptr ? json() : json::parse(manifest->bytes, nullptr, false);
  if (parsed.is_object()) {
    if (const ZipMember* transform = Find(members, "transform.json")) Reconcile(transform->bytes, &parsed);
    json digests = json::object();
    for (const ZipMember& member : members)
      if (&member != manifest) digests[member.name] = {{"bytes", member.bytes.size()}, {"sha256", Sha256Hex(member.bytes)}};
    parsed["members"] = std::move(digests);
    manifest->bytes = parsed.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return WriteZip(members);
}

Table OddRows(const Model& model) {
  constexpr std::size_t kRows = 12;
  const std::int64_t ints[] = {0, 1, -1, 3, 100, 20'000, 1'700'000'000'000'000, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), 7, 2};
  const double doubles[] = {0, 1, -1, 0.5, 1e6, -1e300, std::numeric_limits<double>::quiet_NaN(), 1e-310, 42, -0.0, 3};
  const char* texts[] = {"", "a", "DE", "never seen", "a b c", "\xC3\x84", "12", "\n", "x", "y", "A"};
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (const InputColumn& input : model.info().inputs) {
    ColumnBuilder column(input.type);
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::size_t i = (row * 5 + columns.size()) % kRows;
      if (i == kRows - 1) column.AppendNull();
      else if (input.type == Type::kDouble) column.AppendDouble(doubles[i]);
      else if (input.type == Type::kText) column.AppendText(texts[i]);
      else column.AppendInt(input.type == Type::kBool ? static_cast<std::int64_t>(i % 2) : ints[i]);
    }
    fields.push_back({input.name, input.type});
    columns.push_back(column.Finish());
  }
  return Table(Schema(std::move(fields)), std::move(columns), kRows);
}

void UseModel(const std::shared_ptr<const Model>& model) {
  (void)model->ReplayProof().ok();
  (void)DescribeAsJson(*model);
  if (const Result<std::string> metrics = model->Member("metrics.json"); metrics.ok())
    if (const Result<Evaluation> evaluation = Evaluation::FromJson(*metrics); evaluation.ok()) (void)evaluation->ToJson();
  if (const Result<std::string> text = model->Member("profile.json"); text.ok())
    if (const Result<Profile> profile = Profile::FromJson(*text); profile.ok()) (void)DriftReferences(*profile);
  const Scorer& scorer = model->scorer();
  if (model->info().features.size() > 2000 || model->info().classes.size() > 200) return;
  const Table rows = OddRows(*model);
  ScoreCounts counts;
  (void)scorer.Score(rows, &counts).ok();
  (void)Reasons(scorer, rows, {.count = 2, .personal = {}, .threads = 1}).ok();
  Result<RowScorer> alone = RowScorer::Bind(model, rows.schema());
  Demand(alone.ok());
  for (std::size_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<Value> values;
    for (std::size_t c = 0; c < rows.num_columns(); ++c) values.push_back(rows.column(c).At(row));
    const Result<std::vector<double>> inside = scorer.Predict(rows.Slice(row, 1));
    const Result<std::span<const double>> one = alone->Score(values);
    Demand(one.ok() == inside.ok());
    if (one.ok()) Demand(SameBits(*one, *inside));
  }
}

}  // namespace headrace::fuzz
