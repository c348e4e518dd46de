// Where a delivery goes: a table of a database (deliver_table.cc), a file, or, when the environment previews, a file beside that no destination sees.

#include "headrace/step/deliver.h"

#include "headrace/base/crash.h"
#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
/// The name of this delivery for ever: who delivers what to where, for which interval. Parameters given on the command line are part
/// of it; those of files are not, so that a changed default revises the same delivery.
std::string DeliveryKey(const StepContext& context, const DeliverSpec& spec) {
  const ResolvedPipeline& pipeline = context.pipeline();
  std::string text = StrCat(pipeline.project, "\n", pipeline.tenant, "\n", pipeline.pipeline, "\n", context.step->name, "\n", spec.connection, "\n", spec.table, "\n",
                            DeliverModeName(spec.mode), "\n", FormatTimestamp(pipeline.interval.start_us), "\n", FormatTimestamp(pipeline.interval.end_us));
  for (const auto& [name, value] : pipeline.params)
    if (value.from == ParamValue::From::kFlag) text += StrCat("\n", name, "=", value.ToString());
  return Sha256Hex(text);
}

/// A destination that is not there or cannot be opened is a matter of delivery, unless it is only busy.
Result<std::unique_ptr<Connection>> OpenDestination(const StepContext& context, const std::string& name) {
  Result<std::unique_ptr<Connection>> connection = OpenConnection(context, name, true);
  if (!connection.ok() && connection.status().code() == ErrorCode::kInvalid) return std::move(connection).status().WithCode(ErrorCode::kDelivery);
  return connection;
}

Result<StepFiles> ToTable(const StepContext& context, const DeliverSpec& spec) {
  const StepInputFile& data = context.inputs.at("data");
  Delivery delivery;
  ASSIGN_OR_RETURN(delivery.table, QualifiedName::Parse(spec.table));
  delivery.mode = static_cast<Delivery::Mode>(spec.mode);
  delivery.key = spec.key;
  delivery.delivery_key = DeliveryKey(context, spec);
  delivery.digest = data.artifact.digest;
  ASSIGN_OR_RETURN(delivery.rows, ParquetRowCount(data.path));
  delivery.interval_end_us = context.pipeline().interval.end_us;
  delivery.allow_older = spec.allow_older;
  delivery.dry_run = context.run->dry_run;
  delivery.run = context.run->run;
  ASSIGN_OR_RETURN(delivery.fence, context.store().FenceOf(delivery.run));
  delivery.now_us = context.run->clock->NowMicros();

  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, StreamParquet(data.path));
  bool unknown_outcome = false;
  StepFiles out;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, OpenDestination(context, spec.connection));
    const auto token = CancelsWith(context, [&connection] { connection->Cancel(); });
    Result<DeliveryReport> report = DeliverToTable(*connection, delivery, std::move(rows), &unknown_outcome);
    if (report.ok()) {
      out.details.delivery = std::move(report).value();
      return out;
    }
    if (!unknown_outcome) return std::move(report).status();
    out.details.notes.push_back(StrCat("the answer to COMMIT was lost (", report.status().message(), "); the ledger was asked"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> again, OpenDestination(context, spec.connection));
  ASSIGN_OR_RETURN(const bool there, WasDelivered(*again, delivery));
  if (!there) return Error(ErrorCode::kBusy, "the COMMIT of the delivery to ", spec.connection, ".", spec.table, " did not take effect").WithHelp("nothing was delivered; run again");
  out.details.delivery = DeliveryReport{};
  out.details.delivery->destination = StrCat(spec.connection, ".", spec.table);
  out.details.delivery->inserted = delivery.rows;
  return out;
}

/// What runs that were killed while they wrote beside `path` left there.
Status RemoveLeftBeside(const StepContext& context, const std::string& path) {
  const std::string start = FileName(path) + ".";
  constexpr std::string_view kEnd = ".tmp";
  for (const std::string& name : ListDirectory(ParentPath(path))) {
    if (!name.starts_with(start) || !name.ends_with(kEnd) || name.size() <= start.size() + kEnd.size()) continue;
    const std::string id = name.substr(start.size(), name.size() - start.size() - kEnd.size());
    const Result<RunRecord> run = context.store().GetRun(id);
    if (run.ok() && run->id == id && (id == context.run->run || run->state != RunState::kRunning)) RETURN_IF_ERROR(RemoveFile(JoinPath(ParentPath(path), name)));
  }
  return Ok();
}

/// The rows of the input, written aside and renamed over `path`. No-op when the file already holds them.
Result<DeliveryReport> WriteRows(const StepContext& context, const std::string& path, bool dry_run) {
  const StepInputFile& data = context.inputs.at("data");
  ASSIGN_OR_RETURN(const FileFormat format, FileFormat::OfPath(path));
  if (!DirectoryExists(ParentPath(path))) RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(engine->AddParquet("rows", data.path));
  RETURN_IF_ERROR(RemoveLeftBeside(context, path));
  const std::string aside = StrCat(path, ".", context.run->run, ".tmp");
  const Result<std::int64_t> written = engine->WriteFile("SELECT * FROM rows", {}, aside, format);
  if (!written.ok()) {
    static_cast<void>(RemoveFile(aside).ok());
    return written.status();
  }
  DeliveryReport report;
  report.mode = "file";
  report.digest = data.artifact.digest;
  const Result<std::string> now = Sha256OfFile(aside), before = Sha256OfFile(path);
  if (now.ok() && before.ok() && *now == *before) {
    report.no_op = true;
    report.unchanged = *written;
  } else {
    report.inserted = *written;
  }
  if (report.no_op || dry_run) {
    RETURN_IF_ERROR(RemoveFile(aside));
    return report;
  }
  CrashPoint("file.before_rename");
  if (const Result<std::int64_t> mine = context.store().FenceOf(context.run->run); !mine.ok()) {   // a file keeps no ledger: look once more
    static_cast<void>(RemoveFile(aside).ok());
    return mine.status();
  }
  RETURN_IF_ERROR(MoveFile(aside, path, true));
  return report;
}

bool InsideProject(const StepContext& context, const std::string& file) {
  if (file.starts_with('/')) return file.starts_with(context.pipeline().root + "/") && file.find("/../") == std::string::npos;
  return !file.starts_with("../") && file.find("/../") == std::string::npos;
}

std::string PreviewPath(const StepContext& context) {
  const ResolvedPipeline& pipeline = context.pipeline();
  return StrCat(context.store().directory(), "/preview/", pipeline.tenant.empty() ? "" : StrCat(pipeline.tenant, "/"), pipeline.pipeline, ".", context.step->name, ".csv");
}
}  // namespace

Result<StepFiles> RunDeliver(const StepContext& context) {
  const auto& spec = context.step->as<DeliverSpec>();
  const bool beside = spec.preview && (spec.file.empty() || !InsideProject(context, spec.file));
  if (!beside && spec.file.empty()) return ToTable(context, spec);
  const std::string path = beside ? PreviewPath(context) : JoinPath(context.pipeline().root, spec.file);
  Result<DeliveryReport> report = WriteRows(context, path, context.run->dry_run);
  if (!report.ok()) {
    Status status = std::move(report).status();
    return status.code() == ErrorCode::kBusy ? status : std::move(status).WithCode(ErrorCode::kDelivery);
  }
  StepFiles out;
  out.details.delivery = std::move(report).value();
  out.details.delivery->destination = beside ? path : spec.file;
  out.details.delivery->preview = beside || context.run->dry_run;
  return out;
}

}  // namespace headrace
