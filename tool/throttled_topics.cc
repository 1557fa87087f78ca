#include "tool/throttled_topics.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <set>
#include <string>
#include <utility>

#include "log/status.h"

namespace slipstream {
namespace {

absl::Status AddTopic(absl::string_view piece, BrokerId self, std::set<std::string>& topics,
                      ThrottledReplicas& replicas) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(piece, absl::MaxSplits('=', 1));
  const absl::string_view topic = absl::StripAsciiWhitespace(parts.first);
  if (!absl::StrContains(piece, '=')) return absl::InvalidArgumentError("is not TOPIC=LIST");
  SLIP_RETURN_IF_ERROR(ValidateTopicName(topic));
  SLIP_ASSIGN_OR_RETURN(const ThrottledReplicaList list, ParseThrottledReplicas(parts.second));
  if (!list.all && list.replicas.empty()) return absl::InvalidArgumentError("lists nobody: * is every replica");
  if (!list.all && self < BrokerId{0})
    return absl::InvalidArgumentError("names brokers, and without a replica.id this is none: * is every partition");
  if (!topics.emplace(topic).second) return absl::InvalidArgumentError("lists a topic for the second time");
  replicas.Update(topic, list);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ThrottledReplicas> ParseThrottledTopics(absl::string_view text, BrokerId self) {
  ThrottledReplicas replicas(self);
  if (text.empty()) return replicas;
  std::set<std::string> topics;
  for (const absl::string_view piece : absl::StrSplit(text, ';'))
    SLIP_RETURN_IF_ERROR(Annotate(AddTopic(piece, self, topics, replicas), absl::StrCat("'", piece, "'")));
  return replicas;
}

}  // namespace slipstream
