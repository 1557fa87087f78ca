// The text grammar that all of Kafka's checkpoint files share (LOG-50): a version line, a count line, then one entry
// per line, each line ended by LF.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "log/io/file_io.h"

namespace slipstream {

using CheckpointFields = std::span<const absl::string_view>;

// Calls `entry` with the fields of each entry line, in file order; an error from it, or any breach of the grammar,
// comes back as kDataLoss with file and line. No file, or an empty one, has no entries. A file without its last LF is
// refused: only a torn write leaves one, and the number before the cut cannot be trusted.
absl::Status ReadCheckpointText(FileIo& io, const std::filesystem::path& path, size_t fields_per_entry,
                                absl::FunctionRef<absl::Status(CheckpointFields)> entry);

// Replaces the file atomically (LOG-53); durable on return. Entries come without LF.
absl::Status WriteCheckpointText(FileIo& io, const std::filesystem::path& path,
                                 const std::vector<std::string>& entries);

// What that file holds.
std::string CheckpointText(const std::vector<std::string>& entries);

// A whole number in [0, max] as checkpoints hold them; kDataLoss names `what` and the text.
absl::StatusOr<int64_t> ParseCheckpointNumber(absl::string_view text, absl::string_view what, int64_t max);

}  // namespace slipstream
