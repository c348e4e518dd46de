// What checks measured, run by run: the history that baselines learn from. A row names its run but does not hang on it: runs go by `gc`, and a
// baseline that forgot with them would be of no use. A row is some 150 bytes.
#include "headrace/base/text.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::Statement;

namespace {
std::string Text(const std::optional<double>& value) { return value ? FormatDouble(*value) : std::string(); }

std::optional<double> Number(const std::string& text) {
  double value = 0;
  return !text.empty() && ParseDouble(text, &value) ? std::optional<double>(value) : std::nullopt;
}
}  // namespace

/// In a transaction. A dry run leaves none; a step that is done again in its run leaves what it found last.
Status Store::WriteMeasurements(const StepRecord& step) {
  for (const Measurement& m : step.measured) {
    Statement insert(*db_, "INSERT INTO measurements SELECT pipeline, tenant, environment, ?2, ?3, ?4, interval_start_us, interval_end_us, id, CAST(?5 AS BIGINT), ?6, ?7, ?8, ?9, CAST(?10 AS BIGINT) FROM runs "
                           "WHERE id = ?1 AND trigger <> 'dry run' "
                           "ON CONFLICT (pipeline, tenant, environment, step, measure, interval_start_us, segment, run) DO UPDATE SET measured_us = excluded.measured_us, "
                           "value = excluded.value, lower_end = excluded.lower_end, upper_end = excluded.upper_end, verdict = excluded.verdict, good = excluded.good");
    insert.Bind(step.run, step.step, m.measure, m.segment, step.finished_us, FormatDouble(m.value), Text(m.lower), Text(m.upper), m.verdict, m.good);
    RETURN_IF_ERROR(insert.Run());
  }
  return Ok();
}

Result<std::vector<Measurement>> Store::ReadMeasurements(const MeasurementQuery& query) {
  const std::lock_guard lock(mutex_);
  // Newest first, and within an interval and segment the one that counts first.
  Statement find(*db_, StrCat("SELECT measure, segment, value, lower_end, upper_end, verdict, good, step, run, interval_start_us, interval_end_us, measured_us FROM measurements "
                              "WHERE pipeline = ?1 AND tenant = ?2 AND environment = ?3 AND step = ?4 AND interval_start_us < ?5 ", query.measure.empty() ? "AND measure <> ?6" : "AND measure = ?6",
                              " ORDER BY interval_start_us DESC, measure, segment, good DESC, measured_us DESC, run DESC LIMIT ?7"));
  find.Bind(query.pipeline, query.tenant, query.environment, query.step, query.before_us.value_or(INT64_MAX), query.measure, query.limit);
  std::vector<Measurement> found;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) break;
    Measurement m;
    m.measure = find.Text(0);
    m.segment = find.Text(1);
    m.interval_start_us = find.Int(9);
    if (!found.empty() && found.back().interval_start_us == m.interval_start_us && found.back().measure == m.measure && found.back().segment == m.segment) continue;
    m.value = Number(find.Text(2)).value_or(0);
    m.lower = Number(find.Text(3));
    m.upper = Number(find.Text(4));
    m.verdict = find.Text(5);
    m.good = find.Int(6) != 0;
    m.step = find.Text(7);
    m.run = find.Text(8);
    m.interval_end_us = find.Int(10);
    m.measured_us = find.Int(11);
    found.push_back(std::move(m));
  }
  return std::vector<Measurement>(std::make_move_iterator(found.rbegin()), std::make_move_iterator(found.rend()));
}

Result<std::optional<Store::EarlierOutput>> Store::OutputOfIntervalBefore(std::string_view pipeline, std::string_view tenant, std::string_view environment,
                                                                          std::string_view step, std::int64_t interval_start_us) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, "SELECT runs.id, digest, rows, interval_start_us, interval_end_us FROM runs JOIN outputs ON outputs.run = runs.id "
                       "WHERE pipeline = ?1 AND tenant = ?2 AND interval_start_us < ?3 AND environment = ?4 AND trigger <> 'dry run' AND step = ?5 AND output = '' "
                       "ORDER BY interval_start_us DESC, started_us DESC, id DESC LIMIT 1");
  find.Bind(pipeline, tenant, interval_start_us, environment, step);
  ASSIGN_OR_RETURN(const bool any, find.Step());
  if (!any) return std::optional<EarlierOutput>();
  return std::optional<EarlierOutput>(EarlierOutput{find.Text(0), find.Text(1), find.Int(2), find.Int(3), find.Int(4)});
}

}  // namespace headrace
