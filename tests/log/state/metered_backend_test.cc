// What is counted; that nobody sees the counting: state_backend_test.cc.
#include "log/state/metered_backend.h"

#include <gtest/gtest.h>

#include <thread>

#include "log/state/heap_backend.h"
#include "tests/log/state/hand_clock.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

void ExpectOperation(const StateOperationMetrics& operation, uint64_t count, uint64_t errors, uint64_t nanoseconds) {
  EXPECT_EQ(operation.count, count);
  EXPECT_EQ(operation.errors, errors);
  EXPECT_EQ(operation.nanoseconds, nanoseconds);
}

class MeteredBackendTest : public ::testing::Test {
 protected:
  MeteredBackendTest() {
    one_ = *backend_.OpenState({"one", StateKind::kList});
    two_ = *backend_.OpenState({"two", StateKind::kValue});
  }

  MemoryIo io_;
  HandClock clock_;
  std::chrono::nanoseconds elapsed_{0};
  MeteredBackend backend_{std::make_unique<HeapBackend>(io_, HeapBackendOptions{clock_.function(), {}}),
                          [this] { return elapsed_ += std::chrono::nanoseconds(5); }};  // each call takes 5 ns
  StateId one_, two_;
};

TEST_F(MeteredBackendTest, CountsAndTimesByStateAndOperation) {
  StateBatch batch;
  batch.Put(one_, "a", {"1"});
  batch.Append(one_, "b", {"2"});
  batch.Delete(one_, "c");
  batch.Put(two_, "a", {"3"});
  ASSERT_TRUE(backend_.Apply(batch).ok());
  ASSERT_TRUE(backend_.Get(one_, "a").ok());
  ASSERT_TRUE(backend_.Get(one_, "none").ok());
  ASSERT_TRUE(backend_.Scan(one_, "", [](absl::string_view, absl::string_view) { return true; }).ok());

  const StateMetrics& one = *backend_.metrics(one_);
  ExpectOperation(one.apply, 1, 0, 5);
  ExpectOperation(one.get, 2, 0, 10);
  ExpectOperation(one.scan, 1, 0, 5);
  EXPECT_EQ(one.found, 1u);
  EXPECT_EQ(one.entries_visited, 2u);
  EXPECT_EQ(one.puts, 1u);
  EXPECT_EQ(one.appends, 1u);
  EXPECT_EQ(one.deletes, 1u);
  const StateMetrics& two = *backend_.metrics(two_);
  ExpectOperation(two.apply, 1, 0, 5);
  ExpectOperation(two.get, 0, 0, 0);
  EXPECT_EQ(two.puts, 1u);
}

TEST_F(MeteredBackendTest, ErrorsAreCountedAndTheirChangesAreNot) {
  StateBatch bad;
  bad.Put(one_, "a", {"1"});
  bad.Append(two_, "a", {"no list"});
  bad.Put(StateId{77}, "a", {"no state"});
  ASSERT_FALSE(backend_.Apply(bad).ok());
  ExpectOperation(backend_.metrics(one_)->apply, 1, 1, 5);
  ExpectOperation(backend_.metrics(two_)->apply, 1, 1, 5);
  EXPECT_EQ(backend_.metrics(one_)->puts, 0u);
  EXPECT_EQ(backend_.metrics(StateId{77}), nullptr);
}

TEST_F(MeteredBackendTest, SnapshotsAreCounted) {
  ASSERT_FALSE(backend_.Restore("/snapshot").ok());
  ASSERT_TRUE(backend_.Snapshot("/snapshot").ok());
  ASSERT_TRUE(backend_.Restore("/snapshot").ok());
  ExpectOperation(backend_.snapshot_metrics().begin, 1, 0, 5);
  ExpectOperation(backend_.snapshot_metrics().restore, 2, 1, 10);
}

TEST_F(MeteredBackendTest, AnotherThreadMayRead) {
  const StateMetrics* metrics = backend_.metrics(one_);
  std::jthread reader([metrics] {
    uint64_t before = 0;
    while (before < 1000) {
      const uint64_t now = metrics->get.count;
      EXPECT_GE(now, before);
      before = now;
    }
  });
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(backend_.Get(one_, "a").ok());
    ASSERT_TRUE(backend_.OpenState({absl::StrCat("s", i), StateKind::kValue}).ok());  // moves nothing it reads
  }
}

}  // namespace
}  // namespace slipstream
