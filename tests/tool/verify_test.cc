#include "tool/verify.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "log/directory_lock.h"
#include "log/io/blocking_queue.h"
#include "log/log_manager.h"
#include "log/segment_name.h"
#include "tests/support/batches.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"
#include "tool/exit_code.h"
#include "tool/log_dir_source.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const TopicPartition kOrders{"orders", 0};

// Two log dirs side by side, written by the product's own log, then spoiled.
class VerifyTest : public ::testing::Test {
 protected:
  std::filesystem::path Dir(const char* side) const { return dir_.path() / side; }
  std::filesystem::path LogFile(const char* side, const TopicPartition& partition, int64_t base) const {
    return Dir(side) / partition.ToString() / SegmentFileName(Offset{base}, kLogSuffix);
  }

  // Appends to a partition of a log dir, made when absent. A log start above 0 is where a new log begins, and records
  // below `delete_before` are deleted afterwards.
  void Write(const char* side, const TopicPartition& partition, const std::vector<std::byte>& batches,
             int64_t log_start = 0, int64_t delete_before = 0) {
    LogManagerConfig config{.log_dirs = {Dir(side)}, .log = {.segment_bytes = segment_bytes_}};
    auto logs = LogManager::Open(SystemFileIo(), config);
    ASSERT_TRUE(logs.ok()) << logs.status();
    const auto log = (*logs)->GetOrCreate(partition, Uuid{});
    ASSERT_TRUE(log.ok()) << log.status();
    if (log_start > 0) {
      ASSERT_TRUE((*log)->TruncateFullyAndStartAt(Offset{log_start}).ok());
    }
    BlockingIoQueue queue;
    // One append per batch, so that small segments roll between them.
    BatchWalker walker(batches);
    while (walker.Next())
      ASSERT_TRUE(RunToEnd((*log)->AppendAsFollower(queue, walker.batch().bytes(), WriteHint::kCached)).ok());
    (*log)->UpdateHighWatermark((*log)->log_end_offset());
    if (delete_before > 0) {
      ASSERT_TRUE((*log)->MaybeIncrementLogStartOffset(Offset{delete_before}).ok());
    }
    ASSERT_TRUE((*logs)->WriteCheckpoints({OffsetsOf(**log)}).ok());
    ASSERT_TRUE((*logs)->Close().ok());
  }
  void WriteBoth(const TopicPartition& partition, const std::vector<std::byte>& batches) {
    Write("a", partition, batches);
    Write("b", partition, batches);
  }
  void PutBytes(const std::filesystem::path& path, size_t at, const std::vector<std::byte>& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }
  void Cut(const std::filesystem::path& path, uint64_t bytes) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - bytes);
  }

  ExitCode Verify(const std::string& format = "human") { return Verify(Dir("a"), Dir("b"), format); }
  ExitCode Verify(const std::string& a, const std::string& b, const std::string& format = "human") {
    ::testing::internal::CaptureStdout();
    const absl::Status status = RunVerify({.a = a, .b = b, .format = format});
    printed_ = ::testing::internal::GetCapturedStdout();
    error_ = std::string(status.message());
    return ExitCodeOf(status);
  }

  TempDir dir_;
  int32_t segment_bytes_ = 1 << 20;
  std::string printed_, error_;
};

TEST_F(VerifyTest, IdenticalDirectoriesAreCountedWhole) {
  segment_bytes_ = 1000;
  WriteBoth(kOrders, MakeRun({.record_count = 3, .value_bytes = 100}, 20));
  WriteBoth({"orders", 1}, MakeRun({.record_count = 2}, 5));
  ASSERT_FALSE(std::filesystem::exists(LogFile("a", kOrders, 60)));
  ASSERT_TRUE(std::filesystem::exists(LogFile("a", kOrders, 6))) << "several segments are meant to be read";
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  const size_t bytes =
      MakeRun({.record_count = 3, .value_bytes = 100}, 20).size() + MakeRun({.record_count = 2}, 5).size();
  EXPECT_THAT(printed_, AllOf(HasSubstr("compared 2 partitions, 25 batches, 70 records, "), HasSubstr(": identical\n"),
                              Not(HasSubstr("begin later"))));
  EXPECT_EQ(Verify("json"), ExitCode::kDone);
  EXPECT_THAT(printed_,
              AllOf(HasSubstr(absl::StrCat("\"bytes\":", bytes, ",")), HasSubstr("\"outcome\":\"identical\"")));
}

