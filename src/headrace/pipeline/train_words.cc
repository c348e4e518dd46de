#include "headrace/pipeline/train_words.h"

#include <algorithm>
#include <set>

#include "headrace/base/text.h"
#include "headrace/model/train.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/schema.h"
#include "headrace/pipeline/yaml.h"

namespace headrace {
namespace {

Result<TrainSpec> Parse(std::string_view text, const Shape& shape) {
  const YamlLimits limits;
  ASSIGN_OR_RETURN(const std::shared_ptr<const SourceFile> source, MakeSource("train", std::string(text), limits.max_bytes));
  Diagnostics diagnostics;
  std::optional<Node> node = ParseYaml(source, diagnostics, limits);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  if (!node || !CheckShape(*node, shape, "`train`", nullptr, diagnostics)) {
    RETURN_IF_ERROR(diagnostics.ToStatus());
    return Error(ErrorCode::kInvalid, "the words of `train` could not be read");
  }
  TrainSpec spec = DecodeTrain(*node, nullptr, diagnostics);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return spec;
}

}  // namespace

Result<TrainSpec> ParseTrainWords(std::string_view text) {
  static const Shape shape = [] {
    Shape words = TrainShape();
    std::erase_if(words.keys, [](const Key& key) { return key.name == "data"; });
    return words;
  }();
  ASSIGN_OR_RETURN(TrainSpec spec, Parse(text, shape));
  if (spec.target.empty() && spec.learner.kind != LearnerSpec::Kind::kKMeans) return Error(ErrorCode::kInvalid, "`train` needs the key `target`").WithHelp("add `target: churned`");
  RETURN_IF_ERROR(CheckTrainSpec(spec));
  return spec;
}

Result<TrainSpec> ParseTransformWords(std::string_view text) {
  static const Shape shape = [] {
    const std::set<std::string> kept{"target", "positive", "key", "ignore", "transform", "learner"};
    Shape words = TrainShape();
    std::erase_if(words.keys, [&](const Key& key) { return !kept.contains(key.name); });
    for (Key& key : words.keys) key.required = false;
    return words;
  }();
  return Parse(text, shape);
}

}  // namespace headrace
