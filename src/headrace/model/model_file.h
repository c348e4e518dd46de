#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/model.h"

namespace headrace {

/// The newest layout this program writes and the newest it reads (docs/model-file.md).
inline constexpr int kModelFormat = 1;

/// What Train hands over to be written.
struct ModelContents {
  ModelInfo info;  ///< all but `digest` and the build, which Write fills in
  std::string transform, learner_member, learner, calibration, metrics, profile, proof, card;  ///< the members' bytes
};

/// Between a model in memory and its file (layout and guarantees: docs/model-file.md).
class ModelFile {
 public:
  /// The file's bytes. Equal contents written by equal builds give equal bytes. kInvalid: a name that is not UTF-8.
  static Result<std::string> Write(const ModelContents& contents);

  /// Check everything, then make the model. `name` is for messages: the path, or where the bytes came from.
  static Result<std::shared_ptr<const Model>> Read(std::string bytes, std::string_view name);

 private:
  static Result<std::shared_ptr<const Model>> ReadChecked(std::string bytes);
};

}  // namespace headrace
