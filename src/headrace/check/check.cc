#include "headrace/check/check.h"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/check/judge.h"
#include "headrace/check/selection.h"
#include "headrace/check/text_codes.h"
#include "headrace/expr/aggregate.h"

namespace headrace {

using internal::Judge;
using internal::Looked;
using internal::Promises;
using internal::Selection;
using internal::TextCodes;

namespace {

constexpr std::size_t kBlockRows = 65536;  // blocks twice as large are cut, so that what is kept for one does not grow with the rows
constexpr std::size_t kSmallWork = 65536;  // so many rows times checks are not worth a thread

bool LooksAtAll(const CheckSpec& spec) { return spec.where.empty() && spec.by.empty(); }

void AddNames(const std::string& expression, std::set<std::string>& names) {
  if (const Result<Expression> parsed = Expression::Parse(expression); parsed.ok()) names.insert(parsed->names().begin(), parsed->names().end());
}

/// Every name that a check may look up in the table.
std::set<std::string> NamesOf(const CheckSpec& spec, const Schema& schema) {
  std::set<std::string> names(spec.columns.begin(), spec.columns.end());
  names.insert(spec.key.begin(), spec.key.end());
  if (spec.kind == CheckSpec::Kind::kExpect) AddNames(spec.expression, names);
  if (spec.kind == CheckSpec::Kind::kMetric)
    if (const Result<AggregateExpression> metric = AggregateExpression::Parse(spec.expression); metric.ok())
      for (const AggregateExpression::Call& call : metric->calls()) AddNames(call.argument, names);
  if (spec.kind == CheckSpec::Kind::kSameAs && spec.columns.empty())
    for (const std::string& name : schema.Names()) names.insert(name);
  return names;
}

/// The checks that look at the same rows.
struct Group {
  std::optional<Selection> selection;      ///< none: all rows
  std::vector<std::size_t> checks;
  Schema schema;                           ///< of the rows looked at
  std::vector<std::string> columns;        ///< its names
};

std::vector<Group> GroupsOf(std::span<const CheckSpec> checks, const Schema& schema) {
  std::map<std::pair<std::string, std::vector<std::string>>, Group> groups;
  for (std::size_t k = 0; k < checks.size(); ++k) groups[{checks[k].where, checks[k].by}].checks.push_back(k);
  std::vector<Group> out;
  for (auto& [rows, group] : groups) {
    group.schema = schema;
    if (!LooksAtAll(checks[group.checks[0]])) {
      std::set<std::string> names;
      for (const std::size_t k : group.checks) names.merge(NamesOf(checks[k], schema));
      std::vector<Field> fields;
      for (const Field& field : schema.fields())
        if (names.contains(field.name)) fields.push_back(field);
      group.schema = Schema(std::move(fields));
      group.columns = group.schema.Names();
    }
    out.push_back(std::move(group));
  }
  return out;
}

/// What one thread does with a block: a check of all rows, or all checks of a group that looks at some.
struct Unit {
  Group* group = nullptr;
  std::optional<std::size_t> check;
  Status status;
};

/// Kinds that look things up in much memory are begun first, so that no thread waits for one at the end.
bool IsSlow(CheckSpec::Kind kind) {
  using enum CheckSpec::Kind;
  return kind == kUnique || kind == kForeignKey || kind == kSameAs || kind == kDistinct || kind == kOrdered || kind == kMonotone;
}

}  // namespace

struct CheckScan::Parts {
  Schema schema;
  CheckContext context;
  std::vector<Group> groups;
  std::vector<Judge> judges;               // by position of the check
  std::vector<std::shared_ptr<TextCodes>> codes;
  std::vector<Unit> units;
  std::int64_t rows = 0;
  std::mutex bad_mutex;
  std::map<std::int64_t, std::vector<std::uint32_t>> bad;   // guarded by bad_mutex; rows of the block at hand, and the checks they fail

  /// Text columns that several checks may look at once a text.
  Status UseCodes(const Group& group) {
    if (group.selection) return Ok();
    std::map<std::size_t, std::shared_ptr<TextCodes>> by_column;
    for (const std::size_t k : group.checks) {
      const auto at = judges[k].TextColumn(schema);
      if (!at) continue;
      auto& column = by_column[*at];
      if (!column) codes.push_back(column = std::make_shared<TextCodes>(*at));
      RETURN_IF_ERROR(judges[k].UseCodes(column, schema));
    }
    std::vector<std::shared_ptr<TextCodes>> numbered;
    for (const auto& [at, column] : by_column) numbered.push_back(column);
    for (const std::size_t k : group.checks) judges[k].TakeCodes(numbered);
    return Ok();
  }

