#include "headrace/model/model_file.h"

#include <gtest/gtest.h>
#include <nanoarrow/nanoarrow_ipc.h>
#include <zlib.h>

#include "headrace/base/text.h"
#include "headrace/model/ipc.h"
#include "headrace/model/profile.h"
#include "headrace/model/proof.h"
#include "headrace/model/test_world.h"
#include "headrace/model/zip.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::MembersOf;
using testing_world::SpecFor;

/// A small model, trained once.
const Model& Small() {
  static const std::shared_ptr<const Model> kModel = [] {
    TrainSpec spec = SpecFor("churned");
    spec.ignore = {"since", "plan", "visits", "constant", "is_test"};
    Result<TrainOutput> trained = Train(Customers(300), spec, {});
    EXPECT_TRUE(trained.ok()) << trained.status();
    return trained->model;
  }();
  return *kModel;
}

Status Refusal(std::string bytes) {
  const auto model = Model::FromBytes(std::move(bytes), "m.model");
  EXPECT_FALSE(model.ok());
  return model.ok() ? Ok() : model.status();
}

void ExpectRefused(std::string bytes, std::string_view says) {
  const Status status = Refusal(std::move(bytes));
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_NE(status.message().find(says), std::string::npos) << status << "\nshould say " << says;
  EXPECT_FALSE(status.help().empty());
}

/// The same file with one member's bytes changed by `edit`, packed properly, digests as they were.
template <typename Edit>
std::string WithMember(std::string_view name, Edit edit) {
  auto members = MembersOf(Small().bytes());
  for (ZipMember& member : members)
    if (member.name == name) edit(&member.bytes);
  return WriteZip(members);
}

TEST(ModelFile, ReadsBackWhatWasTrained) {
  const auto again = Model::FromBytes(Small().bytes(), "m.model");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->info().digest, Small().info().digest);
  EXPECT_EQ((*again)->info().features, Small().info().features);
  EXPECT_EQ((*again)->info().metrics, Small().info().metrics);
  EXPECT_TRUE((*again)->ReplayProof().ok()) << (*again)->ReplayProof();
  EXPECT_NE((*again)->Member("card.md")->find("# Model of `churned`"), std::string::npos);
  EXPECT_FALSE((*again)->Member("code.pkl").ok());
  const auto evaluation = EvaluationOf(**again);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->ToJson(), *Small().Member("metrics.json"));
  const auto profile = Profile::FromJson(*Small().Member("profile.json"));
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->ToJson(), *Small().Member("profile.json"));
}