TEST_F(VerifyTest, SegmentsNeedNotBeCutAtTheSameOffsets) {
  const auto batches = MakeRun({.value_bytes = 100}, 20);
  Write("a", kOrders, batches);
  segment_bytes_ = 500;
  Write("b", kOrders, batches);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
}

TEST_F(VerifyTest, BatchesLargerThanTheBufferAreCompared) {
  segment_bytes_ = 16 << 20;
  WriteBoth(kOrders, MakeRun({.value_bytes = 5 << 20}, 2));
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  EXPECT_THAT(printed_, HasSubstr("2 batches, 2 records, 10.5 MB"));
}

TEST_F(VerifyTest, ADirectoryInUseIsReadAndLeftAsItIs) {
  WriteBoth(kOrders, MakeRun({}, 3));
  auto logs = LogManager::Open(SystemFileIo(), {.log_dirs = {Dir("a")}});
  ASSERT_TRUE(logs.ok()) << logs.status();
  const auto files = [this] {
    std::map<std::string, std::pair<uintmax_t, std::filesystem::file_time_type>> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path()))
      found[entry.path()] = {entry.is_directory() ? 0 : entry.file_size(), entry.last_write_time()};
    return found;
  };
  const auto before = files();
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(DirectoryLock::Acquire(SystemFileIo(), Dir("a")).ok()) << "a still belongs to the one that uses it";
  EXPECT_TRUE((*logs)->Close().ok());
}

TEST_F(VerifyTest, AFlippedByteIsACorruptBatchOfThatSide) {
  const auto batches = MakeRun({.record_count = 3}, 4);
  WriteBoth(kOrders, batches);
  PutBytes(LogFile("b", kOrders, 0), batches.size() / 4 + 70, {std::byte{0xff}});
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_THAT(error_, AllOf(HasSubstr("orders-0 at offset 3: corrupt batch: A is sound, B has crc 0x"),
                            HasSubstr(" for bytes that make 0x")));
  EXPECT_THAT(printed_, HasSubstr("compared 0 partitions, 1 batches, 3 records, "));
  EXPECT_THAT(printed_, HasSubstr(": different\n"));
}

TEST_F(VerifyTest, ACorruptBatchOfBothSidesIsStillOne) {
  const auto batches = MakeRun({}, 4);
  WriteBoth(kOrders, batches);
  for (const char* side : {"a", "b"}) PutBytes(LogFile(side, kOrders, 0), 70, {std::byte{0xff}});
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_THAT(error_, HasSubstr("orders-0 at offset 0: corrupt batch: A has crc "));
}

