// `headrace drift`: bins, counts and measures, so that anyone can compute the numbers again by hand.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include <fmt/format.h>

#include "headrace/base/files.h"
#include "headrace/check/drift.h"
#include "headrace/cli/command.h"
#include "headrace/cli/data_source.h"
#include "headrace/model/model.h"
#include "headrace/model/profile.h"
#include "headrace/pipeline/decode.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct DriftFlags {
  std::string data, against, delimiter, contract, tenant;
  std::vector<std::string> columns;
  bool summary = false;
};

/// What new rows are compared with, and the types it knows.
struct Against {
  std::string name;
  std::vector<DriftReference> references;
  Schema types;
  std::vector<std::string> outputs = {};   ///< of a model: columns that scoring makes
  std::vector<std::string> columns = {};   ///< all it knows
};

Result<Against> AgainstModel(const std::string& path, std::string name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Open(path));
  ASSIGN_OR_RETURN(const std::string json, model->Member("profile.json"));
  ASSIGN_OR_RETURN(const Profile profile, Profile::FromJson(json));
  Against out{StrCat("the training rows of ", name), DriftReferences(profile), {}};
  for (const ColumnProfile& output : profile.outputs) out.outputs.push_back(output.name);
  std::vector<Field> fields;
  for (const InputColumn& input : model->info().inputs) fields.push_back({input.name, input.type});
  out.types = Schema(std::move(fields));
  for (const DriftReference& reference : out.references) out.columns.push_back(reference.column);
  return out;
}

/// NAME@VERSION or NAME@ALIAS in the registry of the project.
Result<Against> AgainstRegistry(const DriftFlags& flags, const GlobalFlags& global) {
  const std::size_t at = flags.against.find('@');
  ASSIGN_OR_RETURN(const OpenProject open, OpenState(global));
  ASSIGN_OR_RETURN(const ModelVersion version, open.store->ResolveModel(flags.tenant, flags.against.substr(0, at), flags.against.substr(at + 1)));
  ASSIGN_OR_RETURN(const std::string path, open.store->ArtifactPath({version.digest, "model", -1}));
  return AgainstModel(path, StrCat(version.name, "@", version.version));
}

Result<Against> AgainstData(const DriftFlags& flags, const std::set<std::string>& personal, const GlobalFlags& global) {
  ASSIGN_OR_RETURN(const DataSource data, DataSource::Open({flags.against, flags.delimiter}, global));
  Against out{data.name(), {}, data.schema(), {}, data.schema().Names()};
  ASSIGN_OR_RETURN(out.references, ReferenceOf([&] { return data.Rows(); }, flags.columns, personal));
  return out;
}

Result<Against> OpenReference(const DriftFlags& flags, const std::set<std::string>& personal, const GlobalFlags& global) {
  if (flags.against.ends_with(".model")) return AgainstModel(flags.against, flags.against);
  if (!FileExists(flags.against) && flags.against.find('@') != std::string::npos) return AgainstRegistry(flags, global);
  return AgainstData(flags, personal, global);
}

Status KeepColumns(const DriftFlags& flags, const std::set<std::string>& personal, Against& against) {
  for (const std::string& column : flags.columns) {
    if (std::find(against.columns.begin(), against.columns.end(), column) != against.columns.end()) continue;
    const std::string near = NearestName(column, against.columns);
    return Error(ErrorCode::kInvalid, "nothing is known of a column `", column, "` in ", against.name).WithHelp(near.empty() ? StrCat("it knows ", Join(against.columns, ", ")) : StrCat("did you mean `", near, "`?"));
  }
  std::erase_if(against.references, [&](const DriftReference& r) {
    return personal.contains(r.column) || (!flags.columns.empty() && std::find(flags.columns.begin(), flags.columns.end(), r.column) == flags.columns.end());
  });
  return Ok();
}

std::int64_t Sum(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) sum += count;
  return sum;
}

std::string Show(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : std::string(); }
std::string Percent(double share) { return fmt::format("{:.2f} %", share * 100); }

std::string BinsAsText(const ColumnDrift& column) {
  const std::int64_t before = Sum(column.reference.counts), now = Sum(column.counts);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < column.counts.size(); ++i) {
    const std::int64_t a = column.reference.counts[i], b = column.counts[i];
    const double p = (a == 0 ? 0.5 : static_cast<double>(a)) / static_cast<double>(before), q = (b == 0 ? 0.5 : static_cast<double>(b)) / static_cast<double>(now);
    rows.push_back({StrCat("  ", column.reference.BinName(i)), FormatCount(a), fmt::format("{:.6g}", static_cast<double>(a) / static_cast<double>(before)), FormatCount(b),
                    fmt::format("{:.6g}", static_cast<double>(b) / static_cast<double>(now)), a + b == 0 ? "0" : fmt::format("{:.6g}", (q - p) * std::log(q / p))});
  }
  rows.push_back({"  all", FormatCount(before), "1", FormatCount(now), "1", Show(column.measures.psi)});
  return TextTable({"  bin", "reference", "share p", "new", "share q", "(q-p) ln(q/p)"}, rows);
}

