// Making directories whose names survive a power cut, and with them all that will lie in them.
#pragma once

#include <absl/status/status.h>

#include <filesystem>

#include "log/io/file_io.h"

namespace slipstream {

// Makes the directory and those above it where they are missing; the names of what it made are durable.
absl::Status MakeDirectory(FileIo& io, const std::filesystem::path& directory);

// Makes the name of what is there durable, whoever gave it: they may have died before.
absl::Status SyncNameOf(FileIo& io, const std::filesystem::path& path);

}  // namespace slipstream
