// The current log of a partition as the leader of its future one (AD-03): a fetch reads its files on the caller's
// thread, up to the log end, whoever leads the partition. The log's owner only says where to read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fetcher/moves/log_view.h"
#include "log/async_event.h"
#include "log/io/aligned_buffer.h"
#include "session/leader_endpoint.h"

namespace slipstream {

class LocalLeaderEndpoint final : public LeaderEndpoint {
 public:
  // A log that cannot be read, or not as a leader's; called on the thread that fetches.
  using Unreadable = std::function<void(const TopicPartition& partition, const absl::Status& why)>;

  // `owner` and `clock` outlive it.
  LocalLeaderEndpoint(asio::io_context& io, LogOwner& owner, Clock& clock, Unreadable unreadable)
      : clock_(clock), view_(io, owner), pause_(io.get_executor(), clock), unreadable_(std::move(unreadable)) {}

  BrokerId broker_id() const override { return BrokerId{}; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override;  // no: what is there has names
  asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() override;
  // There is no session: each answer tells of all partitions asked for. Without news it comes after max_wait_ms, or
  // later: not while one of the logs is nobody's.
  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t version_max) override;
  asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(
      std::vector<EpochQuery> queries) override;
  // Of the log start and the log end; another timestamp is answered with UNSUPPORTED_VERSION.
  asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition partition,
                                                                          LeaderEpoch current_leader_epoch,
                                                                          Timestamp timestamp) override;
  void Close() override;

 private:
  struct Reading {  // of one partition
    TopicPartition partition;
    PartitionData data;
    bool seen = false;  // else nobody had the log
    LogSlice slice;
    uint64_t truncations = 0;  // of the log, when the slice was found
    absl::Status unreadable;
  };
  using Readings = std::vector<std::shared_ptr<Reading>>;  // shared with who looks

  static void Look(PartitionLog& log, const FetchPartition& asked, uint64_t bytes_max, Reading& reading);
  asio::awaitable<Readings> LookAtAll(const FetchRequest& request);
  void ReadRecords(FetchExchange& exchange, const Readings& readings);
  asio::awaitable<void> DropWhatWasCut(FetchExchange& exchange, const Readings& readings);

  Clock& clock_;
  const Endpoint endpoint_{"this process", 0};
  LogView view_;
  InterruptibleSleep pause_;
  const Unreadable unreadable_;
  BufferPool buffers_{2};
};

}  // namespace slipstream
