#include "log/state/state_batch.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using Operation = StateBatch::Operation;

const StateId kState{3};

const StateBatch::Change& Only(const StateBatch& batch) {
  EXPECT_EQ(batch.changes().size(), 1u);
  return batch.changes().begin()->second;
}

TEST(StateBatchTest, TheLastPutOrDeleteOfAKeyCounts) {
  StateBatch batch;
  batch.Put(kState, "k", {"one"});
  batch.Put(kState, "k", {"two", Timestamp{5}});
  EXPECT_EQ(Only(batch).operation, Operation::kPut);
  EXPECT_EQ(Only(batch).value, (StateValue{"two", Timestamp{5}}));
  batch.Delete(kState, "k");
  EXPECT_EQ(Only(batch).operation, Operation::kDelete);
  batch.Put(kState, "k", {"three"});
  EXPECT_EQ(Only(batch).operation, Operation::kPut);
}

TEST(StateBatchTest, AppendsGoBehindWhatTheBatchHas) {
  StateBatch appends;
  appends.Append(kState, "k", {"one", Timestamp{5}});
  appends.Append(kState, "k", {"two", Timestamp{6}});
  EXPECT_EQ(Only(appends).operation, Operation::kAppend);
  EXPECT_EQ(Only(appends).value, (StateValue{"onetwo", Timestamp{6}}));

  StateBatch behind_put;
  behind_put.Put(kState, "k", {"one"});
  behind_put.Append(kState, "k", {"two"});
  EXPECT_EQ(Only(behind_put).operation, Operation::kPut);
  EXPECT_EQ(Only(behind_put).value.bytes, "onetwo");

  StateBatch behind_delete;  // behind nothing, not behind what the backend has
  behind_delete.Delete(kState, "k");
  behind_delete.Append(kState, "k", {"two"});
  EXPECT_EQ(Only(behind_delete).operation, Operation::kPut);
  EXPECT_EQ(Only(behind_delete).value.bytes, "two");
}

TEST(StateBatchTest, KeysAreApartByStateAndInOrder) {
  StateBatch batch;
  batch.Put(StateId{2}, "a", {"1"});
  batch.Put(StateId{1}, "b", {"2"});
  batch.Put(StateId{1}, "a", {"3"});
  std::string order;
  for (const auto& [at, change] : batch.changes()) order += change.value.bytes;
  EXPECT_EQ(order, "321");
}

}  // namespace
}  // namespace slipstream
