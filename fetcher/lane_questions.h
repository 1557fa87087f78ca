// Questions to the leader, and what follows from the answers (FT-11..FT-13, FT-40, FT-41). One is asked at a time, over
// a connection of its own, while the other partitions are fetched on. Meanwhile partitions come and go: what was held
// of them before a question may be gone after, but for what is still being asked about (LeaderWorkQueue::asking).
//
// Of a partition whose next records the leader has in remote storage only (TS-01..TS-09) it is asked where its local
// log begins, in turn with other questions; the remote storage is read on other threads, beside rounds and questions;
// then the log is dropped and begun behind what is there.
#pragma once

#include <exception>
#include <optional>

#include "fetcher/lane_partitions.h"
#include "fetcher/lane_run.h"
#include "fetcher/lane_truncation.h"
#include "fetcher/offset_reset.h"
#include "fetcher/tier/remote_state_reader.h"
#include "fetcher/tier/tier_questions.h"

namespace slipstream {

class LaneQuestions {
 public:
  // All outlive this.
  LaneQuestions(const LaneContext& lane, LanePartitions& partitions, LaneTruncation& truncation, LaneRun& run)
      : lane_(lane), partitions_(partitions), truncation_(truncation), run_(run) {}

  // Until there are none left to ask, unless that is under way.
  void StartAsking();
  bool UnderWay() const { return asking_runs_ || partitions_.work().HasReadings(); }
  void StopReading();  // from remote storage: what waits for its turn ends

 private:
  LeaderWorkQueue& work() { return partitions_.work(); }
  asio::awaitable<void> AskLeader();
  // An error is the transport's, here and below.
  asio::awaitable<absl::Status> LookUpEpochs();
  void OnEpochRefused(FollowedPartition& partition, KafkaError error);
  asio::awaitable<absl::Status> AskForOffsets();
  void OnOffsets(FollowedPartition& partition, const std::optional<OffsetAnswer>& latest,
                 const std::optional<OffsetAnswer>& earliest);
  void ApplyReset(FollowedPartition& partition, const OffsetReset& reset);
  void OnQuestionLost(const absl::Status& why);

  // --- lane_questions_tier.cc
  asio::awaitable<absl::Status> AskForTier();
  void OnTierRefused(FollowedPartition& partition, const TierAnswer& answer);
  void StartRemoteRead(FollowedPartition& partition, const TierAnswer& answer);
  void OnRemoteState(FollowedPartition& partition, absl::StatusOr<RemoteLogState> state);
  absl::Status RebuildFrom(FollowedPartition& partition, const RemoteLogState& state);

  const LaneContext& lane_;
  LanePartitions& partitions_;
  LaneTruncation& truncation_;
  LaneRun& run_;
  bool asking_runs_ = false;                        // AskLeader
  int questions_lost_ = 0;                          // in a row
  std::optional<RemoteStateReader> remote_reader_;  // made when needed
};

}  // namespace slipstream
