#include "headrace/embed/headrace.h"

#include "headrace/base/files.h"
#include "headrace/base/version.h"
#include "headrace/embed/border_internal.h"
#include "headrace/model/describe.h"
#include "headrace/step/scoring.h"

namespace headrace {
namespace {

using namespace internal;

Status Take(Result<std::shared_ptr<const Model>> opened, headrace_model** out) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Model> model, std::move(opened));
  RETURN_IF_ERROR(model->ReplayProof());
  Give(std::move(model), out);
  return Ok();
}

Status ScoreStream(const headrace_model* model, ArrowArrayStream* rows, const headrace_score_options* options, ArrowArrayStream* scored) {
  Owned owned(rows);
  if (model == nullptr) return Null("model");
  if (rows == nullptr) return Null("rows");
  if (scored == nullptr) return Null("scored");
  ScoringOptions scoring;
  scoring.model_version = model->model->info().digest.substr(0, 12);
  scoring.threads = 0;
  if (options != nullptr) {
    RETURN_IF_ERROR(CheckThreads(options->threads));
    if (options->reasons < 0) return Error(ErrorCode::kInvalid, "`reasons` is 0 (none) or more, got ", options->reasons);
    scoring.threads = options->threads;
    scoring.reasons = options->reasons;
    if (options->keep_all == 0) {
      scoring.keep.emplace();
      if (options->num_keep > 0 && options->keep == nullptr) return Null("keep");
      for (std::size_t i = 0; i < options->num_keep; ++i) scoring.keep->emplace_back(options->keep[i] == nullptr ? "" : options->keep[i]);
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> imported, ImportStream(owned.Pass()));
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> stream, MakeScoringStream(model->model, std::move(imported), scoring));
  ExportStream(std::move(stream), scored);
  return Ok();
}

Status ScoreInto(const headrace_model* model, ArrowArrayStream* rows, std::int32_t threads, double* scores, std::size_t num_scores) {
  Owned owned(rows);
  if (model == nullptr) return Null("model");
  RETURN_IF_ERROR(CheckThreads(threads));
  ASSIGN_OR_RETURN(const Table table, owned.Read());
  const std::size_t outputs = headrace_num_scores(model);
  if (num_scores != table.num_rows() * outputs || (scores == nullptr && num_scores > 0))
    return Error(ErrorCode::kInvalid, table.num_rows(), " rows of ", outputs, " numbers do not fit into ", scores == nullptr ? 0 : num_scores);
  ASSIGN_OR_RETURN(const std::vector<double> predictions, model->model->scorer().Predict(table, nullptr, threads));
  std::copy(predictions.begin(), predictions.end(), scores);
  return Ok();
}

std::string_view KindName(std::int32_t kind) {
  switch (kind) {
    case HEADRACE_NULL: return "null";
    case HEADRACE_INT: return "an integer";
    case HEADRACE_DOUBLE: return "a double";
    case HEADRACE_TEXT: return "text";
    default: return "of no kind that is known";
  }
}

Result<Value> ToValue(const headrace_value& given, const Field& input) {
  const bool is_number = given.kind == HEADRACE_INT && input.type == Type::kDouble;
  const bool fits = given.kind == HEADRACE_NULL || is_number || given.kind == (input.type == Type::kDouble ? HEADRACE_DOUBLE : input.type == Type::kText ? HEADRACE_TEXT : HEADRACE_INT);
  if (!fits) return Error(ErrorCode::kData, "the value of `", input.name, "` is ", KindName(given.kind), ", but the column is ", TypeName(input.type));
  if (given.kind == HEADRACE_NULL) return Value::Null(input.type);
  if (is_number) return Value::Double(static_cast<double>(given.as_int));
  if (given.kind == HEADRACE_INT) return Value::Int64(input.type, given.as_int);
  if (given.kind == HEADRACE_DOUBLE) return Value::Double(given.as_double);
  if (given.as_text == nullptr && given.size > 0) return Null("as_text");
  return Value::Text(std::string(given.as_text == nullptr ? "" : given.as_text, given.size));
}

