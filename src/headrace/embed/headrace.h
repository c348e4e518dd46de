/* Headrace's C ABI: load a model file, ask what it reads, score a stream of rows or one row; fit a model or a transform. For programs in any language.
 *
 * Errors are values: a function that can fail returns 0 or the exit code that the program `headrace` would end with (HEADRACE_INVALID, HEADRACE_DATA, ...)
 * and tells why in `error`, which may be null. What it was to give is untouched then. Nothing throws, prints or ends the process.
 *
 * Threads: a model is immutable; any number of threads may use one at once, each with an error of its own. A stream has one reader.
 *
 * Text is UTF-8 and ends with a zero byte. Names and numbers stay as they are while HEADRACE_ABI_VERSION does: new functions are added, none is changed.
 */
#ifndef HEADRACE_H
#define HEADRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEADRACE_ABI_VERSION 1

struct ArrowArrayStream; /* the Arrow C stream interface: https://arrow.apache.org/docs/format/CStreamInterface.html */

enum headrace_code {
  HEADRACE_OK = 0,
  HEADRACE_FAILED = 1,
  HEADRACE_INVALID = 2, /* a foreign, damaged or too new model file; an argument that means nothing */
  HEADRACE_DATA = 3,    /* the rows do not fit the model: a missing column, another type, an infinity */
  HEADRACE_BUSY = 75    /* out of memory or files: try again later */
};

typedef struct headrace_error {
  int32_t code;
  char message[1536]; /* what was expected, what came, where; cut at a character's end if it is longer */
  char help[508];     /* what to do; may be empty */
} headrace_error;

typedef struct headrace_model headrace_model;

/* HEADRACE_ABI_VERSION of the library that was loaded. */
int32_t headrace_abi_version(void);
/* "0.1.0" */
const char* headrace_version(void);

/* Read a model file: everything in it is checked, then the scores of the made-up rows inside are computed again and must agree in every bit. */
int32_t headrace_load(const char* path, headrace_model** model, headrace_error* error);
int32_t headrace_load_bytes(const void* bytes, size_t size, headrace_model** model, headrace_error* error);
/* Null is fine. Streams that score with it keep what they need. */
void headrace_free(headrace_model* model);

/* What the model says of itself, as JSON: what `headrace --json inspect FILE` prints. Lives as long as the model. */
const char* headrace_describe(const headrace_model* model);

/* The model file, whole: what headrace_load_bytes takes. Lives as long as the model. Null and 0 of a null model. */
const void* headrace_bytes(const headrace_model* model, size_t* size);
int32_t headrace_save(const headrace_model* model, const char* path, headrace_error* error);

typedef struct headrace_score_options {
  int32_t threads;         /* 0 = all cores; never changes a bit of a score */
  int32_t reasons;         /* columns reason_1, reason_2, ...: what moved the row's score most (docs/explanations.md); 0 = none */
  int32_t keep_all;        /* 1: every column but the model's target is carried over; 0: those that `keep` names */
  const char* const* keep;
  size_t num_keep;
} headrace_score_options;

/* The rows of `rows` with their scores, in their order: the columns kept, `score`, for several classes one `score_<class>` each, `label` (none for a
 * regression), or of a model of clusters `cluster` and `distance`, reasons if asked for, `model_version` (the first 12 characters of the file's digest). Columns are found by name; others do not matter.
 * Reasons tell no value of a column that a contract tagged as personal when the model was trained.
 *
 * `rows` is taken over, whether this fails or not; `scored` is the caller's to release. Blocks are read and scored as they are asked for: an error met on the way is
 * the stream's (get_next, get_last_error). `options` may be null: all cores, every column kept. */
int32_t headrace_score_stream(const headrace_model* model, struct ArrowArrayStream* rows, const headrace_score_options* options,
                              struct ArrowArrayStream* scored, headrace_error* error);

/* The numbers alone: `num_scores` = rows x headrace_num_scores of them, row after row. `rows` is taken over, whether this fails or not. */
int32_t headrace_score_into(const headrace_model* model, struct ArrowArrayStream* rows, int32_t threads, double* scores, size_t num_scores,
                            headrace_error* error);

enum headrace_kind { HEADRACE_NULL = 0, HEADRACE_INT = 1, HEADRACE_DOUBLE = 2, HEADRACE_TEXT = 3 };

/* A value of one row. HEADRACE_INT is also a bool (0, 1), a date (days since 1970-01-01) and a timestamp (microseconds since then, UTC). */
typedef struct headrace_value {
  int32_t kind;
  int64_t as_int; /* read for HEADRACE_INT only, and so on */
  double as_double;
  const char* as_text; /* `size` bytes, borrowed for the call */
  size_t size;
} headrace_value;