TEST_F(VerifyTest, TheFieldThatDiffersIsNamedWithBothValues) {
  struct Case {
    BatchSpec b;
    const char* says;
  };
  const BatchSpec in_a{.base_offset = 1, .record_count = 2, .leader_epoch = 3};
  const Case cases[] = {
      {{.base_offset = 2, .record_count = 2, .leader_epoch = 3}, "orders-0 at offset 1: base offset: A 1, B 2"},
      {{.base_offset = 1, .record_count = 2, .leader_epoch = 3, .last_offset_delta = 4},
       "orders-0 at offset 1: last offset delta: A 1, B 4"},
      {{.base_offset = 1, .record_count = 2, .leader_epoch = 3, .fill = 'w'}, "orders-0 at offset 1: crc: A 0x"},
      {{.base_offset = 1, .record_count = 2, .leader_epoch = 5},
       "orders-0 at offset 1: partition leader epoch: A 3, B 5"},
  };
  const TopicPartition other{"zebras", 0};
  for (const Case& test : cases) {
    for (const char* side : {"a", "b"}) std::filesystem::remove_all(Dir(side));
    Write("a", kOrders, MakeBatches({{.leader_epoch = 3}, in_a}));
    Write("b", kOrders, MakeBatches({{.leader_epoch = 3}, test.b}));
    WriteBoth(other, MakeRun({}, 1));
    EXPECT_EQ(Verify("json"), ExitCode::kDivergence);
    EXPECT_THAT(error_, HasSubstr(test.says));
    EXPECT_THAT(printed_, AllOf(HasSubstr("\"type\":\"difference\""), HasSubstr("\"partition\":\"orders-0\""),
                                HasSubstr("\"offset\":1,")));
  }
}

