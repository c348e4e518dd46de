#include "headrace/model/ipc.h"

#include <gtest/gtest.h>

#include "headrace/model/ipc_messages_internal.h"

namespace headrace {
namespace {

Table Rows() {
  ColumnBuilder number(Type::kDouble), word(Type::kText), day(Type::kDate);
  for (int i = 0; i < 3; ++i) {
    number.AppendDouble(i / 4.0);
    i == 1 ? word.AppendNull() : word.AppendText("word");
    day.AppendInt(20'000 + i);
  }
  return Table(Schema({{"number", Type::kDouble}, {"word", Type::kText}, {"day", Type::kDate}}), {number.Finish(), word.Finish(), day.Finish()}, 3);
}

TEST(IpcTest, WhatIsWrittenIsRead) {
  const auto bytes = WriteArrowStream(Rows());
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(internal::CheckIpcMessages(*bytes).ok());
  const auto read = ReadArrowStream(*bytes, 3);
  ASSERT_TRUE(read.ok()) << read.status();
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t row = 0; row < 3; ++row) EXPECT_EQ(read->column(c).At(row).ToString(), Rows().column(c).At(row).ToString());
}

/// A union that says its kind and has no value led the reader to address 0: such a stream ended the program.
TEST(IpcTest, AnyByteMayBeWrong) {
  const std::string bytes = *WriteArrowStream(Rows());
  std::size_t refused = 0, misplaced = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const char wrong : {'\0', '\x01', '\x7f', static_cast<char>(bytes[i] ^ 4)}) {
      std::string damaged = bytes;
      damaged[i] = wrong;
      const Status status = ReadArrowStream(damaged, 100).status();
      refused += status.ok() ? 0 : 1;
      misplaced += status.message().find("a multiple of 8") == std::string::npos ? 0 : 1;
    }
  EXPECT_GT(refused, bytes.size() / 4);
  EXPECT_GT(misplaced, 3U) << "numbers would be read from where none can lie";
  for (std::size_t end = 0; end < bytes.size(); ++end) (void)ReadArrowStream(bytes.substr(0, end), 100).ok();
}

TEST(IpcTest, NoMoreRowsThanTheyMay) { EXPECT_EQ(ReadArrowStream(*WriteArrowStream(Rows()), 2).status().code(), ErrorCode::kInvalid); }

}  // namespace
}  // namespace headrace
