#include "fetcher/leader/transaction_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/io/blocking_queue.h"
#include "tests/support/batches.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int16_t kAbort = 0, kCommit = 1;

class TransactionViewTest : public ::testing::Test {
 protected:
  TransactionViewTest() {
    LogConfig config;
    config.segment_bytes = 400;  // transactions span segments
    auto log = PartitionLog::Open(SystemFileIo(), directory_.path() / "t-0", {"t", 0}, config, {});
    SLIP_CHECK(log.ok());
    log_ = *std::move(log);
  }

  void Append(BatchSpec spec) {
    spec.base_offset = log_->log_end_offset().value;
    const std::vector<std::byte> batch = MakeBatch(spec);
    const absl::Status appended = RunToEnd(log_->AppendAsFollower(queue_, batch, WriteHint::kCached));
    ASSERT_TRUE(appended.ok()) << appended;
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  void Data(int64_t producer) {
    Append(
        {.record_count = 2, .producer_id = producer, .producer_epoch = 0, .base_sequence = 0, .transactional = true});
  }
  void End(int64_t producer, int16_t how) {
    Append({.producer_id = producer, .producer_epoch = 0, .control_type = how});
  }

  // "producer@first offset" of each.
  std::vector<std::string> Aborted(int64_t from, int64_t to) {
    const absl::Status caught_up = view_.CatchUp(*log_);
    EXPECT_TRUE(caught_up.ok()) << caught_up;
    std::vector<std::string> names;
    for (const AbortedTransaction& aborted : view_.AbortedIn(Offset{from}, Offset{to}))
      names.push_back(std::to_string(aborted.producer_id) + "@" + std::to_string(aborted.first_offset.value));
    return names;
  }

  TempDir directory_;
  BlockingIoQueue queue_;
  std::unique_ptr<PartitionLog> log_;
  TransactionView view_;
};

TEST_F(TransactionViewTest, Log122_AbortedTransactionsOfARangeAreFoundByTheirMarkers) {
  Data(7);          // 0..1
  Data(8);          // 2..3
  End(7, kAbort);   // 4
  End(8, kCommit);  // 5
  Data(7);          // 6..7
  End(7, kAbort);   // 8
  EXPECT_THAT(Aborted(0, 9), ElementsAre("7@0", "7@6"));
  EXPECT_THAT(Aborted(5, 9), ElementsAre("7@6"));
  EXPECT_THAT(Aborted(0, 6), ElementsAre("7@0")) << "the second begins at the end of the range";
  EXPECT_THAT(Aborted(9, 9), IsEmpty());
}

TEST_F(TransactionViewTest, Log112_TheOldestOpenTransactionBoundsWhatIsStable) {
  Append({.record_count = 3});  // 0..2, no transaction
  Data(7);                      // 3..4
  Data(8);                      // 5..6
  ASSERT_THAT(Aborted(0, 7), IsEmpty());
  EXPECT_EQ(view_.LastStableOffset(log_->high_watermark()), Offset{3});
  End(7, kCommit);  // 7
  ASSERT_THAT(Aborted(0, 8), IsEmpty());
  EXPECT_EQ(view_.LastStableOffset(log_->high_watermark()), Offset{5});
  End(8, kAbort);  // 8
  EXPECT_THAT(Aborted(0, 9), ElementsAre("8@5"));
  EXPECT_EQ(view_.LastStableOffset(log_->high_watermark()), Offset{9});
}

TEST_F(TransactionViewTest, Log115_AMarkerWithoutATransactionMeansNothing) {
  End(7, kAbort);
  EXPECT_THAT(Aborted(0, 1), IsEmpty());
}

}  // namespace
}  // namespace slipstream
