#include "headrace/model/model.h"

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/model/model_file.h"
#include "headrace/model/proof.h"

namespace headrace {

Model::Model() = default;
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  return ModelFile::Read(std::move(bytes), path);
}

Result<std::shared_ptr<const Model>> Model::FromBytes(std::string bytes, std::string_view name) {
  return ModelFile::Read(std::move(bytes), name);
}

Result<std::string> Model::Member(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [member, place] : members_) {
    if (member == name) return bytes_.substr(place.first, place.second);
    names.push_back(member);
  }
  return Error(ErrorCode::kInvalid, "a model file has no member `", name, "`; it has ", Join(names, ", "));
}

Status Model::ReplayProof() const {
  ASSIGN_OR_RETURN(const std::string proof, Member("proof.arrow"));
  return headrace::ReplayProof(*scorer_, proof);
}

}  // namespace headrace
