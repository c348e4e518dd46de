// `headrace contract`: what is promised of a dataset, compared.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "headrace/check/check.h"
#include "headrace/check/contract_diff.h"
#include "headrace/cli/command.h"
#include "headrace/cli/data_source.h"
#include "headrace/pipeline/decode.h"

namespace headrace {

namespace {
struct DiffFlags {
  std::string before, after, delimiter;
};

/// One side of a comparison: a contract file, or data with what holds of them.
struct Side {
  Contract contract;
  std::optional<DataProfile> profile;
  std::optional<DataSource> data;
  const DataProfile* measured() const { return profile ? &*profile : nullptr; }
};

bool IsContract(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

/// Names, types and nulls as the data have them; bounds are left to the checks.
Contract ContractOf(const DataProfile& profile) {
  Contract contract;
  for (const ColumnMeasures& measures : profile.columns) {
    ContractColumn& column = contract.columns.emplace_back();
    column.name = measures.field.name;
    column.type = measures.field.type;
    column.nullable = measures.nulls > 0;
  }
  return contract;
}

/// `types`: of the other side, so that text files are read as it promises.
Result<Side> OpenSide(const std::string& path, const std::string& delimiter, const Schema& types, const std::set<std::string>& personal, const GlobalFlags& global, Diagnostics& diagnostics) {
  Side side;
  if (IsContract(path)) {
    std::optional<Contract> contract = ReadContractFile(path, path, diagnostics);
    if (!contract) return Error(ErrorCode::kInvalid, "`", path, "` is no contract");
    side.contract = *std::move(contract);
    return side;
  }
  ASSIGN_OR_RETURN(side.data, DataSource::Open({path, delimiter, types}, global));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, side.data->Rows());
  ASSIGN_OR_RETURN(side.profile, ProfileRows(*rows, personal));
  side.contract = ContractOf(*side.profile);
  return side;
}

std::set<std::string> PersonalOf(const Contract& contract) {
  std::set<std::string> names;
  for (const ContractColumn& column : contract.columns)
    if (column.personal) names.insert(column.name);
  return names;
}

/// What data promise is what they hold: what a contract says of personal columns, of columns it does not know, and of bounds is not compared with them as text,
/// but judged on them.
Status JudgeBounds(const Contract& before, const Side& after, std::vector<ContractChange>& changes) {
  Contract known = before;
  std::erase_if(known.columns, [&](const ContractColumn& column) {
    const auto at = after.data->schema().IndexOf(column.name);
    return !at || after.data->schema()[*at].type != column.type;
  });
  const std::vector<CheckSpec> rules = RulesOf(known, Severity::kError);
  if (rules.empty()) return Ok();
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, after.data->Rows());
  ASSIGN_OR_RETURN(const std::vector<CheckVerdict> verdicts, RunChecks(rules, *rows));
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (!verdicts[i].passed) changes.push_back({rules[i].columns[0], true, verdicts[i].message});
  return Ok();
}

Result<std::vector<ContractChange>> Compare(Side& before, Side& after) {
  if (!after.data) return DiffContracts(before.contract, after.contract, before.measured(), after.measured());
  Contract promised = before.contract;
  for (ContractColumn& column : promised.columns) {
    const std::string name = column.name;
    const bool may_be_null = column.nullable;
    column = {name, column.type, may_be_null, false, ""};
    for (ContractColumn& found : after.contract.columns)
      if (found.name == name) found.nullable = found.nullable || may_be_null;   // that none is null today promises nothing
  }
  promised.null_values.clear();
  after.contract.extra = promised.extra;
  std::vector<ContractChange> changes = DiffContracts(promised, after.contract, before.measured(), after.measured());
  RETURN_IF_ERROR(JudgeBounds(before.contract, after, changes));
  return changes;
}

int Tell(const std::vector<ContractChange>& changes, const DiffFlags& flags, const GlobalFlags& global) {
  const auto breaking = std::count_if(changes.begin(), changes.end(), [](const ContractChange& change) { return change.breaking; });
  if (global.json) {
    nlohmann::ordered_json json = {{"before", flags.before}, {"after", flags.after}, {"verdict", breaking > 0 ? "breaking" : "compatible"}, {"changes", nlohmann::ordered_json::array()}};
    for (const ContractChange& change : changes) json["changes"].push_back({{"column", change.column}, {"breaking", change.breaking}, {"what", change.what}});
    PrintJson(json);
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const ContractChange& change : changes) rows.push_back({change.breaking ? "breaking" : "compatible", change.column.empty() ? "(the contract)" : change.column, change.what});
    PrintOut(StrCat(breaking > 0 ? "breaking" : "compatible", ": ", changes.empty() ? "nothing differs" : StrCat(breaking, " of ", Counted(std::ssize(changes), "difference breaks", "differences break"), " what ", flags.before, " promises"), "\n",
                    rows.empty() ? "" : "\n" + TextTable({"verdict", "column", "what"}, rows)));
  }
  return breaking > 0 ? ExitCode(ErrorCode::kData) : 0;
}

int Diff(const DiffFlags& flags, const GlobalFlags& global) {
  Diagnostics diagnostics;
  Result<Side> before = OpenSide(flags.before, flags.delimiter, Schema(), {}, global, diagnostics);
  if (!before.ok()) return diagnostics.has_errors() ? FailWith(diagnostics, global) : Fail(before.status(), global);
  Result<Side> after = OpenSide(flags.after, flags.delimiter, before->contract.schema(), PersonalOf(before->contract), global, diagnostics);
  if (!after.ok()) return diagnostics.has_errors() ? FailWith(diagnostics, global) : Fail(after.status(), global);
  const Result<std::vector<ContractChange>> changes = Compare(*before, *after);
  return changes.ok() ? Tell(*changes, flags, global) : Fail(changes.status(), global);
}
}  // namespace

void AddContractCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine contract = app.add_subcommand("contract", "What is promised of a dataset: accept what came as one, compare them, or data with one");
  contract->require_subcommand(1);
  AddContractAccept(contract, global, action);
  CommandLine diff = contract->add_subcommand("diff", "Say column by column whether B may take the place of A: compatible (exit code 0) or breaking (3)");
  auto flags = std::make_shared<DiffFlags>();
  diff->add_option("A", flags->before, "a contract file (.yaml), or data: a file, or RUN/STEP")->required();
  diff->add_option("B", flags->after, "the same")->required();
  diff->add_option("--delimiter", flags->delimiter, "of CSV files (default: found in their first lines)")->type_name("CHAR");
  diff->callback([&global, &action, flags] { action = [&global, flags] { return Diff(*flags, global); }; });
}

}  // namespace headrace
