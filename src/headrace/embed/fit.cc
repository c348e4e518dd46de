// The half of headrace.h that fits: models, transforms, and models of what others fitted.
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/embed/border_internal.h"
#include "headrace/feature/transform.h"
#include "headrace/model/converted.h"
#include "headrace/model/learner.h"
#include "headrace/model/target.h"
#include "headrace/model/train.h"
#include "headrace/pipeline/train_words.h"

struct headrace_transform {
  headrace::FittedTransform transform;
  std::string json, description;
};

namespace headrace {
namespace {

using namespace internal;

template <typename T>
T ValueAt(const headrace_column& column, std::size_t row) {
  T value;
  std::memcpy(&value, static_cast<const char*>(column.values) + row * (column.stride == 0 ? sizeof(T) : column.stride), sizeof(T));
  return value;
}

Result<ColumnPtr> Texts(const headrace_column& column, std::size_t rows) {
  if (column.levels == nullptr && column.num_levels > 0) return Null("levels");
  ColumnBuilder builder(Type::kText);
  builder.Reserve(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto place = ValueAt<std::int64_t>(column, r);
    if (place >= 0 && (static_cast<std::size_t>(place) >= column.num_levels || column.levels[place] == nullptr))
      return Error(ErrorCode::kInvalid, "column `", column.name, "` says level ", place, " in row ", r + 1, " and has ", column.num_levels);
    if (place < 0) builder.AppendNull();
    else builder.AppendText(column.levels[place]);
  }
  return builder.Finish();
}

Result<std::pair<Field, ColumnPtr>> Taken(const headrace_column& column, std::size_t rows) {
  if (column.name == nullptr) return Null("name");
  if (column.values == nullptr && rows > 0) return Null("values");
  if (column.kind == HEADRACE_TEXT) {
    ASSIGN_OR_RETURN(ColumnPtr texts, Texts(column, rows));
    return std::pair{Field{column.name, Type::kText}, std::move(texts)};
  }
  if (column.kind == HEADRACE_DOUBLE) {
    std::vector<double> values(rows);
    for (std::size_t r = 0; r < rows; ++r) values[r] = ValueAt<double>(column, r);
    return std::pair{Field{column.name, Type::kDouble}, ColumnPtr(std::make_shared<const Column>(std::move(values), std::vector<std::uint8_t>()))};
  }
  if (column.kind != HEADRACE_INT) return Error(ErrorCode::kInvalid, "column `", column.name, "` is of kind ", column.kind, ", expected HEADRACE_INT, HEADRACE_DOUBLE or HEADRACE_TEXT");
  std::vector<std::int64_t> values(rows);
  for (std::size_t r = 0; r < rows; ++r) values[r] = ValueAt<std::int64_t>(column, r);
  return std::pair{Field{column.name, Type::kInt}, ColumnPtr(std::make_shared<const Column>(Type::kInt, std::move(values), std::vector<std::uint8_t>()))};
}

Status WithColumns(ArrowArrayStream* rows, const headrace_column* columns, std::size_t num_columns, std::size_t num_rows, ArrowArrayStream* out) {
  Owned owned(rows);
  if (out == nullptr) return Null("out");
  if (columns == nullptr && num_columns > 0) return Null("columns");
  Table table;
  if (rows != nullptr) {
    ASSIGN_OR_RETURN(table, owned.Read());
    if (table.num_rows() != num_rows) return Error(ErrorCode::kInvalid, "there are ", table.num_rows(), " rows, and columns of ", num_rows);
  }
  std::vector<Field> fields = table.schema().fields();
  std::vector<ColumnPtr> all;
  for (std::size_t c = 0; c < table.num_columns(); ++c) all.push_back(table.column_ptr(c));
  for (std::size_t c = 0; c < num_columns; ++c) {
    ASSIGN_OR_RETURN(auto taken, Taken(columns[c], num_rows));
    fields.push_back(std::move(taken.first));
    all.push_back(std::move(taken.second));
  }
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) return Error(ErrorCode::kInvalid, "two columns are called `", *twice, "`");
  ExportStream(StreamOf(Table(Schema(std::move(fields)), std::move(all), num_rows)), out);
  return Ok();
}

Result<std::optional<Task>> TaskOf(const headrace_fit_options* options) {
  switch (options == nullptr ? HEADRACE_TASK_OF_TARGET : options->task) {
    case HEADRACE_TASK_OF_TARGET: return std::optional<Task>();
    case HEADRACE_BINARY: return std::optional(Task::kBinary);
    case HEADRACE_MULTICLASS: return std::optional(Task::kMulticlass);
    case HEADRACE_REGRESSION: return std::optional(Task::kRegression);
    default: return Error(ErrorCode::kInvalid, "`task` is ", options->task, ", which is none of headrace_task");
  }
}

/// The task that is asked for goes into the learner's settings, unless those say another.
Status SetTask(const headrace_fit_options* options, TrainSpec& spec) {
  ASSIGN_OR_RETURN(const std::optional<Task> task, TaskOf(options));
  if (!task) return Ok();
  if (!spec.treatment.empty() && *task != Task::kRegression)
    return Error(ErrorCode::kInvalid, "a model of uplift gives a number, and the target asks for a ", TaskName(*task), " one").WithHelp("use a regressor, or leave the task to the target");
  const std::optional<Task> implied = TaskOfLearner(spec.learner);
  if (implied && *implied != *task)
    return Error(ErrorCode::kInvalid, "the learner is for a ", TaskName(*implied), " model, and the target asks for a ", TaskName(*task), " one").WithHelp("choose another learner or objective");
  spec.learner.task = task;
  return Ok();
}

Status TrainModel(ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_model** model) {
  Owned owned(rows);
  if (words == nullptr) return Null("words");
  if (model == nullptr) return Null("model");
  ASSIGN_OR_RETURN(TrainSpec spec, ParseTrainWords(words));
  RETURN_IF_ERROR(SetTask(options, spec));
  TrainContext context;
  if (options != nullptr) {
    RETURN_IF_ERROR(CheckThreads(options->threads));
    context.threads = options->threads;
    context.evaluate = options->evaluate != 0;
    if (options->cancelled != nullptr) context.cancelled = [options] { return options->cancelled(options->data) != 0; };
  }
  ASSIGN_OR_RETURN(Table table, owned.Read());
  ASSIGN_OR_RETURN(TrainOutput trained, Train(std::move(table), spec, context));
  Give(std::move(trained.model), model);
  return Ok();
}

/// The target where there is one that steps could learn from; whatever is wrong with it matters only to them.
Status ReadTarget(const Table& table, const TrainSpec& spec, FitContext& fit) {
  fit.has_target = !spec.target.empty();
  fit.target.assign(table.num_rows(), 0.0);
  if (!fit.has_target) return Ok();
  Result<Target> target = ExtractTarget(table, spec);
  fit.has_target = target.ok();
  if (!target.ok()) return std::move(target).status();
  fit.task = target->task;
  fit.classes = std::max(2, static_cast<int>(target->classes.size()));
  fit.class_names = std::move(target->classes);
  fit.target = std::move(target->values);
  return Ok();
}

void GiveTransform(FittedTransform transform, headrace_transform** out) {
  nlohmann::ordered_json inputs = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < transform.input_schema().size(); ++i) {
    const Field& field = transform.input_schema()[i];
    inputs.push_back({{"name", field.name}, {"type", TypeName(field.type)}, {"nullable", bool(transform.input_nullable()[i])}});
  }
  const nlohmann::ordered_json description{{"inputs", inputs}, {"outputs", transform.output_names()}};
  std::string json = transform.ToJson();
  *out = new headrace_transform{std::move(transform), std::move(json), DumpJson(description)};
}

