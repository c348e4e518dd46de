// A model file of a stranger, in two forms: the file itself, or its members (model_pieces.h), which are then sealed as a careful stranger would.
// What opens must be usable by every program of ours without harm.

#include "headrace/model/model.h"
#include "model_pieces.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string bytes = input.starts_with("PK") ? std::string(input) : fuzz::Seal(fuzz::SplitPieces(input));
  const auto model = Model::FromBytes(std::move(bytes), "fuzz");
  if (model.ok()) fuzz::UseModel(*model);
  else fuzz::Demand(model.status().code() == ErrorCode::kInvalid && !model.status().help().empty());
  return 0;
}
