#include "log/partition_metadata.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "log/status.h"

namespace slipstream {
namespace {

// The value of "<key>: <value>"; kDataLoss otherwise.
absl::StatusOr<absl::string_view> Value(absl::string_view line, absl::string_view key) {
  absl::string_view value = line;
  if (!absl::ConsumePrefix(&value, key) || !absl::ConsumePrefix(&value, ":") || value.empty() ||
      !absl::ascii_isspace(value[0]))
    return absl::DataLossError(absl::StrCat("line '", line, "' is not '", key, ": <value>'"));
  return absl::StripAsciiWhitespace(value);
}

// Later versions may add lines: as Kafka's reader does, only the two first ones count (LOG-47).
absl::StatusOr<Uuid> ParseTopicId(absl::string_view content) {
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  if (lines.size() < 2) return absl::DataLossError("it has fewer than two lines");
  SLIP_ASSIGN_OR_RETURN(const absl::string_view version_text, Value(lines[0], "version"));
  int32_t version = -1;
  if (!absl::SimpleAtoi(version_text, &version) || version < 0)
    return absl::DataLossError(absl::StrCat("version '", version_text, "' is not a number from 0 on"));
  SLIP_ASSIGN_OR_RETURN(const absl::string_view id_text, Value(lines[1], "topic_id"));
  const absl::StatusOr<Uuid> id = Uuid::Parse(id_text);
  if (!id.ok()) return absl::DataLossError(id.status().message());
  if (id->IsZero()) return absl::DataLossError("the topic id is zero");
  return *id;
}

}  // namespace

absl::StatusOr<std::optional<Uuid>> ReadPartitionMetadata(FileIo& io,
                                                          const std::filesystem::path& partition_directory) {
  const std::filesystem::path path = PartitionMetadataPath(partition_directory);
  const absl::StatusOr<std::string> content = ReadWholeFile(io, path);
  if (absl::IsNotFound(content.status())) return std::nullopt;
  SLIP_RETURN_IF_ERROR(content.status());
  const absl::StatusOr<Uuid> id = ParseTopicId(*content);
  if (!id.ok()) return Annotate(id.status(), path.native());
  return *id;
}

absl::Status WritePartitionMetadata(FileIo& io, const std::filesystem::path& partition_directory, Uuid topic_id) {
  return ReplaceFile(io, PartitionMetadataPath(partition_directory), PartitionMetadataText(topic_id));
}

std::filesystem::path PartitionMetadataPath(const std::filesystem::path& partition_directory) {
  return partition_directory / "partition.metadata";
}

std::string PartitionMetadataText(Uuid topic_id) {
  SLIP_CHECK(!topic_id.IsZero());
  return absl::StrCat("version: 0\ntopic_id: ", topic_id.ToString());
}

}  // namespace slipstream