Status FitOnly(ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_transform** transform, headrace_matrix* training) {
  Owned owned(rows);
  if (words == nullptr) return Null("words");
  if (transform == nullptr) return Null("transform");
  ASSIGN_OR_RETURN(TrainSpec spec, ParseTransformWords(words));
  FitContext fit;
  fit.linear_learner = spec.learner.given && !GrowsTrees(spec.learner.kind);
  spec.learner = {};  // for which learner says nothing of the target: {learner: linear} stands for classifiers too
  ASSIGN_OR_RETURN(spec.learner.task, TaskOf(options));
  if (options != nullptr) {
    RETURN_IF_ERROR(CheckThreads(options->threads));
    fit.threads = options->threads;
  }
  ASSIGN_OR_RETURN(const Table table, owned.Read());
  const Status target = ReadTarget(table, spec, fit);
  fit.target_column = spec.target;
  fit.exclude = spec.key;
  fit.exclude.insert(fit.exclude.end(), spec.ignore.begin(), spec.ignore.end());
  fit.matrix = training != nullptr;
  fit.compress = false;
  Result<FitOutput> fitted = FitTransform(table, spec.transform, fit);
  if (!fitted.ok() && !target.ok()) return target;
  RETURN_IF_ERROR(fitted.status());
  if (training != nullptr) {
    const std::vector<double>& matrix = fitted->matrix.values();
    auto* values = static_cast<double*>(std::malloc(std::max<std::size_t>(1, matrix.size()) * sizeof(double)));
    if (values == nullptr) throw std::bad_alloc();
    std::copy(matrix.begin(), matrix.end(), values);
    *training = {values, table.num_rows(), fitted->transform.output_names().size()};
  }
  GiveTransform(std::move(fitted->transform), transform);
  return Ok();
}

Status ReadTransform(const char* json, std::size_t size, headrace_transform** transform) {
  if (json == nullptr) return Null("json");
  if (transform == nullptr) return Null("transform");
  ASSIGN_OR_RETURN(FittedTransform read, FittedTransform::FromJson({json, size}));
  GiveTransform(std::move(read), transform);
  return Ok();
}

