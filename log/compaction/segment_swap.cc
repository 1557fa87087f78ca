#include "log/compaction/segment_swap.h"

#include <absl/strings/str_cat.h>

#include "log/segment.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

// The .log first: once it has its final name, recovery keeps the indexes that are still on their way.
absl::Status RenameFiles(FileIo& io, const std::filesystem::path& directory, Offset base, absl::string_view from,
                         absl::string_view to) {
  for (const absl::string_view suffix : kSegmentSuffixes) {
    if (suffix == kSnapshotSuffix) continue;
    const absl::Status renamed = io.Rename(directory / SegmentFileName(base, absl::StrCat(suffix, from)),
                                           directory / SegmentFileName(base, absl::StrCat(suffix, to)));
    const bool never_made = absl::IsNotFound(renamed) && suffix == kTransactionIndexSuffix;
    if (!never_made) SLIP_RETURN_IF_ERROR(renamed);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::filesystem::path>> SwapSegments(FileIo& io, const std::filesystem::path& directory,
                                                                std::span<const Offset> cleaned,
                                                                std::span<const Offset> replaced) {
  // From the highest base down: while a .cleaned file is left, all swaps at or above it count as unfinished. Each step
  // is on the disk before the next one begins; a journal would keep that order, but nobody promises it.
  for (auto base = cleaned.rbegin(); base != cleaned.rend(); ++base)
    SLIP_RETURN_IF_ERROR(RenameFiles(io, directory, *base, kCleanedMark, kSwapMark));
  SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory));
  std::vector<std::filesystem::path> deleted;
  for (const Offset base : replaced) {
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> marked, Segment::MarkDeleted(io, directory, base));
    deleted.insert(deleted.end(), marked.begin(), marked.end());
  }
  SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory));
  for (const Offset base : cleaned) SLIP_RETURN_IF_ERROR(RenameFiles(io, directory, base, kSwapMark, ""));
  SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory));
  return deleted;
}

}  // namespace slipstream