Status ScoreRow(const headrace_model* model, const headrace_value* values, std::size_t num_values, double* scores, std::size_t num_scores) {
  if (model == nullptr) return Null("model");
  const Schema& inputs = model->inputs;
  if (num_values != inputs.size() || (values == nullptr && num_values > 0))
    return Error(ErrorCode::kInvalid, "a row of this model has ", inputs.size(), " values, got ", values == nullptr ? 0 : num_values);
  if (scores == nullptr || num_scores != headrace_num_scores(model))
    return Error(ErrorCode::kInvalid, "this model gives ", headrace_num_scores(model), " numbers a row, there is room for ", scores == nullptr ? 0 : num_scores);
  std::vector<Value> row;
  row.reserve(num_values);
  for (std::size_t i = 0; i < num_values; ++i) {
    ASSIGN_OR_RETURN(Value value, ToValue(values[i], inputs[i]));
    row.push_back(std::move(value));
  }
  ASSIGN_OR_RETURN(RowScorer scorer, model->Borrow());
  const Result<std::span<const double>> found = scorer.Score(row);
  if (found.ok()) std::copy(found->begin(), found->end(), scores);
  Status status = found.ok() ? Ok() : found.status();
  model->Return(std::move(scorer));
  return status;
}

}  // namespace

void internal::Give(std::shared_ptr<const Model> model, headrace_model** out) {
  std::vector<Field> inputs;
  for (const InputColumn& input : model->info().inputs) inputs.push_back({input.name, input.type});
  std::string description = DescribeAsJson(*model);
  *out = new headrace_model{std::move(model), Schema(std::move(inputs)), std::move(description), {}, {}};
}

}  // namespace headrace

using headrace::internal::Guarded;
using headrace::internal::Null;

extern "C" {

int32_t headrace_abi_version(void) { return HEADRACE_ABI_VERSION; }
const char* headrace_version(void) { return headrace::ThisBuild().version.c_str(); }

int32_t headrace_load(const char* path, headrace_model** model, headrace_error* error) {
  return Guarded(error, [&]() -> headrace::Status {
    if (path == nullptr) return Null("path");
    if (model == nullptr) return Null("model");
    return headrace::Take(headrace::Model::Open(path), model);
  });
}

int32_t headrace_load_bytes(const void* bytes, size_t size, headrace_model** model, headrace_error* error) {
  return Guarded(error, [&]() -> headrace::Status {
    if (bytes == nullptr) return Null("bytes");
    if (model == nullptr) return Null("model");
    return headrace::Take(headrace::Model::FromBytes(std::string(static_cast<const char*>(bytes), size), "the bytes given"), model);
  });
}

void headrace_free(headrace_model* model) { delete model; }

const void* headrace_bytes(const headrace_model* model, size_t* size) {
  if (size != nullptr) *size = model == nullptr ? 0 : model->model->bytes().size();
  return model == nullptr ? nullptr : model->model->bytes().data();
}

int32_t headrace_save(const headrace_model* model, const char* path, headrace_error* error) {
  return Guarded(error, [&]() -> headrace::Status {
    if (model == nullptr) return Null("model");
    if (path == nullptr) return Null("path");
    return headrace::WriteFileAtomically(path, model->model->bytes());
  });
}

const char* headrace_describe(const headrace_model* model) { return model == nullptr ? "" : model->description.c_str(); }

int32_t headrace_score_stream(const headrace_model* model, struct ArrowArrayStream* rows, const headrace_score_options* options,
                              struct ArrowArrayStream* scored, headrace_error* error) {
  return Guarded(error, [&] { return headrace::ScoreStream(model, rows, options, scored); });
}

int32_t headrace_score_into(const headrace_model* model, struct ArrowArrayStream* rows, int32_t threads, double* scores, size_t num_scores, headrace_error* error) {
  return Guarded(error, [&] { return headrace::ScoreInto(model, rows, threads, scores, num_scores); });
}

size_t headrace_num_inputs(const headrace_model* model) { return model == nullptr ? 0 : model->model->info().inputs.size(); }

size_t headrace_num_scores(const headrace_model* model) {
  if (model == nullptr) return 0;
  const headrace::ModelInfo& info = model->model->info();
  return headrace::NumOutputs(info.task, info.classes.size());
}

int32_t headrace_score_row(const headrace_model* model, const headrace_value* values, size_t num_values, double* scores, size_t num_scores,
                           headrace_error* error) {
  return Guarded(error, [&] { return headrace::ScoreRow(model, values, num_values, scores, num_scores); });
}

}  // extern "C"