/// Block after block through a transform.
class TransformedStream final : public TableStream {
 public:
  TransformedStream(FittedTransform transform, std::unique_ptr<TableStream> rows, int threads) : transform_(std::move(transform)), rows_(std::move(rows)), threads_(threads) {
    std::vector<Field> fields;
    for (const std::string& name : transform_.output_names()) fields.push_back({name, Type::kDouble});
    schema_ = Schema(std::move(fields));
  }
  const Schema& schema() const override { return schema_; }
  Result<std::optional<Table>> Next() override {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    const std::size_t n = block->num_rows();
    std::vector<double> numbers(n * schema_.size());
    RETURN_IF_ERROR(transform_.Apply(*block, numbers, nullptr, threads_, Layout::kColumns));
    std::vector<ColumnPtr> columns;
    for (std::size_t k = 0; k < schema_.size(); ++k) {
      const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(k * n);
      columns.push_back(std::make_shared<const Column>(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(n)), std::vector<std::uint8_t>()));
    }
    return std::optional<Table>(Table(schema_, std::move(columns), n));
  }

 private:
  FittedTransform transform_;
  std::unique_ptr<TableStream> rows_;
  int threads_;
  Schema schema_;
};

Status TransformStream(const headrace_transform* transform, ArrowArrayStream* rows, std::int32_t threads, ArrowArrayStream* made) {
  Owned owned(rows);
  if (transform == nullptr) return Null("transform");
  if (rows == nullptr) return Null("rows");
  if (made == nullptr) return Null("made");
  RETURN_IF_ERROR(CheckThreads(threads));
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> imported, ImportStream(owned.Pass()));
  ExportStream(std::make_unique<TransformedStream>(transform->transform, std::move(imported), threads), made);
  return Ok();
}

Status TransformInto(const headrace_transform* transform, ArrowArrayStream* rows, std::int32_t threads, double* values, std::size_t num_values) {
  Owned owned(rows);
  if (transform == nullptr) return Null("transform");
  RETURN_IF_ERROR(CheckThreads(threads));
  ASSIGN_OR_RETURN(const Table table, owned.Read());
  const std::size_t width = transform->transform.output_names().size();
  if (num_values != table.num_rows() * width || (values == nullptr && num_values > 0))
    return Error(ErrorCode::kInvalid, table.num_rows(), " rows of ", width, " numbers do not fit into ", values == nullptr ? 0 : num_values);
  return transform->transform.Apply(table, {values, num_values}, nullptr, threads);
}

Status Convert(const char* description, std::size_t size, ArrowArrayStream* sample, std::int32_t threads, headrace_model** model) {
  Owned owned(sample);
  if (description == nullptr) return Null("description");
  if (model == nullptr) return Null("model");
  RETURN_IF_ERROR(CheckThreads(threads));
  ASSIGN_OR_RETURN(const Table rows, owned.Read());
  ASSIGN_OR_RETURN(std::shared_ptr<const Model> converted, ConvertModel({description, size}, rows, threads));
  Give(std::move(converted), model);
  return Ok();
}

}  // namespace
}  // namespace headrace

using headrace::internal::Guarded;

extern "C" {

int32_t headrace_with_columns(struct ArrowArrayStream* rows, const headrace_column* columns, size_t num_columns, size_t num_rows,
                              struct ArrowArrayStream* out, headrace_error* error) {
  return Guarded(error, [&] { return headrace::WithColumns(rows, columns, num_columns, num_rows, out); });
}

int32_t headrace_train(struct ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_model** model, headrace_error* error) {
  return Guarded(error, [&] { return headrace::TrainModel(rows, words, options, model); });
}

void headrace_free_matrix(headrace_matrix* matrix) {
  if (matrix == nullptr) return;
  std::free(matrix->values);
  *matrix = {};
}

int32_t headrace_fit_transform(struct ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_transform** transform,
                               headrace_matrix* training, headrace_error* error) {
  return Guarded(error, [&] { return headrace::FitOnly(rows, words, options, transform, training); });
}

int32_t headrace_read_transform(const char* json, size_t size, headrace_transform** transform, headrace_error* error) {
  return Guarded(error, [&] { return headrace::ReadTransform(json, size, transform); });
}

void headrace_free_transform(headrace_transform* transform) { delete transform; }

const char* headrace_transform_json(const headrace_transform* transform) { return transform == nullptr ? "" : transform->json.c_str(); }

const char* headrace_transform_describe(const headrace_transform* transform) { return transform == nullptr ? "" : transform->description.c_str(); }

int32_t headrace_transform_stream(const headrace_transform* transform, struct ArrowArrayStream* rows, int32_t threads, struct ArrowArrayStream* made,
                                  headrace_error* error) {
  return Guarded(error, [&] { return headrace::TransformStream(transform, rows, threads, made); });
}

int32_t headrace_transform_into(const headrace_transform* transform, struct ArrowArrayStream* rows, int32_t threads, double* values, size_t num_values,
                                headrace_error* error) {
  return Guarded(error, [&] { return headrace::TransformInto(transform, rows, threads, values, num_values); });
}

int32_t headrace_convert(const char* description, size_t size, struct ArrowArrayStream* sample, int32_t threads, headrace_model** model, headrace_error* error) {
  return Guarded(error, [&] { return headrace::Convert(description, size, sample, threads, model); });
}

}  // extern "C"
