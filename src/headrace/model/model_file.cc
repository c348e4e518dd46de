// The order of the checks decides what a reader learns about a bad file: zip and checksums, then the format's number,
// then that this very layout is the only one we would write, then the digests, then the meaning of each member.
#include "headrace/model/model_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/base/version.h"
#include "headrace/model/scorer_parts.h"
#include "headrace/model/whole_internal.h"
#include "headrace/model/zip.h"

namespace headrace {
namespace {

using internal::Whole;
using nlohmann::json;

constexpr std::string_view kKind = "headrace model";

Result<Task> TaskFromName(const std::string& name) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression, Task::kClustering})
    if (TaskName(task) == name) return task;
  return Error(ErrorCode::kInvalid, "manifest.json names an unknown task");
}

std::string Dump(const json& document) { return DumpJson(document, 1) + "\n"; }

std::vector<std::string> DigestsOf(std::span<const ZipEntry> members) {
  std::vector<std::string> digests;
  for (const ZipEntry& member : members) digests.push_back(Sha256Hex(member.bytes));
  return digests;
}

json FactsOf(const TrainingFacts& facts) {
  return {{"purpose", facts.purpose}, {"limits", facts.limits}, {"pipeline", facts.pipeline}, {"time_column", facts.time_column},
          {"trained_from", facts.trained_from}, {"trained_to", facts.trained_to}, {"tested_from", facts.tested_from}, {"tested_to", facts.tested_to}};
}

TrainingFacts ReadFacts(const json& j) {
  return {j.at("purpose"), j.at("limits"), j.at("pipeline"), j.at("time_column"), j.at("trained_from"), j.at("trained_to"), j.at("tested_from"), j.at("tested_to")};
}

json TreatmentOf(const TreatmentFacts& t) { return {{"column", t.column}, {"treated", t.treated}, {"control", t.control}, {"outcome", t.outcome}}; }

/// `sha256` are the members' digests.
json ManifestOf(const ModelInfo& info, std::span<const ZipEntry> members, const std::vector<std::string>& sha256) {
  json inputs = json::array(), unfitted = json::array(), digests = json::object();
  for (const InputColumn& c : info.inputs) {
    inputs.push_back({{"name", c.name}, {"type", TypeName(c.type)}, {"nullable", c.nullable}});
    if (c.personal) inputs.back()["personal"] = true;
  }
  for (const UnfittedStep& s : info.unfitted)
    unfitted.push_back({{"name", s.name}, {"kind", s.kind}, {"text", s.text}, {"digest", s.digest}});
  for (std::size_t i = 0; i < members.size(); ++i)
    digests[members[i].name] = {{"bytes", members[i].bytes.size()}, {"sha256", sha256[i]}};
  json manifest{{"kind", kKind},
                {"format", kModelFormat},
                {"headrace", {{"version", info.headrace_version}, {"commit", info.code_commit}, {"dirty", info.code_dirty}}},
                {"task", TaskName(info.task)},
                {"learner", info.learner},
                {"target", info.target},
                {"classes", info.classes},
                {"inputs", inputs},
                {"features", info.features},
                {"threshold", info.threshold},
                {"calibration", info.calibration},
                {"folds", info.folds},
                {"evaluated_on", info.evaluated_on},
                {"train_rows", info.train_rows},
                {"test_rows", info.test_rows},
                {"fitted_rows", info.fitted_rows},
                {"metrics", info.metrics},
                {"unfitted", unfitted},
                {"members", digests}};
  if (!(info.facts == TrainingFacts())) manifest["facts"] = FactsOf(info.facts);   // files of earlier versions have none
  if (!info.treatment.column.empty()) manifest["treatment"] = TreatmentOf(info.treatment);
  return manifest;
}

