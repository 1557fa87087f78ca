#include "log/checkpoint_file.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "log/checkpoint_text.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kFields = 3;  // topic, partition, offset

}  // namespace

absl::StatusOr<OffsetCheckpoint> ReadOffsetCheckpoint(FileIo& io, const std::filesystem::path& path) {
  OffsetCheckpoint offsets;
  const auto add = [&offsets](CheckpointFields fields) -> absl::Status {
    SLIP_ASSIGN_OR_RETURN(const int64_t partition,
                          ParseCheckpointNumber(fields[1], "partition", std::numeric_limits<int32_t>::max()));
    SLIP_ASSIGN_OR_RETURN(const int64_t offset,
                          ParseCheckpointNumber(fields[2], "offset", std::numeric_limits<int64_t>::max()));
    offsets[{std::string(fields[0]), static_cast<int32_t>(partition)}] = {offset};
    return absl::OkStatus();
  };
  SLIP_RETURN_IF_ERROR(ReadCheckpointText(io, path, kFields, add));
  return offsets;
}

absl::Status WriteOffsetCheckpoint(FileIo& io, const std::filesystem::path& path, const OffsetCheckpoint& offsets) {
  std::vector<std::string> entries;
  entries.reserve(offsets.size());
  for (const auto& [tp, offset] : offsets)
    entries.push_back(absl::StrCat(tp.topic, " ", tp.partition, " ", offset.value));
  return WriteCheckpointText(io, path, entries);
}

}  // namespace slipstream
