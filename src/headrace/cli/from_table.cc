// `headrace init --from`: measure a table, then write down what is true of it today as a contract and checks. Bounds that a new week may
// well exceed are warnings; what would make a model wrong (other types, nulls where there were none, unknown levels, doubled keys) stops the run.

#include "headrace/cli/from_table.h"

#include <algorithm>
#include <array>

#include "headrace/base/text.h"
#include "headrace/cli/contract_text.h"
#include "headrace/cli/templates.h"
#include "headrace/sql/sql_text.h"

namespace headrace {

namespace {
constexpr std::size_t kColumnsPerQuery = 40;

bool HasBounds(Type type) { return IsNumeric(type) || type == Type::kDate || type == Type::kTimestamp; }

Result<Table> Rows(Engine& engine, const std::string& sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine.Query(sql));
  return ReadAll(*rows);
}

/// Nulls, distinct values and bounds of the columns from `begin` to before `end`, in one scan.
Status Measure(Engine& engine, std::size_t begin, std::size_t end, TableFacts* facts) {
  std::string list = "count(*) AS n";
  for (std::size_t i = begin; i < end; ++i) {
    const Field& field = facts->columns[i].field;
    const std::string name = QuoteIdentifier(field.name);
    const std::string finite = field.type == Type::kDouble ? StrCat(" FILTER (WHERE isfinite(", name, "))") : "";
    list += StrCat(", count(*) - count(", name, ") AS a", i, ", count(DISTINCT ", name, ") AS b", i);
    if (HasBounds(field.type)) list += StrCat(", min(", name, ")", finite, " AS c", i, ", max(", name, ")", finite, " AS d", i);
  }
  ASSIGN_OR_RETURN(const Table row, Rows(engine, StrCat("SELECT ", list, " FROM data")));
  std::size_t at = 0;
  facts->rows = row.column(at++).At(0).as_int();
  for (std::size_t i = begin; i < end; ++i) {
    ColumnFacts& column = facts->columns[i];
    column.nulls = row.column(at++).At(0).as_int();
    column.distinct = row.column(at++).At(0).as_int();
    if (!HasBounds(column.field.type)) continue;
    column.min = row.column(at++).At(0);
    column.max = row.column(at++).At(0);
  }
  return Ok();
}

Status ReadLevels(Engine& engine, const TableFacts& facts, ColumnFacts* column) {
  if (column->field.type != Type::kText || column->distinct == 0 || column->distinct > kMaxLevels || column->distinct * 2 > facts.rows - column->nulls) return Ok();
  const std::string name = QuoteIdentifier(column->field.name);
  ASSIGN_OR_RETURN(const Table levels, Rows(engine, StrCat("SELECT DISTINCT ", name, " AS level FROM data WHERE ", name, " IS NOT NULL")));
  for (std::size_t i = 0; i < levels.num_rows(); ++i) column->levels.emplace_back(levels.column(0).text(i));
  std::sort(column->levels.begin(), column->levels.end());
  return Ok();
}

/// The file's name without folder and endings, as a name of steps and files: lower case, [a-z0-9_], beginning with a letter.
std::string NameOf(std::string_view pattern) {
  std::string_view file = pattern.substr(pattern.find_last_of('/') + 1);
  file = file.substr(0, file.find('.', 1));
  std::string name;
  for (const char c : ToLower(file)) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (keep) name += c;
    else if (!name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty()) return "data";
  if (name.front() >= '0' && name.front() <= '9') name = "data_" + name;
  static constexpr std::array<std::string_view, 5> kTaken = {"model", "scores", "out", "known", "env"};
  return std::find(kTaken.begin(), kTaken.end(), name) == kTaken.end() && YamlText(name) == name ? name : name + "_rows";
}

std::string List(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(YamlValue(text));
  return StrCat("[", Join(quoted, ", "), "]");
}

/// A bound as the check reads it: numbers bare, dates and times in quotes.
std::string Bound(const Value& value) { return IsNumeric(value.type()) ? value.ToString() : YamlText(value.ToString()); }

std::string ContractOf(const TableFacts& facts, std::string_view target, bool for_scoring) {
  std::string text;
  if (for_scoring) text += "extra: ignore                 # rows to score may carry the target, and more\n";
  text += "columns:\n";
  for (const ColumnFacts& facts_of : facts.columns) {
    if (for_scoring && facts_of.field.name == target) continue;
    ContractColumn column;
    column.name = facts_of.field.name;
    column.type = facts_of.field.type;
    column.nullable = facts_of.nulls > 0;
    text += ContractLine(column);
  }
  return text;
}

class Writer {
 public:
  Writer(const FromTable& from, const TableFacts& facts)
      : from_(from), facts_(facts), name_(NameOf(from.pattern)), target_(*facts.Find(from.target)), key_(facts.Key(from.target)) {}