/// Throws json's exceptions, which Read turns into a Status.
Result<ModelInfo> InfoOf(const json& j) {
  ModelInfo info;
  const json& build = j.at("headrace");
  build.at("version").get_to(info.headrace_version);
  build.at("commit").get_to(info.code_commit);
  build.at("dirty").get_to(info.code_dirty);
  ASSIGN_OR_RETURN(info.task, TaskFromName(j.at("task")));
  j.at("learner").get_to(info.learner);
  j.at("target").get_to(info.target);
  j.at("classes").get_to(info.classes);
  for (const json& c : j.at("inputs")) {
    ASSIGN_OR_RETURN(const Type type, TypeFromName(c.at("type").get<std::string>()));
    info.inputs.push_back({c.at("name"), type, c.at("nullable"), c.value("personal", false)});
  }
  j.at("features").get_to(info.features);
  j.at("threshold").get_to(info.threshold);
  j.at("calibration").get_to(info.calibration);
  j.at("folds").get_to(info.folds);
  j.at("evaluated_on").get_to(info.evaluated_on);
  info.train_rows = Whole(j.at("train_rows"));
  info.test_rows = Whole(j.at("test_rows"));
  info.fitted_rows = Whole(j.at("fitted_rows"));
  j.at("metrics").get_to(info.metrics);
  for (const json& s : j.at("unfitted"))
    info.unfitted.push_back({s.at("name"), s.at("kind"), s.at("text"), s.at("digest")});
  if (j.contains("facts")) info.facts = ReadFacts(j.at("facts"));
  if (j.contains("treatment")) {
    const json& t = j.at("treatment");
    info.treatment = {t.at("column"), t.at("treated"), t.at("control"), t.at("outcome")};
  }
  return info;
}

/// A learner that is none is refused once its members are read.
std::string MemberOf(const std::string& learner) {
  return std::string(LearnerMember(LearnerFromName(learner).ok() ? *LearnerFromName(learner) : LearnerSpec::Kind::kLinear));
}

std::vector<std::string> MemberNames(const std::string& learner) {
  return {"manifest.json",    "transform.json", MemberOf(learner),
          "calibration.json", "metrics.json",   "profile.json",
          "proof.arrow",      "card.md"};
}

std::string_view Bytes(const std::vector<ZipEntry>& members, std::string_view name) {
  return std::find_if(members.begin(), members.end(), [&](const ZipEntry& m) { return m.name == name; })->bytes;
}

