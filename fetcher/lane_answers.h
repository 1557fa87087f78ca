// What an answer to a fetch means for each partition (FT-30..FT-36); its records are accepted here and written later.
#pragma once

#include <optional>

#include "fetcher/answer_size.h"
#include "fetcher/lane_appends.h"
#include "fetcher/lane_moves.h"
#include "fetcher/lane_partitions.h"
#include "fetcher/lane_quota.h"

namespace slipstream {

class LaneAnswers {
 public:
  // All outlive this.
  LaneAnswers(const LaneContext& lane, AnswerSize& answer_size, LanePartitions& partitions, LaneQuota& quota,
              LaneMoves& moves, LaneAppends& appends)
      : lane_(lane),
        answer_size_(answer_size),
        partitions_(partitions),
        quota_(quota),
        moves_(moves),
        appends_(appends) {}

  // Where the records of an answer that is on its way will go (FetchExchange::landing).
  std::optional<FilePosition> LandingOf(const FetchableTopicResponse& topic, int32_t partition_index);
  // What of it is good is accepted, see LaneAppends. False: the session refused the answer.
  bool Judge(const FetchResponse& response);

 private:
  // True, here and below: it was accepted.
  bool JudgePartition(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer);
  bool Accept(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer);

  const LaneContext& lane_;
  AnswerSize& answer_size_;
  LanePartitions& partitions_;
  LaneQuota& quota_;
  LaneMoves& moves_;
  LaneAppends& appends_;
};

}  // namespace slipstream