/* How many values a row has, and how many numbers come out (1; for several classes one a class, in the order of `classes` in headrace_describe; of a model of
 * clusters the cluster and the distance to its centre). */
size_t headrace_num_inputs(const headrace_model* model);
size_t headrace_num_scores(const headrace_model* model);

/* Score one row: `values` in the order of `inputs` in headrace_describe. The same bits as in a stream. */
int32_t headrace_score_row(const headrace_model* model, const headrace_value* values, size_t num_values, double* scores, size_t num_scores,
                           headrace_error* error);

/* --- Rows without an Arrow library of one's own --- */

typedef struct headrace_column {
  const char* name;
  int32_t kind;       /* HEADRACE_DOUBLE: `values` are double, NaN is missing; HEADRACE_INT: int64_t; HEADRACE_TEXT: int64_t, places in `levels`, below 0 is null */
  const void* values; /* borrowed for the call */
  size_t stride;      /* bytes from one value to the next; 0: they lie side by side */
  const char* const* levels;
  size_t num_levels;
} headrace_column;

/* `rows` (null: nothing) with further columns, each of `num_rows` rows, as one stream. All is copied. `rows` is taken over, whether this fails or not. */
int32_t headrace_with_columns(struct ArrowArrayStream* rows, const headrace_column* columns, size_t num_columns, size_t num_rows,
                              struct ArrowArrayStream* out, headrace_error* error);

/* --- Fitting --- */

enum headrace_task { HEADRACE_TASK_OF_TARGET = 0, HEADRACE_BINARY = 1, HEADRACE_MULTICLASS = 2, HEADRACE_REGRESSION = 3 };

typedef struct headrace_fit_options {
  int32_t threads;  /* 0 = all cores; never changes a bit */
  int32_t task;     /* what the target is, where its values leave that open */
  int32_t evaluate; /* 1: when `split` leaves no test rows, fit folds too and tell from them how good the model is, as a pipeline does; 0: fit only what is needed */
  int32_t (*cancelled)(void* data); /* asked now and then, from several threads; not 0 ends the fit; may be null */
  void* data;
} headrace_fit_options;

/* Fit a model. `words` is what stands under `train` in a pipeline file, without `data`, as YAML or JSON: {"target": "churned", "learner": "lightgbm"}
 * (docs/pipeline-files.md). `rows` is taken over, whether this fails or not. `options` may be null: all cores, task from the target, evaluated. */
int32_t headrace_train(struct ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_model** model, headrace_error* error);

typedef struct headrace_transform headrace_transform;

/* Numbers row after row, the receiver's to free. */
typedef struct headrace_matrix {
  double* values;
  size_t rows, columns;
} headrace_matrix;
void headrace_free_matrix(headrace_matrix* matrix);

/* Fit only what comes before the learner. `words` as in headrace_train, of which `transform`, `learner` (for which learner: linear ones take no missing values),
 * `target`, `positive`, `key` and `ignore` may be said. Without a target, steps that learn from one are refused. `training` (may be null) takes what the learner would
 * see of `rows`: what the transform gives, but target encodings are cross-fitted. `rows` is taken over, whether this fails or not. */
int32_t headrace_fit_transform(struct ArrowArrayStream* rows, const char* words, const headrace_fit_options* options, headrace_transform** transform,
                               headrace_matrix* training, headrace_error* error);
/* What headrace_transform_json gave, or the member transform.json of a model file. */
int32_t headrace_read_transform(const char* json, size_t size, headrace_transform** transform, headrace_error* error);
void headrace_free_transform(headrace_transform* transform);
/* All of it; reads back to the same bits. Lives as long as the transform, as does: */
const char* headrace_transform_json(const headrace_transform* transform);
/* {"inputs": [{"name", "type", "nullable"}], "outputs": [names]} */
const char* headrace_transform_describe(const headrace_transform* transform);
/* A column of numbers for each output; missing is NaN. `rows` is taken over, `made` is the caller's to release; blocks are made as they are asked for. */
int32_t headrace_transform_stream(const headrace_transform* transform, struct ArrowArrayStream* rows, int32_t threads, struct ArrowArrayStream* made,
                                  headrace_error* error);
/* The numbers alone: `num_values` = rows x outputs of them, row after row. */
int32_t headrace_transform_into(const headrace_transform* transform, struct ArrowArrayStream* rows, int32_t threads, double* values, size_t num_values,
                                headrace_error* error);

/* A model of what another program fitted. `description` is JSON: src/headrace/model/converted.h. `sample`: rows like those to be scored, for the profile and the
 * proof; none is kept. It is taken over, whether this fails or not. */
int32_t headrace_convert(const char* description, size_t size, struct ArrowArrayStream* sample, int32_t threads, headrace_model** model, headrace_error* error);

#ifdef __cplusplus
}
#endif
#endif