/// That the parts fit each other: what a stranger's file could get wrong although every member is well-formed.
Result<std::unique_ptr<const Scorer::Parts>> PartsOf(const ModelInfo& info, const std::vector<ZipEntry>& members) {
  const std::size_t outputs = NumOutputs(info.task, info.classes.size());
  const bool scored_by_class = info.task == Task::kBinary || info.task == Task::kMulticlass;
  const bool classes_fit = !scored_by_class              ? info.classes.empty()
                           : info.task == Task::kBinary   ? info.classes.size() == 2
                                                          : info.classes.size() >= 2;
  if (!classes_fit)
    return Error(ErrorCode::kInvalid, "manifest.json has ", info.classes.size(), " classes for a ", TaskName(info.task),
                 " model");
  if (info.task == Task::kClustering && !info.target.empty()) return Error(ErrorCode::kInvalid, "manifest.json names a target, and clusters have none");
  if (!std::isfinite(info.threshold)) return Error(ErrorCode::kInvalid, "manifest.json has no threshold");
  ASSIGN_OR_RETURN(const LearnerSpec::Kind kind, LearnerFromName(info.learner));
  const bool uplift = kind == LearnerSpec::Kind::kTwoModel || kind == LearnerSpec::Kind::kXLearner;
  if (uplift == info.treatment.column.empty()) return Error(ErrorCode::kInvalid, "manifest.json ", uplift ? "does not say who was treated" : "says who was treated, of a model that is none of uplift");
  ASSIGN_OR_RETURN(FittedTransform transform, FittedTransform::FromJson(Bytes(members, "transform.json")));
  if (transform.output_names() != info.features)
    return Error(ErrorCode::kInvalid, "transform.json makes other features than manifest.json lists");
  const Schema& inputs = transform.input_schema();
  bool same = inputs.size() == info.inputs.size();
  for (std::size_t i = 0; same && i < inputs.size(); ++i)
    same = inputs[i].name == info.inputs[i].name && inputs[i].type == info.inputs[i].type &&
           transform.input_nullable()[i] == info.inputs[i].nullable;
  if (!same) return Error(ErrorCode::kInvalid, "transform.json reads other columns than manifest.json lists");
  ASSIGN_OR_RETURN(
      std::unique_ptr<const FittedLearner> learner,
      ReadLearner(kind, info.task, Bytes(members, MemberNames(info.learner)[2]), info.features.size(), outputs));
  ASSIGN_OR_RETURN(Calibration calibration, Calibration::FromJson(Bytes(members, "calibration.json")));
  const bool fits = calibration.name() == info.calibration &&
                    (calibration.kind() == CalibrationSpec::Kind::kNone || calibration.num_curves() == outputs) &&
                    (scored_by_class || calibration.kind() == CalibrationSpec::Kind::kNone);
  if (!fits)
    return Error(ErrorCode::kInvalid, "calibration.json does not fit a ", TaskName(info.task),
                 " model with calibration ", info.calibration);
  if (const std::string& by = calibration.by(); !by.empty()) {
    const std::optional<std::size_t> at = inputs.IndexOf(by);
    if (!at || !CanCalibrateBy(inputs[*at].type)) return Error(ErrorCode::kInvalid, "calibration.json goes by a column that the model does not read as text, int or bool");
  }
  return std::unique_ptr<const Scorer::Parts>(new Scorer::Parts{
      info.task, info.classes, info.threshold, std::move(transform), std::move(learner), std::move(calibration)});
}

/// The manifest, checked up to the format's number.
Result<json> ReadManifest(const std::vector<ZipEntry>& members) {
  if (members.empty() || members[0].name != "manifest.json")
    return Error(ErrorCode::kInvalid, "is a zip file, but not a model: it does not begin with manifest.json");
  json manifest = ParseJson(members[0].bytes);
  if (!manifest.is_object() || manifest.value("kind", json()) != kKind ||
      !manifest.value("format", json()).is_number_integer())
    return Error(ErrorCode::kInvalid, "is not a Headrace model: its manifest.json is another program's");
  const auto format = manifest["format"].get<std::int64_t>();
  if (format > kModelFormat)
    return Error(ErrorCode::kInvalid, "was made by a newer Headrace (format ", format, "), this one reads up to ",
                 kModelFormat)
        .WithHelp("update Headrace");
  if (format < 1) return Error(ErrorCode::kInvalid, "has the unknown format ", format);
  return manifest;
}

}  // namespace

Result<std::string> ModelFile::Write(const ModelContents& contents) {
  ModelInfo info = contents.info;
  const BuildInfo& build = ThisBuild();
  info.headrace_version = build.version;
  info.code_commit = build.commit;
  info.code_dirty = build.dirty;
  std::vector<ZipMember> members{{"transform.json", contents.transform},
                                 {contents.learner_member, contents.learner},
                                 {"calibration.json", contents.calibration},
                                 {"metrics.json", contents.metrics},
                                 {"profile.json", contents.profile},
                                 {"proof.arrow", contents.proof},
                                 {"card.md", contents.card}};
  std::vector<ZipEntry> entries;
  for (const ZipMember& member : members) entries.push_back({member.name, member.bytes});
  try {
    members.insert(members.begin(), {"manifest.json", Dump(ManifestOf(info, entries, DigestsOf(entries)))});
  } catch (const json::exception& error) {
    return Error(ErrorCode::kInvalid, "a name in the model is not UTF-8: ", error.what());
  }
  std::size_t size = 0;
  for (const ZipMember& member : members) size += member.bytes.size();
  if (size > (std::size_t{1} << 30) - 65536)
    return Error(ErrorCode::kFailed, "the model file would be larger than 1 GiB")
        .WithHelp("grow fewer or smaller trees");
  return WriteZip(members);
}

