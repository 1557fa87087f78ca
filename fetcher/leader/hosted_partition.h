// A partition that this process leads: its log, and what serving it needs beside the log. One thread, that of the log.
#pragma once

#include "fetcher/leader/append_turn.h"
#include "fetcher/leader/delayed_fetch.h"
#include "fetcher/leader/producer_table.h"
#include "log/offset.h"
#include "log/partition_log.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

inline constexpr BrokerId kLeaderBrokerId{1};  // the one broker there is

struct HostedPartition {
  explicit HostedPartition(PartitionLog& hosted_log) : log(hosted_log) {}
  HostedPartition(const HostedPartition&) = delete;
  HostedPartition& operator=(const HostedPartition&) = delete;

  // Begins a leader epoch: notes where it starts even if nothing is written in it (LF-02, EC-03, PF-20).
  absl::Status Elect(LeaderEpoch epoch) {
    Lead(epoch);
    return log.epochs().Assign(epoch, log.log_end_offset());
  }
  // The same, but for the writing of the note: LeaderEpochCache::Save, or SaveEpochsTogether, is the caller's.
  absl::Status BeginElection(LeaderEpoch epoch) {
    Lead(epoch);
    return log.epochs().NoteToBeSaved(epoch, log.log_end_offset());
  }
  // The ISR is this leader alone, so what it wrote is committed. Wakes the fetches that waited for it.
  void OnAppended(uint64_t bytes) {
    log.UpdateHighWatermark(log.log_end_offset());
    watchers.OnAppend(bytes);
  }
  // LD-03: what a request that names `epoch` as the current one must be told; -1, not given, passes.
  KafkaError CheckEpoch(LeaderEpoch epoch) const {
    if (epoch < LeaderEpoch{0} || epoch == leader_epoch) return KafkaError::kNone;
    return epoch < leader_epoch ? KafkaError::kFencedLeaderEpoch : KafkaError::kUnknownLeaderEpoch;
  }

  void Lead(LeaderEpoch epoch) {
    leader_epoch = epoch;
    log.UpdateHighWatermark(log.log_end_offset());
  }

  PartitionLog& log;  // of the LogManager, which outlives this
  LeaderEpoch leader_epoch{0};
  AppendTurn append_turn;  // held while an append to the log runs
  ProducerTable producers;
  FetchWatchers watchers;
};

}  // namespace slipstream
