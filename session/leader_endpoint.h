// A partition leader as a fetcher sees it: one of the four seams behind which the simulator runs the product's own
// code.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "log/asio.h"
#include "log/offset.h"
#include "log/topic_partition.h"
#include "session/endpoint.h"
#include "session/wire/kafka_error.h"
#include "session/wire/messages/fetch.h"
#include "session/wire/messages/list_offsets.h"

namespace slipstream {

// An answer to a fetch. The records in `response` point into `frame`: both are reused, so that fetching allocates
// nothing.
struct FetchExchange {
  FetchRequest request;
  FetchResponse response;
  std::shared_ptr<void> frame;
  // Where in its file a partition's records will go, as far as that can be told beforehand: they are received at an
  // address congruent to it, so that they can be written from there past the page cache. May be empty.
  std::function<std::optional<FilePosition>(const FetchableTopicResponse& topic, int32_t partition_index)> landing;
};

// What one partition's epoch look-up or offset query came to.
struct EpochQuery {
  TopicPartition partition;
  LeaderEpoch current_leader_epoch;
  LeaderEpoch leader_epoch;  // whose end is asked for
};
struct EpochAnswer {
  TopicPartition partition;
  KafkaError error = KafkaError::kNone;
  EpochEndOffset end;  // both -1: the leader cannot tell
};
struct OffsetAnswer {
  KafkaError error = KafkaError::kNone;
  Offset offset;
  LeaderEpoch leader_epoch;
};

// Used by one thread. Fetches and questions (the epoch look-up and the offset query) do not wait for each other: one of
// each may be under way. Errors are the transport's (kUnavailable, kDeadlineExceeded, kDataLoss, kUnimplemented) and
// name the broker; after one, the next call connects anew. Error codes inside an answer are data.
class LeaderEndpoint {
 public:
  virtual ~LeaderEndpoint() = default;

  virtual BrokerId broker_id() const = 0;
  virtual const Endpoint& endpoint() const = 0;
  // True when topic ids can be used for fetching (Fetch 13). Connects when needed.
  virtual asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() = 0;
  // True when a diverging epoch comes with the fetch answer (Fetch 12); else epochs are looked up before fetching.
  virtual asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() = 0;
  // Sends exchange.request, at most at `version_max`, fills exchange.response and frame.
  virtual asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t version_max) = 0;
  // Partitions may be left out of the answer, or be there that were not asked for.
  virtual asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(
      std::vector<EpochQuery> queries) = 0;
  // nullopt: the answer leaves the partition out.
  virtual asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition partition,
                                                                                  LeaderEpoch current_leader_epoch,
                                                                                  Timestamp timestamp) = 0;
  // Ends calls in flight with kCancelled; none may follow.
  virtual void Close() = 0;
};

}  // namespace slipstream
