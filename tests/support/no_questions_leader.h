// The part that is the same of every leader in a test or benchmark that is never asked about epochs or offsets.
#pragma once

#include <optional>
#include <vector>

#include "session/leader_endpoint.h"

namespace slipstream {

class NoQuestionsLeader : public LeaderEndpoint {
 public:
  asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() override { co_return true; }
  asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(std::vector<EpochQuery>) final {
    co_return absl::FailedPreconditionError("this leader is asked no questions");
  }
  asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition, LeaderEpoch,
                                                                          Timestamp) final {
    co_return absl::FailedPreconditionError("this leader is asked no questions");
  }
};

}  // namespace slipstream
