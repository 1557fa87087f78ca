// Cleaned segments take the place of those that they were made from (LOG-134), so that a crash anywhere leaves either
// the old ones or the new ones once the leftovers are cleared (LOG-133).
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <span>
#include <vector>

#include "log/io/file_io.h"
#include "log/offset.h"

namespace slipstream {

// REQUIRES: `cleaned` (base offsets, rising) are complete and durable as .cleaned files. Renames `replaced` to .deleted
// and returns those names, for their later removal. kResourceExhausted: the disk was full, or there was no descriptor,
// and all is as it was, durably. Any other error leaves the directory half swapped, and only opening the log anew tells
// what is there: so it is when even what was renamed cannot be renamed back, which leaves neither way open. Blocking;
// durable on return.
absl::StatusOr<std::vector<std::filesystem::path>> SwapSegments(FileIo& io, const std::filesystem::path& directory,
                                                                std::span<const Offset> cleaned,
                                                                std::span<const Offset> replaced);

}  // namespace slipstream