std::string AsText(const std::vector<ColumnDrift>& columns, const Against& against, const std::string& data, bool summary) {
  std::string text = StrCat(data, " against ", against.name, "\n\n");
  std::vector<std::vector<std::string>> rows;
  for (const ColumnDrift& c : columns) {
    const DriftMeasures& m = c.measures;
    const std::string missing = StrCat(Percent(c.MissingBefore()), " -> ", Percent(c.MissingNow()));
    rows.push_back({c.Name(), std::string(TypeName(c.reference.type)), Show(m.psi), Show(m.js), Show(m.l_inf), Show(m.ks), Show(m.chi2), m.degrees ? StrCat(*m.degrees) : "", Show(m.chi2_p),
                    c.problem.empty() ? missing : c.problem});
  }
  text += TextTable({"column", "type", "PSI", "JS (bits)", "L-inf", "KS", "chi2", "df", "p", "missing"}, rows);
  if (summary) return text;
  for (const ColumnDrift& c : columns)
    if (c.problem.empty()) text += StrCat("\n", c.Name(), "\n", BinsAsText(c));
  return text + "\nPSI = sum of (q-p) ln(q/p), an empty bin counting as half a row. JS = sum of p/2 log2(p/m) + q/2 log2(q/m), m = (p+q)/2. L-inf = largest |q-p|.\n"
                "KS = largest difference of the cumulated shares. chi2 = sum over both rows of (seen - expected)^2 / expected. docs/drift.md computes one by hand.\n";
}

Json Number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::string AsJson(const std::vector<ColumnDrift>& columns, const Against& against, const std::string& data) {
  Json all = Json::array();
  for (const ColumnDrift& c : columns) {
    const DriftMeasures& m = c.measures;
    Json bins = Json::array();
    for (std::size_t i = 0; i < c.counts.size(); ++i) bins.push_back({{"bin", c.reference.BinName(i)}, {"reference", c.reference.counts[i]}, {"new", c.counts[i]}});
    const auto measured = c.reference.measured;
    all.push_back({{"column", c.reference.column}, {"type", TypeName(c.reference.type)},
                   {"measured", measured == DriftReference::Measured::kLevels ? "levels" : measured == DriftReference::Measured::kLengths ? "length" : "value"},
                   {"problem", c.problem}, {"psi", Number(m.psi)}, {"js", Number(m.js)}, {"l_inf", Number(m.l_inf)}, {"ks", Number(m.ks)}, {"chi2", Number(m.chi2)},
                   {"degrees", m.degrees ? Json(*m.degrees) : Json()}, {"chi2_p", Number(m.chi2_p)}, {"edges", c.reference.edges}, {"bins", bins},
                   {"reference", {{"rows", c.reference.rows}, {"missing", c.reference.nulls}, {"missing_share", c.MissingBefore()}}},
                   {"new", {{"rows", c.rows}, {"missing", c.nulls}, {"missing_share", c.MissingNow()}}}});
  }
  return DumpJson(Json({{"data", data}, {"against", against.name}, {"columns", all}}), 2) + "\n";
}

int Drift(const DriftFlags& flags, const GlobalFlags& global) {
  std::set<std::string> personal;
  if (!flags.contract.empty()) {
    Diagnostics diagnostics;
    const std::optional<Contract> contract = ReadContractFile(flags.contract, flags.contract, diagnostics);
    if (!contract) return FailWith(diagnostics, global);
    for (const ContractColumn& column : contract->columns)
      if (column.personal) personal.insert(column.name);
  }
  Result<Against> against = OpenReference(flags, personal, global);
  if (!against.ok()) return Fail(against.status(), global);
  if (const Status kept = KeepColumns(flags, personal, *against); !kept.ok()) return Fail(kept, global);
  const Result<DataSource> data = DataSource::Open({flags.data, flags.delimiter, against->types}, global);
  if (!data.ok()) return Fail(data.status(), global);
  // Rows that nobody has scored yet have no score; that is no news.
  const auto not_made = [&](const DriftReference& r) {
    return std::find(against->outputs.begin(), against->outputs.end(), r.column) != against->outputs.end() && !against->types.IndexOf(r.column) && !data->schema().IndexOf(r.column);
  };
  if (flags.columns.empty()) std::erase_if(against->references, not_made);
  const Result<std::unique_ptr<TableStream>> rows = data->Rows();
  if (!rows.ok()) return Fail(rows.status(), global);
  const Result<std::vector<ColumnDrift>> columns = DriftOf(against->references, **rows);
  if (!columns.ok()) return Fail(columns.status(), global);
  PrintOut(global.json ? AsJson(*columns, *against, data->name()) : AsText(*columns, *against, data->name(), flags.summary));
  return 0;
}
}  // namespace

void AddDriftCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("drift", "Measure how far new rows have moved from those a model was trained on, from another run's, or from a file's");
  auto flags = std::make_shared<DriftFlags>();
  command->add_option("DATA", flags->data, "the new rows: a file, or what a step left (RUN/STEP)")->required();
  command->add_option("--against", flags->against, "a model file, NAME@champion of the registry, RUN/STEP, or a file of rows")->required()->type_name("REFERENCE");
  command->add_option("--columns", flags->columns, "only these columns")->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--contract", flags->contract, "a contract: columns tagged personal are left out")->type_name("FILE");
  command->add_option("--tenant", flags->tenant, "whose model NAME@... is")->type_name("NAME");
  command->add_option("--delimiter", flags->delimiter, "of CSV files (default: found in their first lines)")->type_name("CHAR");
  command->add_flag("--summary", flags->summary, "one line a column, without bins");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Drift(*flags, global); }; });
}

}  // namespace headrace
