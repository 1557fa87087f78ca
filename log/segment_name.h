// Names of segment files: the base offset in 20 digits, then what the file holds, then a mark while it comes or goes
// (LOG-37, LOG-38).
#pragma once

#include <absl/strings/string_view.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

#include "log/offset.h"
#include "log/stored_path.h"

namespace slipstream {

inline constexpr absl::string_view kLogSuffix = ".log";
inline constexpr absl::string_view kOffsetIndexSuffix = ".index";
inline constexpr absl::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr absl::string_view kTransactionIndexSuffix = ".txnindex";
inline constexpr absl::string_view kSnapshotSuffix = ".snapshot";
// All of one segment; the .log first.
inline constexpr std::array<absl::string_view, 5> kSegmentSuffixes = {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix,
                                                                      kTransactionIndexSuffix, kSnapshotSuffix};
inline constexpr absl::string_view kDeletedMark = ".deleted";
inline constexpr absl::string_view kCleanedMark = ".cleaned";
inline constexpr absl::string_view kSwapMark = ".swap";

// The offsets of a segment are within so many of its base: indexes hold them in 31 bits.
inline constexpr int64_t kRelativeOffsetMax = std::numeric_limits<int32_t>::max();

std::string SegmentFileName(Offset base_offset, absl::string_view suffix);

// A segment's file by where it lies. Very many are known of, few are used: the path is put together when it is.
struct SegmentFile {
  const StoredPath* directory = nullptr;  // outlives this
  Offset base_offset;
  absl::string_view suffix;     // a constant of above
  absl::string_view mark = "";  // likewise
  std::filesystem::path path() const;
};

// The number before the first dot; nullopt when it is none.
std::optional<Offset> OffsetFromFileName(absl::string_view name);

}  // namespace slipstream
