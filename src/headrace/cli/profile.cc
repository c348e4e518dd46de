#include <array>
#include <cstdio>

#include "headrace/base/files.h"
#include "headrace/base/version.h"
#include "headrace/check/profile.h"
#include "headrace/cli/command.h"
#include "headrace/cli/contract_text.h"
#include "headrace/cli/data_source.h"
#include "headrace/cli/scaffold.h"
#include "headrace/pipeline/decode.h"
#include "headrace/report/profile_page.h"

namespace headrace {

namespace {
struct ProfileFlags {
  std::string data, delimiter, connection, table, tenant, contract, page, write_contract;
};

std::string Short(double value) {
  std::array<char, 40> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.6g", value);
  return buffer.data();
}

std::string Bound(const Value& value) { return value.is_null() ? "" : value.type() == Type::kDouble ? Short(value.as_double()) : value.ToString(); }

std::string TopOf(const ColumnMeasures& column) {
  if (column.personal) return "(personal)";
  std::string text;
  for (std::size_t i = 0; i < column.top.size() && i < 3; ++i) text += StrCat(i == 0 ? "" : ", ", column.top[i].first.substr(0, 24), " (", FormatCount(column.top[i].second), ")");
  return column.distinct == column.rows - column.nulls ? "" : text;
}

std::string AsText(const DataProfile& profile, const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  for (const ColumnMeasures& c : profile.columns) {
    const auto quantile = [&](double p) -> std::string {
      for (const auto& [probability, value] : c.quantiles)
        if (probability == p) return IsNumeric(c.field.type) ? Short(value) : ShowMeasure(c.field.type, value);
      return "";
    };
    rows.push_back({c.field.name, std::string(TypeName(c.field.type)), FormatCount(c.nulls), StrCat(c.distinct_exact ? "" : "~", FormatCount(c.distinct)), Bound(c.min), quantile(0.5), Bound(c.max),
                    c.mean ? Short(*c.mean) : "", c.sd ? Short(*c.sd) : "", TopOf(c)});
  }
  return StrCat(name, ": ", Counted(profile.rows, "row"), ", ", Counted(std::ssize(profile.columns), "column"), "\n\n",
                TextTable({"column", "type", "nulls", "distinct", "min", "median", "max", "mean", "sd", "most frequent"}, rows));
}

/// Nothing is written over: a contract that somebody mended by hand would be lost.
Status WriteContract(const std::string& path, const DataProfile& profile, const DataSource& data) {
  if (FileExists(path)) return Error(ErrorCode::kInvalid, "`", path, "` is there already; nothing was written").WithHelp(StrCat("write to another file, then `headrace contract diff ", path, " NEW`"));
  ASSIGN_OR_RETURN(const std::set<std::string> keys, FindKeys(profile, [&] { return data.Rows(); }));
  const std::string text = StrCat("# Proposed from ", FormatCount(profile.rows), " rows of ", data.name(), ": true of them. Widen what may grow, take out what only happened to be so.\n",
                                  ContractText(ProposeContract(profile, keys)));
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  return WriteFileAtomically(path, text);
}

int Profile(const ProfileFlags& flags, const GlobalFlags& global) {
  DataSource::Options options{.text = flags.data, .delimiter = flags.delimiter, .connection = flags.connection, .table = flags.table, .tenant = flags.tenant};
  std::set<std::string> personal;
  if (!flags.contract.empty()) {
    Diagnostics diagnostics;
    const std::optional<Contract> contract = ReadContractFile(flags.contract, flags.contract, diagnostics);
    if (!contract) return FailWith(diagnostics, global);
    options.types = contract->schema();
    for (const ContractColumn& column : contract->columns)
      if (column.personal) personal.insert(column.name);
  }
  const Result<DataSource> data = DataSource::Open(options, global);
  if (!data.ok()) return Fail(data.status(), global);
  const Result<std::unique_ptr<TableStream>> rows = data->Rows();
  if (!rows.ok()) return Fail(rows.status(), global);
  const Result<DataProfile> profile = ProfileRows(**rows, personal);
  if (!profile.ok()) return Fail(profile.status(), global);
  if (!flags.write_contract.empty())
    if (const Status written = WriteContract(flags.write_contract, *profile, *data); !written.ok()) return Fail(written, global);
  if (!flags.page.empty())
    if (const Status written = WriteFileAtomically(flags.page, RenderHtml(*profile, data->name(), ThisBuild().version)); !written.ok()) return Fail(written, global);
  PrintOut(global.json ? profile->ToJson() : AsText(*profile, data->name()));
  for (const std::string& path : {flags.write_contract, flags.page})
    if (!path.empty() && !global.quiet) PrintErr(StrCat("wrote ", path, "\n"));
  return 0;
}
}  // namespace

void AddProfileCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("profile", "Measure every column of a table: nulls, distinct values, spread, most frequent values");
  auto flags = std::make_shared<ProfileFlags>();
  command->add_option("DATA", flags->data, "a file (.csv .tsv .jsonl .parquet, also .gz and .zst), or what a step left: RUN/STEP, for example last/purchases");
  command->add_option("--connection", flags->connection, "in place of DATA: a connection of the project, whose `--table` is read")->type_name("NAME");
  command->add_option("--table", flags->table, "the table of `--connection`, as the database calls it")->type_name("TABLE")->needs("--connection");
  command->add_option("--tenant", flags->tenant, "the connection as this tenant has it")->type_name("NAME")->needs("--connection");
  command->add_option("-o,--output", flags->page, "write a page of it, too")->type_name("FILE.html");
  command->add_option("--contract", flags->contract, "a contract: gives types, and keeps columns tagged personal out of all values")->type_name("FILE");
  command->add_option("--write-contract", flags->write_contract, "propose a contract with what was measured")->type_name("FILE");
  command->add_option("--delimiter", flags->delimiter, "of a CSV file (default: found in its first lines)")->type_name("CHAR");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Profile(*flags, global); }; });
}

}  // namespace headrace
