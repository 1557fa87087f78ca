#include "log/io/direct_appender.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "log/io/blocking_queue.h"
#include "log/io/io_ring.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

class DirectAppenderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = SystemFileIo().Open(dir_.path() / "file", OpenMode::kCreateNew);
    ASSERT_TRUE(opened.ok()) << opened.status();
    file_ = *std::move(opened);
    if (!file_->PrepareDirect()) GTEST_SKIP() << "the file system of " << dir_.path() << " has no direct writes";
    Start();
  }
  void Start() {
    auto made = DirectAppender::Create(file_, content_.size(), kSizeMax);
    ASSERT_TRUE(made.ok()) << made.status();
    appender_ = *std::move(made);
  }

  // Appends random bytes that lie `shift` bytes after a block's beginning in memory.
  absl::Status Append(IoQueue& queue, size_t size, uint64_t shift) {
    AlignedBuffer buffer(size + shift + 1);
    for (std::byte& byte : buffer.span()) byte = static_cast<std::byte>(random_());
    const ByteSpan bytes(buffer.data() + shift, size);
    const absl::Status appended = RunToEnd(appender_->Append(queue, bytes));
    if (appended.ok()) content_.insert(content_.end(), bytes.begin(), bytes.end());
    return appended;
  }
  void ExpectContent() {
    EXPECT_EQ(appender_->end(), content_.size());
    std::vector<std::byte> read(content_.size());
    ASSERT_EQ(*file_->ReadAt(read, FilePosition{0}), read.size());
    EXPECT_TRUE(read == content_);
  }
  // What lies behind the content.
  void ExpectZerosBehind() {
    std::vector<std::byte> behind(*file_->Size() - content_.size());
    ASSERT_EQ(*file_->ReadAt(behind, FilePosition{content_.size()}), behind.size());
    EXPECT_EQ(std::ranges::count(behind, std::byte{0}), static_cast<ptrdiff_t>(behind.size()));
  }

  static constexpr uint64_t kSizeMax = 256 << 10;

  TempDir dir_;
  std::shared_ptr<File> file_;
  std::unique_ptr<DirectAppender> appender_;
  std::vector<std::byte> content_;
  std::mt19937 random_{42};
  BlockingIoQueue queue_;
};

TEST_F(DirectAppenderTest, AnySizesAtAnyAddressesLieSideBySide) {
  for (const size_t size : {1, 511, 512, 513, 100, 4096, 5000, 70000, 3, 1024}) {
    ASSERT_TRUE(Append(queue_, size, random_() % 4096).ok());
    ExpectContent();
    ExpectZerosBehind();
  }
}

TEST_F(DirectAppenderTest, WhatWasReceivedCongruentlyIsWrittenInOneGo) {
  FailingQueue queue;
  ASSERT_TRUE(Append(queue, 100'001, 0).ok());
  ASSERT_TRUE(Append(queue, 2 << 20, CongruentShift(FilePosition{content_.size()})).ok());
  EXPECT_EQ(queue.writes, 2);
  ASSERT_TRUE(Append(queue, 2 << 20, CongruentShift(FilePosition{content_.size()}) + 1).ok());
  EXPECT_GT(queue.writes, 3) << "copied in pieces";
  ExpectContent();
}

TEST_F(DirectAppenderTest, TheSameThroughTheRing) {
  asio::io_context io;
  auto ring = IoRing::Create(io);
  if (!ring.ok()) GTEST_SKIP() << ring.status();
  std::vector<AlignedBuffer*> kept;
  for (const size_t size : {100, 600'000, 1, 512, 3'000'000}) {
    AlignedBuffer buffer(size + 4096);
    for (std::byte& byte : buffer.span()) byte = static_cast<std::byte>(random_());
    const ByteSpan bytes(buffer.data() + CongruentShift(FilePosition{content_.size()}), size);
    std::optional<absl::Status> appended;
    asio::co_spawn(io, appender_->Append(**ring, bytes),
                   [&](std::exception_ptr, absl::Status status) { appended = std::move(status); });
    while (!appended) io.run_one();
    ASSERT_TRUE(appended->ok()) << *appended;
    content_.insert(content_.end(), bytes.begin(), bytes.end());
  }
  ExpectContent();
}

TEST_F(DirectAppenderTest, AFailedAppendLeavesTheEndWhereItWas) {
  ASSERT_TRUE(Append(queue_, 1000, 7).ok());
  FailingQueue broken;
  broken.write_bytes_left = 512;
  EXPECT_FALSE(Append(broken, 100'000, 9).ok());
  ExpectContent();
  // The owner cuts the file and begins anew.
  ASSERT_TRUE(file_->Truncate(content_.size()).ok());
  Start();
  ASSERT_TRUE(Append(queue_, 2000, 11).ok());
  ExpectContent();
}

TEST_F(DirectAppenderTest, GoesOnWhereBufferedWritesEnded) {
  const std::vector<std::byte> head(777, std::byte{0x5a});
  ASSERT_TRUE(file_->WriteAt(head, FilePosition{0}).ok());
  content_ = head;
  Start();
  ASSERT_TRUE(Append(queue_, 10'000, 0).ok());
  ExpectContent();
}

TEST_F(DirectAppenderTest, Log72_GrowsAheadButNotBeyondTheBoundForItsOwnSake) {
  ASSERT_TRUE(Append(queue_, kSizeMax / 2, 0).ok());
  ASSERT_TRUE(Append(queue_, 10, 0).ok());
  EXPECT_EQ(*file_->Size(), kSizeMax);
  ASSERT_TRUE(Append(queue_, kSizeMax, 0).ok());
  EXPECT_EQ(*file_->Size(), kSizeMax + kSizeMax / 2 + file_->PrepareDirect()->file);
}

// What happened: 3,000 partitions of 136 KB each filled a disk of 77 GB.
TEST_F(DirectAppenderTest, Log72_ASmallFileGrowsToTwiceItsContent) {
  ASSERT_TRUE(Append(queue_, 8192, 0).ok());
  EXPECT_EQ(*file_->Size(), 8192u);
  ASSERT_TRUE(Append(queue_, 4096, 0).ok());
  EXPECT_EQ(*file_->Size(), 8192u + 4096 + 8192);
  ExpectContent();
  ExpectZerosBehind();
}

// What happened: grown ahead to a whole block it was of 2^31 bytes, which no start opens.
TEST_F(DirectAppenderTest, Log72_TheLargestLogIsNotGrownBeyondWhatALogMayBe) {
  constexpr uint64_t kLargest = (uint64_t{1} << 31) - 1, kEnd = kLargest - (8 << 20) - 1000;
  std::filesystem::resize_file(file_->path(), kEnd);
  auto made = DirectAppender::Create(file_, kEnd, kLargest);
  ASSERT_TRUE(made.ok()) << made.status();
  appender_ = *std::move(made);
  ASSERT_TRUE(Append(queue_, 1 << 20, 0).ok());
  EXPECT_LE(*file_->Size(), kLargest);
}

}  // namespace
}  // namespace slipstream
