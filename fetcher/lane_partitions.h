// The partitions of a lane, and where each of them stands: in the session, waiting for a word with the leader, or
// delayed (FT-03..FT-07). Used by all parts of the lane, on its thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <chrono>
#include <memory>
#include <vector>

#include "fetcher/answer_size.h"
#include "fetcher/followed_partition.h"
#include "fetcher/lane_context.h"
#include "fetcher/leader_work_queue.h"
#include "fetcher/quota_hold.h"
#include "session/fetch_session.h"

namespace slipstream {

class LanePartitions {
 public:
  using TimePoint = PartitionFetchState::TimePoint;
  using ByName = absl::flat_hash_map<TopicPartition, std::unique_ptr<FollowedPartition>>;

  // Both outlive this.
  LanePartitions(const LaneContext& lane, const AnswerSize& answer_size) : lane_(lane), answer_size_(answer_size) {}

  void Insert(std::unique_ptr<FollowedPartition> partition);
  // Nothing here points at it any more. REQUIRES: it is undeclared.
  std::unique_ptr<FollowedPartition> Extract(FollowedPartition& partition);
  FollowedPartition* Find(const TopicPartition& partition);  // nullptr: not here
  bool Holds(const TopicPartition& partition) const { return by_name_.contains(partition); }
  size_t size() const { return by_name_.size(); }
  const ByName& by_name() const { return by_name_; }
  // In an order that does not hang on how a hash map was seeded.
  std::vector<TopicPartition> SortedNames() const;

  void Publish(FollowedPartition& partition) {
    partition.initial.progress->Publish(partition.log(), lane_.config.flush_mode);
  }

  // --- in the session
  void Declare(FollowedPartition& partition);          // tells the session what to ask next
  void DeclareLogStart(FollowedPartition& partition);  // where it may have changed by itself (FT-20)
  void Undeclare(FollowedPartition& partition);
  void BecomeFetching(FollowedPartition& partition);  // from its log's end on; its work is done
  // Its log was cut or begun anew. Inside the session the leader would tell no high watermark that it has told before,
  // and we would wait for it.
  void ForgetLeader(FollowedPartition& partition);

  // --- out of it, until that is over
  bool InTrouble(const FollowedPartition& partition) const;
  void RequireLeaderWork(FollowedPartition& partition, LeaderWork work);
  void Delay(FollowedPartition& partition, std::chrono::milliseconds wait);
  void Delay(FollowedPartition& partition) { Delay(partition, lane_.config.replica_fetch_backoff); }
  // A Delay that grows with what went wrong so many times in a row: its failures.
  void BackOff(FollowedPartition& partition) { BackOff(partition, partition.state.failures + 1); }
  void BackOff(FollowedPartition& partition, int times);
  void MarkFailed(FollowedPartition& partition, const absl::Status& why);
  // An error that waiting alone does not end, such as a lack of rights: the partition is asked for again all the same.
  void TellIfLasting(const FollowedPartition& partition, absl::string_view asked, KafkaError error);
  // Nothing of it is taken: what came damaged heals when it is asked for again (FT-32).
  void DropAnswer(FollowedPartition& partition, const absl::Status& why);
  TimePoint WakeDelayed(TimePoint now);  // back into the session; returns when the next one is due

  // --- replication quotas: LaneQuota decides what becomes of those watched
  bool IsListed(const FollowedPartition& partition) const;
  // REQUIRES: it is in the session.
  void WatchForQuota(FollowedPartition& partition);

  FetchSession& session() { return session_; }
  LeaderWorkQueue& work() { return work_; }
  QuotaHold& quota_hold() { return quota_hold_; }

 private:
  int32_t BytesMax(const FollowedPartition& partition) const;  // to ask for

  const LaneContext& lane_;
  const AnswerSize& answer_size_;
  ByName by_name_;
  FetchSession session_;
  LeaderWorkQueue work_;
  std::vector<FollowedPartition*> delayed_;  // until their time comes
  QuotaHold quota_hold_;
};

}  // namespace slipstream
