// Rows go through in blocks of a few hundred: each column is loaded as numbers, its steps run over them one after another, each a loop over numbers that lie side by
// side in the cache; at the end the block is written row by row. A row scored alone gets the bits it gets in a table.
#include "headrace/feature/parts.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "headrace/base/parallel.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kBlockNumbers = 24 * 1024;      // of a block, about: what fits into the second cache with room to spare
constexpr std::size_t kMostRows = 512, kFewestRows = 16;
constexpr std::size_t kPadding = 8;                   // columns of a power of two rows would share cache sets

Status TooLarge(std::string_view column) { return Error(ErrorCode::kData, "column `", column, "` has a value too large to be transformed"); }

Status Missing(std::string_view column) {
  return Error(ErrorCode::kData, "column `", column, "` has a missing value, which no step fills and the learner cannot take")
      .WithHelp("put {impute: median} in front of the column's steps when training");
}

}  // namespace

void Program::Finish(std::size_t inputs) {
  widths.assign(1, inputs);
  last_move = kNoMove;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    widths.push_back(steps[s]->Width(widths.back()));
    if (!steps[s]->in_place()) last_move = s;
  }
}

std::size_t Program::widest() const {
  return moves() ? *std::max_element(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(last_move) + 1) : 0;
}

std::string FittedGroup::Label() const {
  std::vector<std::string> names;
  for (const FittedColumn& one : columns) names.push_back(one.column);
  return Join(names, ", ");
}

void TransformParts::Finish() {
  names.clear();
  name_columns.clear();
  read.clear();
  offsets.assign(1, 0);
  widest = widest_group = 0;
  const auto place = [&](std::string_view name) {
    for (std::size_t i = 0; i < derived.size(); ++i)
      if (derived[i].name == name) return inputs.size() + i;
    return inputs.IndexOf(name).value_or(0);
  };
  std::unordered_set<std::string> taken;
  for (FittedGroup& group : groups) {
    Outputs outputs;
    for (FittedColumn& fitted : group.columns) {
      fitted.program.Finish(fitted.is_number() ? 1 : 0);
      fitted.source = place(fitted.column);
      read.push_back(fitted.column);
      fitted.others.clear();
      Outputs own{{fitted.column}, {fitted.column}};
      for (const StepPtr& step : fitted.program.steps) {
        step->Describe(own);
        fitted.others.push_back(step->other().empty() ? 0 : place(step->other()));
      }
      if (fitted.indicator) {
        own.names.push_back(StrCat(fitted.column, "=(missing)"));
        own.columns.push_back(fitted.column);
      }
      outputs.names.insert(outputs.names.end(), own.names.begin(), own.names.end());
      outputs.columns.insert(outputs.columns.end(), own.columns.begin(), own.columns.end());
      widest = std::max(widest, fitted.program.widest());
    }
    const std::size_t inputs_of_group = outputs.names.size();
    group.program.Finish(inputs_of_group);
    for (const StepPtr& step : group.program.steps) step->Describe(outputs);
    if (group.program.moves()) {
      widest_group = std::max(widest_group, inputs_of_group);
      widest = std::max(widest, group.program.widest());
    }
    for (std::size_t k = 0; k < outputs.names.size(); ++k) {
      std::string unique = outputs.names[k];
      for (int again = 2; !taken.insert(unique).second; ++again) unique = StrCat(outputs.names[k], " (", again, ")");
      names.push_back(std::move(unique));
      name_columns.push_back(outputs.columns[k]);
    }
    offsets.push_back(names.size());
  }
}

std::size_t TransformParts::block_rows() const {
  const std::size_t rows = kBlockNumbers / (width() + widest_group + 2 * widest + 1) / kPadding * kPadding;
  return std::clamp(rows, kFewestRows, kMostRows);
}

BlockRunner::BlockRunner(const TransformParts& parts, std::size_t block_rows)
    : parts_(parts), stride_(block_rows + kPadding), numbers_((parts.width() + parts.widest_group + 2 * parts.widest) * stride_), codes_(block_rows) {
  out_ = Carve(parts.width());
  group_ = Carve(parts.widest_group);
  one_ = Carve(parts.widest);
  two_ = Carve(parts.widest);
}

std::vector<double*> BlockRunner::Carve(std::size_t columns) {
  std::vector<double*> out;
  for (std::size_t c = 0; c < columns; ++c) out.push_back(numbers_.data() + carved_++ * stride_);
  return out;
}

/// `start` holds the numbers and is `out` where no step moves them.
Status BlockRunner::RunProgram(const Program& program, const std::vector<std::size_t>* others, std::span<const ColumnPtr> columns, Lane& lane, double* const* start,
                               double* const* out) {
  double* const* now = start;
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const FittedStep& step = *program.steps[s];
    double* const* next = step.in_place() ? now : s == program.last_move ? out : now == one_.data() ? two_.data() : one_.data();
    lane.in = {now, program.widths[s]};
    lane.out = {next, program.widths[s + 1]};
    lane.other = others == nullptr || step.other().empty() ? nullptr : columns[(*others)[s]].get();
    RETURN_IF_ERROR(step.Run(lane));
    now = next;
  }
  return Ok();
}

