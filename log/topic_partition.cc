#include "log/topic_partition.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kTopicNameMax = 249;

bool IsTopicCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

}  // namespace

std::string TopicPartition::ToString() const { return absl::StrCat(topic, "-", partition); }

absl::Status ValidateTopicName(absl::string_view topic) {
  if (topic.empty()) return absl::InvalidArgumentError("topic name is empty");
  if (topic.size() > kTopicNameMax)
    return absl::InvalidArgumentError(
        absl::StrCat("topic name has ", topic.size(), " characters, at most ", kTopicNameMax));
  if (topic == "." || topic == "..") return absl::InvalidArgumentError("topic name cannot be '.' or '..'");
  if (!std::all_of(topic.begin(), topic.end(), IsTopicCharacter))
    return absl::InvalidArgumentError(
        absl::StrCat("topic name '", topic, "': only letters, digits, '.', '_' and '-' are allowed"));
  return absl::OkStatus();
}

bool IsInternalTopic(absl::string_view topic) {
  return topic == "__consumer_offsets" || topic == "__transaction_state" || topic == "__share_group_state";
}

absl::StatusOr<TopicPartition> ParsePartitionDirectoryName(absl::string_view name) {
  const size_t hyphen = name.rfind('-');
  if (hyphen == absl::string_view::npos || hyphen == 0 || hyphen + 1 == name.size())
    return absl::InvalidArgumentError(absl::StrCat("directory '", name, "' is not <topic>-<partition>"));
  const absl::string_view digits = name.substr(hyphen + 1);
  int32_t partition = -1;
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(digits, &partition))
    return absl::InvalidArgumentError(absl::StrCat("directory '", name, "': '", digits, "' is not a partition number"));
  SLIP_RETURN_IF_ERROR(ValidateTopicName(name.substr(0, hyphen)));
  return TopicPartition{std::string(name.substr(0, hyphen)), partition};
}

}  // namespace slipstream
