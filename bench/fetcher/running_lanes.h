// The lanes of a fetcher thread over all partitions of a log dir, on the benchmark's own thread.
#pragma once

#include <boost/asio/co_spawn.hpp>

#include <memory>
#include <vector>

#include "fetcher/lane_group.h"
#include "log/check.h"
#include "log/log_directory.h"
#include "tests/support/recording_events.h"

namespace slipstream {

// They begin with the next io.run(), and end with the object. All arguments outlive it.
class RunningLanes {
 public:
  RunningLanes(asio::io_context& io, const LaneGroup::MakeLeader& make_leader, IoQueue& queue,
               const FetcherConfig& config, LogDirectory& logs, Uuid topic_id, LeaderEpoch leader_epoch)
      : io_(io), group_(io, make_leader, queue, config, events_, counters_, lane_counters_) {
    asio::co_spawn(io_, group_.Run(), [this](std::exception_ptr thrown) {
      SLIP_CHECK(thrown == nullptr);
      ended_ = true;
    });
    for (const TopicPartition& name : logs.partitions())
      group_.Add({name, topic_id, leader_epoch, logs.Find(name), std::make_shared<PartitionProgress>()});
  }
  ~RunningLanes() {
    group_.Stop();
    io_.restart();
    while (!ended_) io_.run_one();
  }
  RunningLanes(const RunningLanes&) = delete;
  RunningLanes& operator=(const RunningLanes&) = delete;

  const LaneGroup& group() const { return group_; }
  const FetchCounters& counters() const { return counters_; }

 private:
  asio::io_context& io_;
  RecordingEvents events_;
  FetchCounters counters_;
  ThreadCounters lane_counters_;
  LaneGroup group_;
  bool ended_ = false;
};

// Of one topic, without partitions yet; memory is used again.
inline std::vector<PartitionData>& StartAnswer(FetchResponse& response, Uuid topic_id) {
  response.session_id = 77;
  response.responses.resize(1);
  response.responses[0].topic_id = topic_id;
  response.responses[0].partitions.clear();
  return response.responses[0].partitions;
}

}  // namespace slipstream