Status BlockRunner::RunColumn(const FittedColumn& fitted, std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen) {
  const Column& source = *columns[fitted.source];
  double* const* start = fitted.program.moves() ? one_.data() : out;
  Lane lane;
  lane.column = fitted.column;
  lane.source = &source;
  lane.fill = fitted.fill ? &*fitted.fill : nullptr;
  lane.begin = begin;
  lane.rows = rows;
  lane.codes = {codes_.data(), rows};
  if (fitted.is_number()) {
    if (source.type() == Type::kDouble) Expect(source.doubles().data() + begin + rows, std::min({rows, kMostRows, source.size() - begin - rows}));   // of the next block
    if (LoadNumbers(source, begin, rows, start[0]).infinite) return Error(ErrorCode::kData, "column `", fitted.column, "` has an infinity");
    if (fitted.indicator) {
      double* missing = out[fitted.program.width()];
      for (std::size_t i = 0; i < rows; ++i) missing[i] = start[0][i] == start[0][i] ? 0.0 : 1.0;
    }
  }
  RETURN_IF_ERROR(RunProgram(fitted.program, &fitted.others, columns, lane, start, out));
  *unseen += lane.unseen;
  return Ok();
}

Status BlockRunner::RunGroup(std::size_t g, std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen) {
  const FittedGroup& group = parts_.groups[g];
  double* const* start = group.program.moves() ? group_.data() : out;
  std::size_t at = 0;
  for (const FittedColumn& fitted : group.columns) {
    RETURN_IF_ERROR(RunColumn(fitted, columns, begin, rows, start + at, unseen++));
    at += fitted.width();
  }
  if (!group.program.steps.empty()) {
    Lane lane;
    const std::string label = group.Label();
    lane.column = label;
    lane.begin = begin;
    lane.rows = rows;
    lane.codes = {codes_.data(), rows};
    RETURN_IF_ERROR(RunProgram(group.program, nullptr, columns, lane, start, out));
  }
  for (std::size_t k = 0; k < group.width(); ++k) {
    const Oddities odd = OdditiesOf(out[k], rows);
    if (odd.infinite) return TooLarge(parts_.name_columns[parts_.offsets[g] + k]);
    if (odd.missing && parts_.refuse_missing) return Missing(parts_.name_columns[parts_.offsets[g] + k]);
  }
  return Ok();
}

Status BlockRunner::RunInto(std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen) {
  for (std::size_t g = 0; g < parts_.groups.size(); ++g) {
    RETURN_IF_ERROR(RunGroup(g, columns, begin, rows, out + parts_.offsets[g], unseen));
    unseen += parts_.groups[g].columns.size();
  }
  return Ok();
}

Status BlockRunner::Run(std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, std::int64_t* unseen) {
  return RunInto(columns, begin, rows, out_.data(), unseen);
}

namespace {

constexpr std::size_t kChunkRows = 16'384;            // that a thread takes at once
constexpr std::size_t kStreamedNumbers = 4 << 20;     // outputs that no cache would keep

std::int64_t CountMissing(const Column& column, std::size_t begin, std::size_t end) {
  std::int64_t missing = 0;
  if (!column.valid().empty())
    for (std::size_t i = begin; i < end; ++i) missing += column.valid()[i] == 0 ? 1 : 0;
  if (column.type() == Type::kDouble && OdditiesOf(column.doubles().data() + begin, end - begin).missing)
    for (std::size_t i = begin; i < end; ++i) missing += column.doubles()[i] != column.doubles()[i] ? 1 : 0;   // a null holds 0.0
  return missing;
}

}  // namespace

Status ApplyTo(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t rows, double* out, Layout layout, int threads, ApplyCounts* counts) {
  const std::vector<std::string>& read = parts.read;
  const std::size_t chunks = (rows + kChunkRows - 1) / kChunkRows, inputs = parts.inputs.size();
  std::vector<std::int64_t> unseen(chunks * read.size()), nulls(counts == nullptr ? 0 : chunks * inputs);
  const std::size_t width = parts.width(), block_rows = std::min(parts.block_rows(), std::max<std::size_t>(rows, 1));
  const bool stream = rows * width > kStreamedNumbers;
  const Status status = ParallelFor(threads, chunks, [&](std::size_t c) -> Status {
    const std::size_t first = c * kChunkRows, end = std::min(rows, first + kChunkRows);
    BlockRunner runner(parts, block_rows);
    std::vector<double*> own(layout == Layout::kColumns ? width : 0);
    for (std::size_t begin = first; begin < end; begin += block_rows) {
      const std::size_t some = std::min(block_rows, end - begin);
      for (std::size_t i = 0; counts != nullptr && i < inputs; ++i)
        if (!parts.nullable[i]) nulls[c * inputs + i] += CountMissing(*columns[i], begin, begin + some);
      if (layout == Layout::kColumns) {
        for (std::size_t k = 0; k < width; ++k) own[k] = out + k * rows + begin;
        RETURN_IF_ERROR(runner.RunInto(columns, begin, some, own.data(), &unseen[c * read.size()]));
      } else {
        RETURN_IF_ERROR(runner.Run(columns, begin, some, &unseen[c * read.size()]));
        WriteRows(runner.out(), width, some, out + begin * width, width, stream);
      }
    }
    return Ok();
  });
  RETURN_IF_ERROR(status);
  if (counts == nullptr) return Ok();
  for (std::size_t c = 0; c < chunks; ++c) {
    for (std::size_t i = 0; i < read.size(); ++i)
      if (const std::int64_t n = unseen[c * read.size() + i]; n > 0) counts->unseen[read[i]] += n;
    for (std::size_t i = 0; i < inputs; ++i)
      if (const std::int64_t n = nulls[c * inputs + i]; n > 0) counts->nulls[parts.inputs[i].name] += n;
  }
  return Ok();
}

}  // namespace headrace::internal