TEST_F(VerifyTest, TheShorterSideIsSaidToEndEarlier) {
  Write("a", kOrders, MakeRun({}, 7));
  Write("b", kOrders, MakeRun({}, 5));
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 5: end: A ends at 7, B ends at 5");
  EXPECT_EQ(Verify(Dir("b"), Dir("a")), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 5: end: A ends at 5, B ends at 7");
}

TEST_F(VerifyTest, TheEndOfTheLongerSideIsThatOfItsLastSegment) {
  segment_bytes_ = 300;
  Write("a", kOrders, MakeRun({.value_bytes = 100}, 20));
  Write("b", kOrders, MakeRun({.value_bytes = 100}, 3));
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 3: end: A ends at 20, B ends at 3");
}

// The empty last segment gives both the same end.
TEST_F(VerifyTest, ABatchMissingBeforeAnEmptyLastSegmentIsSeen) {
  WriteBoth(kOrders, MakeRun({}, 5));
  for (const char* side : {"a", "b"}) std::ofstream(LogFile(side, kOrders, 5)).flush();
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  Cut(LogFile("b", kOrders, 0), MakeBatch({}).size());
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 4: batch: A has it, B lacks it");
}

TEST_F(VerifyTest, APartitionThatOneSideLacksIsADifference) {
  WriteBoth(kOrders, MakeRun({}, 3));
  Write("b", {"orders", 1}, MakeRun({}, 3));
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-1: partition: A lacks it, B has it");
  EXPECT_THAT(printed_, HasSubstr("compared 0 partitions"));
}

TEST_F(VerifyTest, Log34_DirectoriesThatAreNoPartitionsOfTheBrokerAreLeftOut) {
  WriteBoth(kOrders, MakeRun({}, 3));
  for (const char* name :
       {"__cluster_metadata-0", "orders-1.0123456789abcdef0123456789abcdef-delete",
        "orders-2.0123456789abcdef0123456789abcdef-future", "remote-log-index-cache", "lost+found"}) {
    std::filesystem::create_directory(Dir("a") / name);
  }
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
}

TEST_F(VerifyTest, ComparisonBeginsAtTheLargerLogStart) {
  Write("a", kOrders, MakeRun({}, 10));
  Write("b", kOrders, MakeRun({.base_offset = 4, .base_timestamp = 1004}, 6), /*log_start=*/4);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  EXPECT_THAT(printed_, AllOf(HasSubstr("compared 1 partitions, 6 batches"),
                              HasSubstr("1 partitions begin later in B than in the other")));
  EXPECT_EQ(Verify(Dir("b"), Dir("a")), ExitCode::kDone) << error_;
  EXPECT_THAT(printed_, HasSubstr("1 partitions begin later in A than in the other"));
  EXPECT_EQ(Verify("json"), ExitCode::kDone) << error_;
  EXPECT_THAT(printed_, AllOf(HasSubstr("\"begin_later_in_a\":0"), HasSubstr("\"begin_later_in_b\":1")));
}

// The one batch that holds the log start of a side is in both, whole.
TEST_F(VerifyTest, ABatchAcrossTheLogStartIsComparedWhole) {
  const auto batches = MakeRun({.record_count = 5}, 4);
  Write("a", kOrders, batches);
  Write("b", kOrders, batches, /*log_start=*/0, /*delete_before=*/7);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  EXPECT_THAT(printed_, HasSubstr("3 batches, 15 records"));
  PutBytes(LogFile("a", kOrders, 0), batches.size() / 4 + 70, {std::byte{0xff}});
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_THAT(error_, HasSubstr("offset 5: corrupt batch: A has crc "));
}

TEST_F(VerifyTest, LogsThatDoNotOverlapDiffer) {
  Write("a", kOrders, MakeRun({}, 3));
  Write("b", kOrders, MakeRun({.base_offset = 10}, 3), /*log_start=*/10);
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_THAT(error_, HasSubstr("end: A ends at 3, B ends at 13"));
}

TEST_F(VerifyTest, ATornTailEndsAfterTheLastWholeBatch) {
  WriteBoth(kOrders, MakeRun({.record_count = 2}, 5));
  Cut(LogFile("b", kOrders, 0), 1);
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 8: end: A ends at 10, B ends at 8");
  Cut(LogFile("a", kOrders, 0), 40);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
}

// As kill -9 leaves a file that was grown ahead of its writes.
TEST_F(VerifyTest, ZerosAndHalfWrittenBatchesAtTheEndAreNotThere) {
  const auto batches = MakeRun({.record_count = 2}, 5);
  WriteBoth(kOrders, batches);
  std::filesystem::resize_file(LogFile("a", kOrders, 0), 100000);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  auto half = MakeBatch({.base_offset = 10, .value_bytes = 5000});
  half.resize(half.size() / 2);
  PutBytes(LogFile("a", kOrders, 0), batches.size(), half);
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
}

// What happened: a log that was closed while it was read had "ended at byte X of Y".
TEST_F(VerifyTest, ALogInUseMayGiveBackWhatItAllocatedAhead) {
  constexpr int64_t kBatches = 30;
  segment_bytes_ = 8 << 20;
  Write("a", kOrders, MakeRun({.value_bytes = 100'000}, kBatches));
  const std::filesystem::path log = LogFile("a", kOrders, 0);
  const uint64_t bytes = std::filesystem::file_size(log);
  std::filesystem::resize_file(log, bytes + (4 << 20));
  const auto source = LogDirSource::Open(SystemFileIo(), Dir("a"));
  ASSERT_TRUE(source.ok()) << source.status();
  const auto stream = (*source)->Open(kOrders);
  ASSERT_TRUE(stream.ok()) << stream.status();
  for (int64_t base = 0; base < kBatches; ++base) {
    const absl::StatusOr<bool> found = (*stream)->Next();
    ASSERT_TRUE(found.ok() && *found) << base << ": " << found.status();
    EXPECT_EQ((*stream)->batch().base_offset(), Offset{base});
    if (base == 0) std::filesystem::resize_file(log, bytes);
  }
  EXPECT_FALSE((*stream)->Next().value_or(true));
  EXPECT_EQ((*stream)->EndOffset().value_or(Offset{-1}), Offset{kBatches});
}

TEST_F(VerifyTest, DamagedFramingBeforeTheLastSegmentIsCorrupt) {
  segment_bytes_ = 300;
  const auto batches = MakeRun({.value_bytes = 100}, 20);
  WriteBoth(kOrders, batches);
  PutBytes(LogFile("b", kOrders, 0), 8, {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}});
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_THAT(error_, AllOf(HasSubstr("orders-0 in " + Dir("b").native()), HasSubstr("corrupt batch in "),
                            HasSubstr("at byte 0, where offset 0 should follow")));
  EXPECT_THAT(printed_, HasSubstr(": different\n"));
}

TEST_F(VerifyTest, EmptyPartitionsAreIdenticalAndCounted) {
  WriteBoth(kOrders, {});
  EXPECT_EQ(Verify(), ExitCode::kDone) << error_;
  EXPECT_EQ(printed_, "compared 1 partitions, 0 batches, 0 records, 0 B: identical\n");
  Write("b", kOrders, MakeRun({}, 1));
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 0: end: A ends at 0, B ends at 1");
}

TEST_F(VerifyTest, EmptyLogsThatBeginElsewhereDiffer) {
  Write("a", kOrders, {});
  Write("b", kOrders, {}, /*log_start=*/9);
  EXPECT_EQ(Verify(), ExitCode::kDivergence);
  EXPECT_EQ(error_, "orders-0 at offset 0: end: A ends at 0, B ends at 9");
}

// What happened: any directory passed for a log dir without partitions, and /data/orders-0 instead of /data for a copy
// that lacks everything.
TEST_F(VerifyTest, ADirectoryWithoutAPartitionIsNoLogDir) {
  Write("a", kOrders, MakeRun({}, 1));
  const std::string partition = Dir("a") / kOrders.ToString(), empty = Dir("empty"), raft = Dir("raft");
  std::filesystem::create_directories(empty);
  std::filesystem::create_directories(raft + "/__cluster_metadata-0");
  for (const std::string& side : {partition, empty, raft}) {
    EXPECT_EQ(Verify(Dir("a"), side), ExitCode::kCannotStart) << side;
    EXPECT_THAT(error_, AllOf(HasSubstr(side), HasSubstr("no log dir")));
    EXPECT_EQ(Verify(side, Dir("a")), ExitCode::kCannotStart) << side;
    EXPECT_THAT(error_, HasSubstr(side));
  }
}

// What happened: a copy that `follow` had spread over two log dirs could not be compared.
TEST_F(VerifyTest, ACopySpreadOverSeveralLogDirsIsOneSide) {
  const TopicPartition other{"orders", 1};
  Write("a", kOrders, MakeRun({}, 3));
  Write("a", other, MakeRun({}, 2));
  Write("b", kOrders, MakeRun({}, 3));
  Write("c", other, MakeRun({}, 2));
  const std::string both = absl::StrCat(Dir("b").native(), ", ", Dir("c").native());
  EXPECT_EQ(Verify(Dir("a"), both), ExitCode::kDone) << error_;
  EXPECT_EQ(Verify(Dir("a"), Dir("b")), ExitCode::kDivergence) << error_;
  Write("c", kOrders, MakeRun({}, 3));
  EXPECT_EQ(Verify(Dir("a"), both), ExitCode::kCannotStart);
  EXPECT_THAT(error_, AllOf(HasSubstr(Dir("b").native()), HasSubstr(Dir("c").native()), HasSubstr("orders-0")));
}

TEST_F(VerifyTest, WhatCannotBeReadCannotStart) {
  EXPECT_EQ(Verify(), ExitCode::kCannotStart);
  EXPECT_THAT(error_, AllOf(HasSubstr(Dir("a").native()), HasSubstr("No such file")));
  Write("a", kOrders, MakeRun({}, 1));
  EXPECT_EQ(Verify(Dir("a"), Dir("b")), ExitCode::kCannotStart);
  EXPECT_THAT(error_, HasSubstr(Dir("b").native()));
  EXPECT_EQ(Verify(LogFile("a", kOrders, 0), Dir("a")), ExitCode::kCannotStart);
}

TEST_F(VerifyTest, SidesThatMakeNoSenseAreUsageErrors) {
  for (const char* side : {"kafka://127.0.0.1:9092", "kafka://127.0.0.1:9092/", "kafka://127.0.0.1/t", "kafka:///t",
                           "kafka://127.0.0.1:9092/a(b", "http://127.0.0.1:9092/t"}) {
    EXPECT_EQ(Verify(Dir("a"), side), ExitCode::kUsage) << side;
    EXPECT_FALSE(error_.empty());
  }
}

}  // namespace
}  // namespace slipstream
