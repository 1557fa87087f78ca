#include "fetcher/tier/tier_questions.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace slipstream {
namespace {

TierAnswer Refused(absl::string_view question, KafkaError error, absl::string_view how) {
  return {.error = error, .refused = absl::StrCat(question, ": ", how)};
}
TierAnswer Refused(absl::string_view question, KafkaError error) {
  return Refused(question, error, KafkaErrorName(error));
}

struct OffsetQuestion {
  const char* name;
  Timestamp timestamp;
  Offset TieredLeader::*field;
};
// The local start after the other: both move up, and it is never below. The end after it, likewise.
constexpr OffsetQuestion kOffsetQuestions[] = {
    {"log start", kEarliestTimestamp, &TieredLeader::log_start_offset},
    {"local log start", kEarliestLocalTimestamp, &TieredLeader::local_log_start_offset},
    {"log end", kLatestTimestamp, &TieredLeader::log_end_offset}};

}  // namespace

asio::awaitable<absl::StatusOr<TierAnswer>> AskTieredLeader(LeaderEndpoint& endpoint, TopicPartition partition,
                                                            LeaderEpoch current_leader_epoch) {
  TierAnswer answer;
  TieredLeader& leader = answer.leader;
  for (const OffsetQuestion& question : kOffsetQuestions) {
    const absl::StatusOr<std::optional<OffsetAnswer>> said =
        co_await endpoint.ListOffset(partition, current_leader_epoch, question.timestamp);
    if (!said.ok()) co_return said.status();
    if (!said->has_value()) co_return Refused(question.name, KafkaError::kNone, "left out of the answer");
    if ((*said)->error != KafkaError::kNone) co_return Refused(question.name, (*said)->error);
    if ((*said)->offset < Offset{0}) co_return Refused(question.name, KafkaError::kNone, "the leader cannot tell");
    leader.*question.field = (*said)->offset;
    if (question.timestamp == kEarliestLocalTimestamp) leader.local_start_epoch = (*said)->leader_epoch;
  }
  if (leader.local_start_epoch < LeaderEpoch{0})
    co_return Refused("epoch of the local log start", KafkaError::kNone, "the leader cannot tell");
  std::optional<EpochEndOffset> earlier;
  if (const std::optional<LeaderEpoch> before = EpochToLookUp(leader)) {
    constexpr char kQuestion[] = "end of the epoch before";
    std::vector<EpochQuery> queries = {{partition, current_leader_epoch, *before}};
    const absl::StatusOr<std::vector<EpochAnswer>> said = co_await endpoint.OffsetsForLeaderEpoch(std::move(queries));
    if (!said.ok()) co_return said.status();
    const auto ours = std::ranges::find(*said, partition, &EpochAnswer::partition);
    if (ours == said->end()) co_return Refused(kQuestion, KafkaError::kNone, "left out of the answer");
    if (ours->error != KafkaError::kNone) co_return Refused(kQuestion, ours->error);
    earlier = ours->end;
  }
  answer.target = TargetOf(leader, earlier);
  co_return answer;
}

}  // namespace slipstream