TEST(ModelFile, RefusesAnyFlippedByte) {
  const std::string& good = Small().bytes();
  ASSERT_LT(good.size(), 200'000u);
  std::string bytes = good;
  for (std::size_t i = 0; i < good.size(); ++i) {
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(Model::FromBytes(bytes, "m.model").ok()) << "byte " << i;
    bytes[i] = good[i];
  }
}

TEST(ModelFile, RefusesAFileCutOffAnywhere) {
  const std::string& good = Small().bytes();
  for (std::size_t part = 0; part < 50; ++part)
    EXPECT_FALSE(Model::FromBytes(good.substr(0, good.size() * part / 50), "m.model").ok()) << part;
  for (std::size_t missing = 1; missing < 30; ++missing)
    EXPECT_FALSE(Model::FromBytes(good.substr(0, good.size() - missing), "m.model").ok()) << missing;
  ExpectRefused(good.substr(0, good.size() / 2), "is cut off in member");
}

TEST(ModelFile, RefusesWhatIsNotAModel) {
  ExpectRefused("", "is not a zip file");
  ExpectRefused("customer_id,spend\n1,2\n", "is not a zip file");
  ExpectRefused(WriteZip({{"readme.txt", "hello"}}), "does not begin with manifest.json");
  ExpectRefused(WriteZip({{"manifest.json", "{\"kind\": \"something\"}"}}), "another program");
  ExpectRefused(Small().bytes() + "x", "extended");
  ExpectRefused(WriteZip({{"manifest.json", std::string(100'000, '[')}}), "another program");
}

TEST(ModelFile, SaysThatAFileIsNewer) {
  ExpectRefused(
      WithMember("manifest.json", [](std::string* m) { *m = ReplaceAll(*m, "\"format\": 1,", "\"format\": 2,"); }),
      "was made by a newer Headrace (format 2), this one reads up to 1");
}

TEST(ModelFile, RefusesAMemberThatIsNotTheOneDigested) {
  for (const char* name : {"transform.json", "coefficients.json", "calibration.json", "metrics.json", "profile.json",
                           "proof.arrow", "card.md"})
    ExpectRefused(WithMember(name, [](std::string* m) { *m += " "; }),
                  StrCat("member `", name, "` does not match its digest"));
  ExpectRefused(WithMember("manifest.json", [](std::string* m) { *m += " "; }), "one form");
  ExpectRefused(
      WithMember("manifest.json",
                 [](std::string* m) { *m = ReplaceAll(*m, "\"threshold\": 0.5", "\"threshold\": 0.7, \"extra\": 1"); }),
      "one form");
  auto members = MembersOf(Small().bytes());
  std::swap(members[2], members[3]);
  ExpectRefused(WriteZip(members), "not in its place");
  members = MembersOf(Small().bytes());
  members.pop_back();
  ExpectRefused(WriteZip(members), "lacks its member `card.md`");
  members.push_back({"card.md", ""});
  members.push_back({"evil.so", "x"});
  ExpectRefused(WriteZip(members), "evil.so");
}

/// As another zip program would write it: deflated.
std::string Deflated(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(data.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(ModelFile, RefusesAFilePackedByAnotherProgram) {
  const std::string manifest = *Small().Member("manifest.json"), packed = Deflated(manifest);
  std::string bytes = Small().bytes().substr(0, 30 + 13) + packed;
  bytes[8] = 8;  // deflate
  for (int i = 0; i < 4; ++i)
    bytes[static_cast<std::size_t>(18 + i)] = static_cast<char>((packed.size() >> (8 * i)) & 0xFF);
  ExpectRefused(bytes, "packed by another program");
  // Stored, but with another date, as `zip -0` does.
  std::string dated = Small().bytes();
  dated[12] = static_cast<char>(dated[12] + 1);
  ExpectRefused(dated, "packed again");
}

TEST(Proof, FailsWhenAScoreChangesInItsLastBit) {
  Table recorded = *ReadArrowStream(*Small().Member("proof.arrow"), 1000);
  EXPECT_GE(recorded.num_rows(), 40u);
  ASSERT_TRUE(ReplayProof(Small().scorer(), *WriteArrowStream(recorded)).ok());
  for (const char* name : {"output.score", "margin.0"}) {
    const Column& column = *recorded.Find(name);
    std::vector<double> values(column.doubles().begin(), column.doubles().end());
    values[5] = std::nextafter(values[5], 1e9);
    const Table changed =
        recorded.WithColumn(name, std::make_shared<const Column>(values, std::vector<std::uint8_t>()));
    const Status status = ReplayProof(Small().scorer(), *WriteArrowStream(changed));
    EXPECT_EQ(status.code(), ErrorCode::kFailed);
    EXPECT_NE(status.message().find(StrCat("column `", name, "`, row 6")), std::string::npos) << status;
  }
}

TEST(Proof, HoldsNullsUnseenLevelsAndExtremes) {
  const Table recorded = *ReadArrowStream(*Small().Member("proof.arrow"), 1000);
  EXPECT_GT(recorded.Find("input.spend")->null_count(), 0u);
  bool unseen = false, extreme = false;
  for (std::size_t r = 0; r < recorded.num_rows(); ++r) {
    unseen |= recorded.Find("input.country")->text(r) == "never seen before";
    extreme |= std::abs(recorded.Find("input.spend")->doubles()[r]) >= 1e6;
  }
  EXPECT_TRUE(unseen && extreme);
}

/// An IPC stream of one column of `rows` nulls, which takes no bytes a row.
std::string ManyNulls(std::int64_t rows) {
  ArrowSchema schema;
  ArrowSchemaInit(&schema);
  EXPECT_EQ(ArrowSchemaSetTypeStruct(&schema, 1), NANOARROW_OK);
  EXPECT_EQ(ArrowSchemaSetType(schema.children[0], NANOARROW_TYPE_NA), NANOARROW_OK);
  EXPECT_EQ(ArrowSchemaSetName(schema.children[0], "x"), NANOARROW_OK);
  ArrowArray array;
  EXPECT_EQ(ArrowArrayInitFromSchema(&array, &schema, nullptr), NANOARROW_OK);
  EXPECT_EQ(ArrowArrayFinishBuildingDefault(&array, nullptr), NANOARROW_OK);
  array.length = array.children[0]->length = array.children[0]->null_count = rows;
  ArrowArrayStream stream;
  EXPECT_EQ(ArrowBasicArrayStreamInit(&stream, &schema, 1), NANOARROW_OK);
  ArrowBasicArrayStreamSetArray(&stream, 0, &array);
  ArrowBuffer buffer;
  ArrowBufferInit(&buffer);
  ArrowIpcOutputStream sink;
  EXPECT_EQ(ArrowIpcOutputStreamInitBuffer(&sink, &buffer), NANOARROW_OK);
  ArrowIpcWriter writer;
  EXPECT_EQ(ArrowIpcWriterInit(&writer, &sink), NANOARROW_OK);
  EXPECT_EQ(ArrowIpcWriterWriteArrayStream(&writer, &stream, nullptr), NANOARROW_OK);
  ArrowIpcWriterReset(&writer);
  stream.release(&stream);
  std::string bytes(reinterpret_cast<const char*>(buffer.data), static_cast<std::size_t>(buffer.size_bytes));
  ArrowBufferReset(&buffer);
  return bytes;
}

// A stream of some hundred bytes may announce any number of nulls; they were all made before they were counted.
TEST(Proof, OfMoreRowsThanItMayHaveIsRefusedBeforeTheyAreMade) {
  EXPECT_EQ(ReadArrowStream(ManyNulls(1000), 1000)->num_rows(), 1000u);
  const auto refused = ReadArrowStream(ManyNulls(std::int64_t{1} << 40), 1000);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("more rows than it may"), std::string::npos) << refused.status();
}

TEST(Proof, SurvivesDamagedArrow) {
  const std::string good = *Small().Member("proof.arrow");
  std::string bytes = good;
  for (std::size_t i = 0; i < good.size(); i += 7) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    (void)ReplayProof(Small().scorer(), bytes).ok();
    bytes[i] = good[i];
  }
  for (std::size_t part = 0; part < 40; ++part)
    (void)ReplayProof(Small().scorer(), good.substr(0, good.size() * part / 40)).ok();
}

}  // namespace
}  // namespace headrace
