#include "throttle/throttled_replicas.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "log/status.h"

namespace slipstream {
namespace {

// Digits only: SimpleAtoi alone would take signs and spaces.
std::optional<int32_t> ParseId(absl::string_view text) {
  int32_t id = 0;
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(text, &id)) return std::nullopt;
  return id;
}

absl::StatusOr<ThrottledReplicaList::Replica> ParseReplica(absl::string_view piece) {
  const std::vector<absl::string_view> ids = absl::StrSplit(piece, ':');
  if (ids.size() != 2) return absl::InvalidArgumentError("is not PARTITION:BROKER");
  const std::optional<int32_t> partition = ParseId(ids[0]), broker = ParseId(ids[1]);
  if (!partition) return absl::InvalidArgumentError(absl::StrCat("'", ids[0], "' is not a partition, 0 to 2147483647"));
  if (!broker) return absl::InvalidArgumentError(absl::StrCat("'", ids[1], "' is not a broker id, 0 to 2147483647"));
  return ThrottledReplicaList::Replica{*partition, BrokerId{*broker}};
}

}  // namespace

absl::StatusOr<ThrottledReplicaList> ParseThrottledReplicas(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  ThrottledReplicaList list;
  if (value.empty()) return list;
  if (value == "*") {
    list.all = true;
    return list;
  }
  size_t number = 0;
  for (absl::string_view piece : absl::StrSplit(value, ',')) {
    piece = absl::StripAsciiWhitespace(piece);
    ++number;
    const absl::StatusOr<ThrottledReplicaList::Replica> replica = ParseReplica(piece);
    if (!replica.ok())
      return Annotate(replica.status(), absl::StrCat("throttled replicas: piece ", number, ", '", piece, "'"));
    list.replicas.push_back(*replica);
  }
  return list;
}

absl::Status ThrottledReplicas::Update(absl::string_view topic, absl::string_view value) {
  const absl::StatusOr<ThrottledReplicaList> list = ParseThrottledReplicas(value);
  if (!list.ok()) return Annotate(list.status(), absl::StrCat("topic '", topic, "'"));
  Update(topic, *list);
  return absl::OkStatus();
}

void ThrottledReplicas::Update(absl::string_view topic, const ThrottledReplicaList& list) {
  Topic ours{.all = list.all, .partitions = {}};
  for (const ThrottledReplicaList::Replica& replica : list.replicas)
    if (replica.broker == self_) ours.partitions.push_back(replica.partition);
  std::sort(ours.partitions.begin(), ours.partitions.end());
  if (ours.all || !ours.partitions.empty()) {
    topics_.insert_or_assign(topic, std::move(ours));
  } else {
    topics_.erase(topic);
  }
}

bool ThrottledReplicas::Contains(const TopicPartition& partition) const {
  if (topics_.empty()) return false;
  const auto topic = topics_.find(partition.topic);
  if (topic == topics_.end()) return false;
  const std::vector<int32_t>& listed = topic->second.partitions;
  return topic->second.all || std::binary_search(listed.begin(), listed.end(), partition.partition);
}

}  // namespace slipstream
