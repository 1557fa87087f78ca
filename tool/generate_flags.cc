#include "tool/generate_flags.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "log/status.h"
#include "log/topic_partition.h"

namespace slipstream {
namespace {

constexpr int32_t kPartitionsMax = 100'000;

absl::Status Wrong(absl::string_view text, absl::string_view form, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "': ", what, "; expected ", form));
}

// "100", "64K", "10G".
std::optional<uint64_t> ParseBytes(absl::string_view text) {
  constexpr absl::string_view kSuffixes = "KMGT";
  int shift = 0;
  if (!text.empty() && kSuffixes.find(text.back()) != absl::string_view::npos) {
    shift = 10 * static_cast<int>(kSuffixes.find(text.back()) + 1);
    text.remove_suffix(1);
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number == 0) return std::nullopt;
  if (number > (std::numeric_limits<uint64_t>::max() >> (shift + 1))) return std::nullopt;
  return number << shift;
}

absl::Status ReadTopic(absl::string_view text, absl::string_view form, const std::string& part, std::string& topic) {
  if (const absl::Status name = ValidateTopicName(part); !name.ok()) return Wrong(text, form, name.message());
  topic = part;
  return absl::OkStatus();
}

absl::Status ReadBytes(absl::string_view text, absl::string_view form, absl::string_view part, uint64_t& bytes) {
  const std::optional<uint64_t> number = ParseBytes(part);
  if (!number) return Wrong(text, form, "bytes must be a number above 0, with K, M, G or T at most");
  bytes = *number;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GenerateSpec> ParseGenerateSpec(absl::string_view text) {
  constexpr absl::string_view kForm = "TOPIC:PARTITIONS:BYTES, such as demo:4:10G";
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() != 3) return Wrong(text, kForm, "not three parts");
  GenerateSpec spec;
  SLIP_RETURN_IF_ERROR(ReadTopic(text, kForm, parts[0], spec.topic));
  if (!absl::SimpleAtoi(parts[1], &spec.partitions) || spec.partitions < 1 || spec.partitions > kPartitionsMax)
    return Wrong(text, kForm, absl::StrCat("partitions must be 1 to ", kPartitionsMax));
  SLIP_RETURN_IF_ERROR(ReadBytes(text, kForm, parts[2], spec.bytes));
  return spec;
}

absl::StatusOr<CutSpec> ParseCutSpec(absl::string_view text) {
  constexpr absl::string_view kForm = "TOPIC:BYTES, such as demo:64M";
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() != 2) return Wrong(text, kForm, "not two parts");
  CutSpec spec;
  SLIP_RETURN_IF_ERROR(ReadTopic(text, kForm, parts[0], spec.topic));
  SLIP_RETURN_IF_ERROR(ReadBytes(text, kForm, parts[1], spec.bytes));
  return spec;
}

}  // namespace slipstream