  std::vector<NewFile> Files() const {
    std::vector<NewFile> files = CommonFiles(name_);
    Add("contract", ContractPath(false), ContractOf(facts_, target_.field.name, false), &files);
    Add("contract", ContractPath(true), ContractOf(facts_, target_.field.name, true), &files);
    Add("pipeline", "pipelines/train.yaml", Train(), &files);
    Add("pipeline", "pipelines/score.yaml", Score(), &files);
    files.push_back({"README.md", Readme()});
    return files;
  }

 private:
  static void Add(std::string_view kind, const std::string& path, const std::string& text, std::vector<NewFile>* files) {
    files->push_back({path, SchemaLine(kind, path) + text});
  }
  std::string ContractPath(bool for_scoring) const { return StrCat("contracts/", name_, for_scoring ? "_to_score" : "", ".yaml"); }

  std::string Extract(bool for_scoring) const {
    std::string text = StrCat("  ", name_, ":\n    extract: {file: ", YamlValue(from_.pattern), from_.delimiter.empty() ? "" : StrCat(", delimiter: ", YamlValue(from_.delimiter)), "}\n");
    return StrCat(text, "    checks:\n      - contract: ", ContractPath(for_scoring), "\n", for_scoring ? "" : RowChecks(), ColumnChecks());
  }

  std::string RowChecks() const {
    std::vector<std::string> known;
    if (key_ != nullptr) known.push_back(key_->field.name);
    if (target_.nulls == 0) known.push_back(target_.field.name);
    std::string text = StrCat("      - rows: {min: ", std::max<std::int64_t>(1, facts_.rows * 4 / 5), "}          # 80 % of the ", facts_.rows, " there were\n");
    if (!known.empty()) text += StrCat("      - not_null: ", List(known), "\n");
    return text + OneOf(target_);
  }

  /// What holds for the rows of training and of scoring alike.
  std::string ColumnChecks() const {
    std::string text;
    if (key_ != nullptr) text += StrCat("      - unique: ", List({key_->field.name}), "\n");
    for (const ColumnFacts& column : facts_.columns) {
      if (&column == key_ || &column == &target_) continue;
      text += OneOf(column);
      if (!column.min.is_null() && HasBounds(column.field.type))
        text += StrCat("      - {range: {column: ", YamlValue(column.field.name), ", min: ", Bound(column.min), ", max: ", Bound(column.max), "}, severity: warn}\n");
    }
    return text;
  }

  static std::string OneOf(const ColumnFacts& column) {
    if (column.levels.empty()) return "";
    return StrCat("      - one_of: {column: ", YamlValue(column.field.name), ", values: ", List(column.levels), "}\n");
  }

  /// Text columns in which every row has its own value: names, addresses. Nothing to learn there.
  std::vector<std::string> Unlearnable() const {
    std::vector<std::string> names;
    for (const ColumnFacts& column : facts_.columns)
      if (&column != key_ && &column != &target_ && column.field.type == Type::kText && column.distinct > kMaxLevels && column.distinct == facts_.rows - column.nulls)
        names.push_back(column.field.name);
    return names;
  }

  /// Rows are held back by a hash of what tells them apart: the key, else another column whose values all differ. What
  /// splits the rows is no feature, so no other column will do.
  std::string SplitLine() const {
    const ColumnFacts* by = key_;
    for (const ColumnFacts& column : facts_.columns)
      if (by == nullptr && &column != &target_ && column.nulls == 0 && column.distinct == facts_.rows && (column.field.type == Type::kInt || column.field.type == Type::kText)) by = &column;
    if (by == nullptr || by->field.name.find(',') != std::string::npos || Trim(by->field.name) != by->field.name)
      return "      # split: {by: hash(column), test: 20%}    # or by a date; without it the metrics are out of fold\n";
    return StrCat("      split: {by: ", YamlValue(StrCat("hash(", by->field.name, ")")), ", test: 20%}\n");
  }

  std::string GateLine() const {
    const bool classes = target_.field.type == Type::kBool || target_.field.type == Type::kText || target_.distinct == 2;
    return StrCat("    # gate: [", !classes ? "r2 >= 0.5" : target_.distinct == 2 ? "auc >= 0.7" : "accuracy >= 0.7", "]      # look at the first run, then set the bar\n");
  }