  void MakeUnits(std::span<const CheckSpec> checks) {
    for (const bool slow : {true, false})
      for (Group& group : groups) {
        if (group.selection && slow) units.push_back({&group, std::nullopt, {}});
        if (!group.selection)
          for (const std::size_t k : group.checks)
            if (IsSlow(checks[k].kind) == slow) units.push_back({&group, k, {}});
      }
  }

  Status Ask(std::size_t k, const Looked& looked) {
    std::vector<std::uint8_t> failed(looked.block.num_rows(), 0);
    ASSIGN_OR_RETURN(const bool any, judges[k].Add(looked, failed));
    if (!any || context.bad_rows == nullptr || !judges[k].refuses_rows()) return Ok();
    const std::scoped_lock lock(bad_mutex);
    for (std::size_t i = 0; i < failed.size(); ++i)
      if (failed[i] != 0) bad[looked.before + static_cast<std::int64_t>(i)].push_back(static_cast<std::uint32_t>(k));
    return Ok();
  }

  Status AddSelected(Group& group, const Table& block) {
    Result<std::vector<Selection::Part>> parts = group.selection->Split(block);
    if (!parts.ok()) return std::move(parts).status().WithContext("checks with `where` or `by`");
    ASSIGN_OR_RETURN(const Table narrow, block.Select(group.columns));
    for (const Selection::Part& part : *parts) {
      const Table taken = narrow.Take(part.rows);
      for (const std::size_t k : group.checks) RETURN_IF_ERROR(Ask(k, {block, taken, part.rows, part.segment, rows}));
    }
    return Ok();
  }

  Status Add(const Table& block) {
    const auto in_parallel = [&](std::size_t count, const std::function<void(std::size_t)>& act) {
      ForEach(block.num_rows() * count < kSmallWork ? 1 : ThreadsFor(count), count, act);
    };
    in_parallel(codes.size(), [&](std::size_t i) { codes[i]->Number(block); });
    in_parallel(units.size(), [&](std::size_t i) {
      Unit& unit = units[i];
      unit.status = unit.check ? Ask(*unit.check, {block, block, {}, 0, rows}) : AddSelected(*unit.group, block);
    });
    for (Unit& unit : units)
      if (!unit.status.ok()) return std::move(unit.status);
    rows += static_cast<std::int64_t>(block.num_rows());
    if (context.bad_rows != nullptr) PutAside();
    return Ok();
  }

  int ThreadsFor(std::size_t count) const { return std::min(ResolveThreads(context.threads), static_cast<int>(std::min<std::size_t>(count, 64))); }

