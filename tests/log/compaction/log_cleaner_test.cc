#include "log/compaction/log_cleaner.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <pthread.h>

#include <new>
#include <thread>

#include "tests/support/compacted_log.h"
#include "tests/support/failing_io.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogCleanerTest : public testing::Test {
 protected:
  void SetUp() override {
    t_.Open();
    for (int i = 0; i < 60; ++i) t_.Put(absl::StrCat("k", i % 2), std::to_string(i));
    t_.Seal();
  }
  absl::Status RunToEnd() {
    while (cleaner_.log() != nullptr) {
      if (absl::Status polled = cleaner_.Poll(); !polled.ok()) return polled;
      std::this_thread::yield();
    }
    return absl::OkStatus();
  }

  CompactedLog t_;
  LogCleaner cleaner_{CompactionLimits()};
};

TEST_F(LogCleanerTest, Log158_ARoundBesideItsLogsThread) {
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_EQ(cleaner_.log(), &t_.log());
  t_.Put("k0", "meanwhile");
  ASSERT_TRUE(RunToEnd().ok());
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=58", "k1=59", "k0=meanwhile"));
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_EQ(cleaner_.log(), nullptr) << "no round is due";
}

TEST_F(LogCleanerTest, Log103_ATruncationMeanwhileEndsTheRound) {
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  ASSERT_TRUE(t_.log().TruncateTo(Offset{30}).ok());
  EXPECT_TRUE(RunToEnd().ok());
  EXPECT_EQ(t_.Records().size(), 30u);
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
}

TEST_F(LogCleanerTest, Log161_AnErrorIsToldOnce) {
  std::filesystem::resize_file(t_.directory() / SegmentFileName(Offset{0}, ".log"), 100);
  t_.Reopen();
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_TRUE(absl::IsDataLoss(RunToEnd()));
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_EQ(cleaner_.log(), nullptr);
}

TEST_F(LogCleanerTest, Log161_WhatThrowsEndsTheRoundAndNothingElse) {
  FailingIo io;
  t_.Close();
  t_.io = &io;
  t_.Open();
  io.before_write = [](const std::filesystem::path& path) -> absl::Status {
    if (path.filename() == SegmentFileName(Offset{0}, ".timeindex.cleaned")) throw std::bad_alloc();
    return absl::OkStatus();
  };
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  EXPECT_EQ(RunToEnd().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_TRUE(t_.log().uncleanable().ok()) << "it says nothing of the content";
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  cleaner_.Stop();
  io.before_write = nullptr;
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  ASSERT_TRUE(RunToEnd().ok());
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=58", "k1=59"));
  t_.Abandon();  // before its io
}

// Threads made while it lives ask for more stack than there are addresses.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    SLIP_CHECK_EQ(pthread_getattr_default_np(&before_), 0);
    pthread_attr_t huge;
    SLIP_CHECK_EQ(pthread_attr_init(&huge), 0);
    SLIP_CHECK_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 52), 0);
    SLIP_CHECK_EQ(pthread_setattr_default_np(&huge), 0);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

TEST_F(LogCleanerTest, Log161_WithoutAThreadTheRoundEndsAndIsTriedAgain) {
  {
    const NoMoreThreads none;
    ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
    cleaner_.Stop();
    ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
    EXPECT_TRUE(absl::IsResourceExhausted(RunToEnd()));
    EXPECT_EQ(cleaner_.log(), nullptr);
  }
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  ASSERT_TRUE(RunToEnd().ok());
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=58", "k1=59"));
}

TEST_F(LogCleanerTest, StoppingLeavesTheLogAsItIs) {
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  cleaner_.Stop();
  EXPECT_EQ(cleaner_.log(), nullptr);
  EXPECT_THAT(t_.Files(".cleaned"), IsEmpty());
  EXPECT_EQ(t_.Committed().size(), 60u);
  ASSERT_TRUE(cleaner_.Start(t_.log(), Timestamp{t_.now}).ok());
  ASSERT_TRUE(RunToEnd().ok());
  EXPECT_THAT(t_.Committed(), ElementsAre("k0=58", "k1=59"));
}

}  // namespace
}  // namespace slipstream