  std::string Train() const {
    const std::vector<std::string> ignore = Unlearnable();
    std::string text = StrCat("name: train\ndescription: ", YamlText(StrCat("Learn ", target_.field.name)), "\nsteps:\n", Extract(false));
    if (target_.nulls > 0)
      text += StrCat("  known:                        # ", target_.nulls, " rows have no target; nothing can be learnt from them\n    sql: {query: ",
                     YamlText(StrCat("select * from ", QuoteIdentifier(name_), " where ", QuoteIdentifier(target_.field.name), " is not null")), "}\n");
    text += StrCat("  model:\n    train:\n      data: ", target_.nulls > 0 ? "known" : name_, "\n      target: ", YamlValue(target_.field.name), "\n");
    if (key_ != nullptr) text += StrCat("      key: ", List({key_->field.name}), "\n");
    if (!ignore.empty()) text += StrCat("      ignore: ", List(ignore), "      # every row has its own value\n");
    return StrCat(text, SplitLine(), GateLine(), "    register: {name: ", name_, ", promote: auto}\n");
  }

  std::string Score() const {
    return StrCat("name: score\nsteps:\n", Extract(true), "  scores:\n    score: {data: ", name_, ", model: ", name_, "@champion",
                  key_ == nullptr ? "" : StrCat(", keep: ", List({key_->field.name})), "}\n  out:\n    deliver: {data: scores, file: out/scores.csv}\n");
  }

  std::string Readme() const {
    return StrCat("# ", name_, "\n\nLearns one column of a table from the others, and scores rows. Written from the table as it was; every bound and list is yours to change.\n\n",
                  "```\nheadrace validate        # every error of the files at once\n"
                  "headrace run train       # fits the model, measures it on rows held back, and makes it champion\n"
                  "headrace run score       # applies the champion; writes out/scores.csv\n```\n\n"
                  "`contracts/", name_, ".yaml` says what the table must look like; tell there what each column means. To score other rows, name their file in\n"
                  "`pipelines/score.yaml`; they need not have the target.\n");
  }

  const FromTable& from_;
  const TableFacts& facts_;
  std::string name_;
  const ColumnFacts& target_;
  const ColumnFacts* key_;
};
}  // namespace

const ColumnFacts* TableFacts::Find(std::string_view name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const ColumnFacts& column) { return column.field.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

const ColumnFacts* TableFacts::Key(std::string_view target) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const ColumnFacts& column) {
    const bool type = column.field.type == Type::kInt || column.field.type == Type::kText;
    return type && column.field.name != target && column.nulls == 0 && column.distinct == rows && ToLower(column.field.name).ends_with("id");
  });
  return found == columns.end() ? nullptr : &*found;
}

Result<TableFacts> MeasureTable(const FileSource& source) {
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(LoadFiles(*engine, source, "data"));
  ASSIGN_OR_RETURN(const Schema schema, engine->Describe("SELECT * FROM data"));
  TableFacts facts;
  for (const Field& field : schema.fields()) facts.columns.push_back({field, 0, 0, Value(), Value(), {}});
  for (std::size_t begin = 0; begin < facts.columns.size(); begin += kColumnsPerQuery)
    RETURN_IF_ERROR(Measure(*engine, begin, std::min(begin + kColumnsPerQuery, facts.columns.size()), &facts));
  for (ColumnFacts& column : facts.columns) RETURN_IF_ERROR(ReadLevels(*engine, facts, &column));
  return facts;
}

Result<std::vector<NewFile>> ProjectFromTable(const FromTable& from, const TableFacts& facts) {
  const ColumnFacts* target = facts.Find(from.target);
  if (target == nullptr) {
    std::vector<std::string> names;
    for (const ColumnFacts& column : facts.columns) names.push_back(column.field.name);
    const std::string near = NearestName(from.target, names);
    if (names.size() > 20) names.resize(20), names.emplace_back("...");
    return Error(ErrorCode::kInvalid, "the data have no column `", from.target, "` to predict", near.empty() ? "" : StrCat("; did you mean `", near, "`?"))
        .WithHelp(StrCat("the columns are ", Join(names, ", ")));
  }
  if (target->distinct < 2)
    return Error(ErrorCode::kData, "target `", from.target, "` needs at least two values to learn from, found ", target->distinct, " in ", FormatCount(facts.rows), " rows");
  for (const ColumnFacts& column : facts.columns)
    if (column.field.name.find("${") != std::string::npos)
      return Error(ErrorCode::kInvalid, "column `", column.field.name, "` cannot be named in a project's files: `${` begins an expression there").WithHelp("rename the column in the data");
  return Writer(from, facts).Files();
}

}  // namespace headrace