  void PutAside() {
    BadRows& aside = *context.bad_rows;
    aside.count += static_cast<std::int64_t>(bad.size());
    if (aside.count > aside.limit) aside.rows.clear();
    else
      for (auto& [row, checks] : bad) {
        std::sort(checks.begin(), checks.end());
        aside.rows.push_back({row, std::move(checks)});
      }
    bad.clear();
  }
};

CheckScan::CheckScan() = default;
CheckScan::CheckScan(CheckScan&&) noexcept = default;
CheckScan& CheckScan::operator=(CheckScan&&) noexcept = default;
CheckScan::~CheckScan() = default;

Result<CheckScan> CheckScan::Make(std::span<const CheckSpec> checks, const Schema& schema, const CheckContext& context) {
  CheckScan scan;
  scan.parts_ = std::make_unique<Parts>();
  Parts& parts = *scan.parts_;
  parts.schema = schema;
  parts.context = context;
  parts.groups = GroupsOf(checks, schema);
  Promises promises = internal::GatherPromises(checks, schema);
  std::vector<const Group*> group_of(checks.size());
  for (const Group& group : parts.groups)
    for (const std::size_t k : group.checks) group_of[k] = &group;
  for (std::size_t k = 0; k < checks.size(); ++k) {
    ASSIGN_OR_RETURN(Judge judge, Judge::Make(checks[k], schema, group_of[k]->schema, promises, std::move(promises.breaches[k]), context));
    parts.judges.push_back(std::move(judge));
  }
  for (Group& group : parts.groups) {
    const CheckSpec& first = checks[group.checks[0]];
    if (!LooksAtAll(first)) {
      Result<Selection> selection = Selection::Make(first.where, first.by, schema);
      if (!selection.ok()) return std::move(selection).status().WithContext(StrCat("check `", first.name.empty() ? std::string(CheckKindName(first.kind)) : first.name, "`"));
      group.selection = std::move(*selection);
    }
    RETURN_IF_ERROR(parts.UseCodes(group));
  }
  parts.MakeUnits(checks);
  return scan;
}

Status CheckScan::Add(const Table& block) {
  assert(block.schema() == parts_->schema);
  if (block.num_rows() < 2 * kBlockRows) return parts_->Add(block);
  for (std::size_t begin = 0; begin < block.num_rows(); begin += kBlockRows)
    RETURN_IF_ERROR(parts_->Add(block.Slice(begin, std::min(kBlockRows, block.num_rows() - begin))));
  return Ok();
}

Result<std::vector<CheckVerdict>> CheckScan::Finish() {
  std::vector<std::vector<CheckVerdict>> by_check(parts_->judges.size());
  for (const Group& group : parts_->groups) {
    std::vector<std::string> segments;
    for (std::size_t k = 0; group.selection && k < group.selection->size(); ++k) segments.push_back(group.selection->Name(k));
    for (const std::size_t k : group.checks) {
      ASSIGN_OR_RETURN(by_check[k], parts_->judges[k].Conclude(segments, parts_->context));
    }
  }
  std::vector<CheckVerdict> verdicts;
  for (std::vector<CheckVerdict>& of_check : by_check) std::move(of_check.begin(), of_check.end(), std::back_inserter(verdicts));
  for (CheckVerdict& verdict : verdicts)
    if (!verdict.value) verdict.measure.clear();
  parts_->units.clear();
  parts_->judges.clear();
  parts_->groups.clear();
  return verdicts;
}

std::string MeasureOf(const CheckSpec& check) { return StrCat(internal::DefaultName(check), check.where.empty() ? "" : " where ", check.where); }

namespace {

/// Reads blocks ahead on a thread of its own, a few at most, so that the next is there when one has been judged.
class ReadAhead {
 public:
  explicit ReadAhead(TableStream& rows) : thread_([this, &rows] { Read(rows); }) {}
  ~ReadAhead() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  Result<std::optional<Table>> Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !blocks_.empty(); });
    Result<std::optional<Table>> block = std::move(blocks_.front());
    blocks_.pop_front();
    changed_.notify_all();
    return block;
  }

 private:
  static constexpr std::size_t kAhead = 3;

  void Read(TableStream& rows) {
    while (true) {
      Result<std::optional<Table>> block = rows.Next();
      const bool last = !block.ok() || !block->has_value();
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || blocks_.size() < kAhead; });
      if (stop_) return;
      blocks_.push_back(std::move(block));
      changed_.notify_all();
      if (last) return;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result<std::optional<Table>>> blocks_;   // guarded by mutex_
  bool stop_ = false;                                 // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Result<std::vector<CheckVerdict>> RunChecks(std::span<const CheckSpec> checks, TableStream& rows, const CheckContext& context) {
  ASSIGN_OR_RETURN(CheckScan scan, CheckScan::Make(checks, rows.schema(), context));
  ReadAhead ahead(rows);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, ahead.Next());
    if (!block) return scan.Finish();
    RETURN_IF_ERROR(scan.Add(*block));
  }
}

Status ToStatus(std::string_view dataset, std::span<const CheckVerdict> verdicts) {
  const CheckVerdict* first = nullptr;
  std::int64_t more = 0;
  for (const CheckVerdict& verdict : verdicts) {
    if (verdict.passed || verdict.severity != Severity::kError) continue;
    if (first == nullptr) first = &verdict;
    else ++more;
  }
  if (first == nullptr) return Ok();
  const std::string others = more == 0 ? std::string() : StrCat(", and ", Counted(more, "more check failed", "more checks failed"));
  return Error(ErrorCode::kData, "`", dataset, "`: ", first->message, others).WithHelp(first->help);
}

}  // namespace headrace
