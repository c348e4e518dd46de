#include "headrace/aggregate/aggregate.h"

#include "headrace/base/memory.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/sql_text.h"
#include "headrace/step/step_internal.h"

namespace headrace {
namespace {
/// What people want to know of the events and dates.
std::vector<std::string> Notes(const AggregateSpec& spec, const AggregateCounts& counts) {
  const auto count = [](std::int64_t n, std::string_view one, std::string_view many) { return StrCat(FormatCount(n), " ", n == 1 ? one : many); };
  std::vector<std::string> notes = {StrCat(count(counts.rows, "row", "rows"), " of ", count(counts.entities, "entity", "entities"), " as of ",
                                           spec.as_of ? spec.as_of->ToString() : count(counts.dates, "date", "dates"), ", from ", count(counts.events, "event", "events"))};
  const auto left_out = [&notes, &count](std::int64_t n, std::string_view why) {
    if (n > 0) notes.push_back(StrCat(count(n, "event", "events"), " ", why));
  };
  left_out(counts.at_or_after, spec.labels.empty() ? "at or after the last date left out" : "at or after the last date, which no feature read");
  left_out(counts.known_late, "before the last date left out: known only after it");
  left_out(counts.without_entity, StrCat("without `", spec.entity, "` left out"));
  left_out(counts.of_others, "of entities without a date left out");
  if (counts.raised > 0) notes.push_back(StrCat(count(counts.raised, "expression", "expressions"), " could not be computed and counted as null"));
  if (counts.spilled_bytes > 0) notes.push_back(StrCat("memory was too small for all events: ", FormatCount(counts.spilled_bytes / 1'000'000), " MB went to disk and back"));
  if (counts.labels_open > 0)
    notes.push_back(StrCat("the labels of ", count(counts.labels_open, "row", "rows"), " look beyond the newest event (", FormatTimestamp(counts.newest_us), "): leave out dates that are too young"));
  return notes;
}
/// A quarter of what this process may take: the engine that reads the events gets as much, what writes the rows needs its own, and other steps run beside.
std::int64_t MemoryForEvents() {
  const std::int64_t stated = StatedMemory();
  return (stated > 0 ? stated : MachineMemory()) / 4;
}
}  // namespace

Result<StepFiles> RunAggregate(const StepContext& context) {
  const auto& spec = context.step->as<AggregateSpec>();
  const std::int64_t memory = MemoryForEvents();
  Engine::Options options;
  options.memory_limit = StrCat(memory / (1 << 20), "MiB");
  options.any_file = true;                             // our own files, in our own query
  options.threads = ResolveThreads(context.run->threads);   // the order of events does not matter
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(engine->AddParquet("events", context.inputs.at(std::string(kEventsInput)).path));
  ASSIGN_OR_RETURN(const Schema events_schema, engine->Describe("SELECT * FROM events"));
  std::optional<Table> dates;
  if (!spec.as_of) {
    ASSIGN_OR_RETURN(dates, ReadParquet(context.inputs.at(std::string(kDatesInput)).path));
  }
  ASSIGN_OR_RETURN(const AggregatePlan plan, AggregatePlan::Make(spec, events_schema, dates ? &dates->schema() : nullptr));

  std::vector<std::string> columns;
  for (const std::string& column : plan.event_columns()) columns.push_back(QuoteIdentifier(column));
  AggregateCounts counts;
  std::unique_ptr<TableStream> rows;
  {
    const auto token = CancelsWith(context, [&engine] { engine->Cancel(); });
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> events, engine->Query(StrCat("SELECT ", Join(columns, ", "), " FROM events")));
    if (context.progress) context.progress("reading events", 0.1);
    ASSIGN_OR_RETURN(rows, Aggregate(plan, *events, dates, {context.run->threads, context.cancelled, memory, context.store().ScratchPath(".events")}, counts));
  }
  engine.reset();
  if (context.progress) context.progress("computing features", 0.6);
  const std::string path = context.store().ScratchPath(".parquet");
  ASSIGN_OR_RETURN(const std::int64_t count, WriteParquetFile(std::move(rows), path, context.run->threads));
  StepFiles out;
  out.files[""] = {path, "dataset", count};
  out.details.notes = Notes(spec, counts);
  return out;
}

}  // namespace headrace
