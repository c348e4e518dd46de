#include "headrace/model/spec.h"

namespace headrace {

std::string_view TaskName(Task task) {
  switch (task) {
    case Task::kBinary: return "binary";
    case Task::kMulticlass: return "multiclass";
    case Task::kRegression: return "regression";
  }
  return "";
}

}  // namespace headrace
