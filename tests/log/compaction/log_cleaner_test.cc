#include "log/compaction/log_cleaner.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <thread>

#include "tests/support/compacted_log.h"

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
