#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/cli/scaffold.h"

namespace headrace {

/// A project that `headrace init` can write: its name, and one line that says what it does.
struct ProjectTemplate {
  std::string_view name, description;
};

/// All of them, the one for a first look in front.
std::span<const ProjectTemplate> ProjectTemplates();

/// headrace.yaml and .gitignore, alike in every new project.
std::vector<NewFile> CommonFiles(std::string_view project);

/// The files of the project that `name` stands for, made-up data included; the same bytes every time. kInvalid for an
/// unknown name, with the nearest one.
Result<std::vector<NewFile>> TemplateFiles(std::string_view name);

// The made-up data of each template: path and CSV text. Made by rules with noise, so that a model has something to
// find; with a few nulls and one rare category, as real tables have.
std::vector<NewFile> ChurnData();
std::vector<NewFile> LeadScoringData();
std::vector<NewFile> ForecastData();

}  // namespace headrace
