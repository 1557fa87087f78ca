// A lane in the place of a broker (replica.id): the follower's half of rules whose other half is a leader's, which
// keeps an ISR and moves the high watermark.
#include "tests/fetcher/lane_fixture.h"

namespace slipstream {
namespace {

class ReplicaLaneTest : public LaneFixture {
 protected:
  ReplicaLaneTest() { config_.replica_id = BrokerId{3}; }
};

TEST_F(ReplicaLaneTest, Pf04_TheHighWatermarkComesARoundAfterItsRecords) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 0}}});
  EXPECT_EQ(End(kP0), 3);
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{0}) << "the leader does not know yet that they are here";
  EXPECT_EQ(AskedAt(kP0), 3) << "this tells it";
  Serve({{{.partition = kP0, .high_watermark = 3}}});
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{3});
  EXPECT_EQ(Progress(kP0)->high_watermark.load(), 3);
}

TEST_F(ReplicaLaneTest, Pf05_ALostDiskIsAskedForFromTheStartAndClaimsNothing) {
  Fill(kP0, Batch(0, 10), /*high_watermark=*/10);
  Start();
  Add(kP0);
  Settle();
  EXPECT_EQ(AskedAt(kP0), 10);
  EXPECT_EQ(AskedAfterEpoch(kP0), 5);
  bool removed = false;
  lane_->Remove({kP0}, [&] { removed = true; });
  ASSERT_TRUE(removed);
  logs_.erase(kP0);
  std::filesystem::remove_all(directory_.path() / kP0.ToString());
  Add(kP0);
  Serve({});
  EXPECT_EQ(AskedAt(kP0), 0);
  EXPECT_EQ(AskedAfterEpoch(kP0), -1);
  EXPECT_EQ(leader_.Asked(kP0)->log_start_offset, Offset{0});
}

TEST_F(ReplicaLaneTest, Pf06_TheHighWatermarkStandsStillWhileTheLeadersDoes) {
  StartWith({kP0});
  Serve({{{.partition = kP0, .records = Batch(0, 3), .high_watermark = 0}}});
  Serve({{{.partition = kP0, .records = Batch(3, 2), .high_watermark = 3}}});
  Serve({{{.partition = kP0, .records = Batch(5, 2), .high_watermark = 3}}});  // below the minimum ISR from here on
  Serve({{{.partition = kP0, .high_watermark = 3}}});
  EXPECT_EQ(End(kP0), 7) << "records are copied all the same";
  EXPECT_EQ(Log(kP0).high_watermark(), Offset{3}) << "our own end raises nothing";
}

}  // namespace
}  // namespace slipstream