Result<std::shared_ptr<const Model>> ModelFile::Read(std::string bytes, std::string_view name) {
  Result<std::shared_ptr<const Model>> model = Error(ErrorCode::kInternal, "not read");
  try {
    model = ReadChecked(std::move(bytes));
  } catch (const json::exception& error) { model = Error(ErrorCode::kInvalid, "manifest.json: ", error.what()); }
  if (model.ok()) return model;
  Status status = std::move(model).status().WithCode(ErrorCode::kInvalid).WithContext(StrCat("model file ", name));
  return status.help().empty()
             ? std::move(status).WithHelp(
                   "take the file from where it was made once more; a model file may not be edited or packed again")
             : status;
}

Result<std::shared_ptr<const Model>> ModelFile::ReadChecked(std::string bytes) {
  ASSIGN_OR_RETURN(const std::vector<ZipEntry> members, ReadZip(bytes));
  ASSIGN_OR_RETURN(const json manifest, ReadManifest(members));
  if (!IsZipOf(bytes, members))
    return Error(ErrorCode::kInvalid,
                 "was cut off, extended or packed again: its directory is not the one that Headrace writes");
  ASSIGN_OR_RETURN(ModelInfo info, InfoOf(manifest));
  const std::vector<std::string> expected = MemberNames(info.learner);
  for (std::size_t i = 0; i < std::max(expected.size(), members.size()); ++i) {
    if (i >= members.size()) return Error(ErrorCode::kInvalid, "lacks its member `", expected[i], "`");
    if (i >= expected.size() || members[i].name != expected[i])
      return Error(ErrorCode::kInvalid, "has the member `", members[i].name, "`, which is not in its place");
  }
  const std::span<const ZipEntry> others = std::span(members).subspan(1);
  std::vector<std::string> found;
  std::string digest;
  Result<std::unique_ptr<const Scorer::Parts>> read = Error(ErrorCode::kInternal, "not read");
  // Reading a forest and digesting a file take about as long, so two cores do them side by side. What the reading found
  // counts only after the digests.
  const auto work = [&](std::size_t task) -> Status {
    if (task == 1) {
      found = DigestsOf(others);
      digest = Sha256Hex(bytes);
      return Ok();
    }
    try {
      read = PartsOf(info, members);
    } catch (const json::exception& error) { read = Error(ErrorCode::kInvalid, error.what()); }
    return Ok();
  };
  RETURN_IF_ERROR(ParallelFor(2, 2, work));
  const json& digests = manifest.at("members");
  for (std::size_t i = 0; i < others.size(); ++i)
    if (digests.at(others[i].name).at("sha256") != found[i])
      return Error(ErrorCode::kInvalid, "is damaged: member `", others[i].name,
                   "` does not match its digest in manifest.json");
  if (Dump(ManifestOf(info, others, found)) != members[0].bytes)
    return Error(ErrorCode::kInvalid, "has a manifest.json that is not in the one form that Headrace writes");
  RETURN_IF_ERROR(read.status());
  std::unique_ptr<const Scorer::Parts> parts = std::move(*read);
  std::shared_ptr<Model> model(new Model);
  info.digest = std::move(digest);
  info.clusters = parts->learner->num_clusters();
  model->info_ = std::move(info);
  for (const ZipEntry& member : members)
    model->members_.push_back({member.name, {static_cast<std::size_t>(member.bytes.data() - bytes.data()), member.bytes.size()}});
  model->bytes_ = std::move(bytes);
  model->scorer_ = std::make_unique<const Scorer>(std::move(parts));
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace headrace
