// The name of a partition, and the directory names made of it (LOG-33, LOG-34).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace slipstream {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
  // "topic-partition": also the name of its directory.
  std::string ToString() const;

  template <typename H>
  friend H AbslHashValue(H h, const TopicPartition& tp) {
    return H::combine(std::move(h), tp.topic, tp.partition);
  }
};

// Kafka's rule for topic names: 1-249 characters of [A-Za-z0-9._-], neither "." nor "..". Names from a peer pass here
// before they become paths.
absl::Status ValidateTopicName(absl::string_view topic);

// Kafka's own topics, which hold its state: those of groups, of transactions, of share groups.
bool IsInternalTopic(absl::string_view topic);

// Splits at the last hyphen. kInvalidArgument names the directory and what is wrong with it.
absl::StatusOr<TopicPartition> ParsePartitionDirectoryName(absl::string_view name);

}  // namespace slipstream
