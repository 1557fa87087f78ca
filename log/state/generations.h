// A directory whose content is replaced as a whole: numbered subdirectories, each one generation, and the file
// `current` that names the one that counts. A crash at any point leaves the old generation current, or the new one;
// what is left over of the other is removed by the next user. Free of any state: callers keep others out
// (DirectoryLock).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>

#include "log/io/file_io.h"

namespace slipstream {

inline constexpr char kCurrentGenerationFile[] = "current";

// Path of the current generation. kNotFound: there is none. kDataLoss: `current` names no generation.
absl::StatusOr<std::filesystem::path> CurrentGeneration(FileIo& io, const std::filesystem::path& directory);

// The path for a generation newer than all that are there. It does not exist yet.
absl::StatusOr<std::filesystem::path> NextGeneration(FileIo& io, const std::filesystem::path& directory);

// Makes a complete and durable generation the current one, durably. After an error either may be.
absl::Status MakeCurrent(FileIo& io, const std::filesystem::path& generation);

// Removes all generations but the current one.
absl::Status RemoveOtherGenerations(FileIo& io, const std::filesystem::path& directory);

}  // namespace slipstream
