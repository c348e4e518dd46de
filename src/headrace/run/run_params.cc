#include "headrace/run/run_params.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"

namespace headrace {

std::string ParamsJson(const ResolvedPipeline& pipeline) {
  nlohmann::json params = nlohmann::json::object();
  for (const auto& [name, value] : pipeline.params)
    params[name] = {{"value", value.ToString()}, {"from", value.from == ParamValue::From::kFlag ? "flag" : value.from == ParamValue::From::kTenant ? "tenant" : "default"}};
  return DumpJson(params);
}

Result<std::vector<std::pair<std::string, std::string>>> FlagParams(std::string_view json) {
  const nlohmann::json params = ParseJson(json);
  if (!params.is_object()) return Error(ErrorCode::kInvalid, "the recorded parameters of the run do not read");
  std::vector<std::pair<std::string, std::string>> given;
  for (const auto& [name, param] : params.items())
    if (param.value("from", "") == "flag") given.emplace_back(name, param.value("value", ""));
  return given;
}

}  // namespace headrace
