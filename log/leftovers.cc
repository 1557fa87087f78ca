#include "log/leftovers.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "log/batch_header_reader.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

bool HasSegmentSuffix(absl::string_view name) {
  return std::ranges::any_of(kSegmentSuffixes, [&](absl::string_view suffix) { return absl::EndsWith(name, suffix); });
}

bool IsTransient(absl::string_view name) {
  return absl::EndsWith(name, kCleanedMark) || absl::EndsWith(name, kSwapMark);
}

// A directory's files while leftovers are cleared; changes go to the disk and to the list.
class DirectoryFiles {
 public:
  static absl::StatusOr<DirectoryFiles> List(FileIo& io, const std::filesystem::path& directory) {
    DirectoryFiles files(io, directory);
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(directory, /*directories=*/false));
    files.names_.insert(names.begin(), names.end());
    return files;
  }

  const std::set<std::string>& names() const { return names_; }
  bool Has(const std::string& name) const { return names_.contains(name); }

  absl::Status RemoveIf(const auto& unwanted) {
    for (auto it = names_.begin(); it != names_.end();) {
      if (!unwanted(*it)) {
        ++it;
        continue;
      }
      SLIP_RETURN_IF_ERROR(io_->Remove(directory_ / *it));
      it = names_.erase(it);
      changed_ = true;
    }
    return absl::OkStatus();
  }
  absl::Status Rename(const std::string& from, const std::string& to) {
    SLIP_RETURN_IF_ERROR(io_->Rename(directory_ / from, directory_ / to));
    names_.erase(from);
    names_.insert(to);
    changed_ = true;
    return absl::OkStatus();
  }
  absl::Status SyncIfChanged() {
    if (!changed_) return absl::OkStatus();
    SLIP_RETURN_IF_ERROR(io_->SyncDirectory(directory_));
    changed_ = false;
    return absl::OkStatus();
  }

 private:
  DirectoryFiles(FileIo& io, std::filesystem::path directory) : io_(&io), directory_(std::move(directory)) {}

  FileIo* io_;
  std::filesystem::path directory_;
  std::set<std::string> names_;
  bool changed_ = false;
};

absl::Status CheckNames(const DirectoryFiles& files, const std::filesystem::path& directory) {
  for (const std::string& name : files.names()) {
    if ((HasSegmentSuffix(name) || IsTransient(name)) && !OffsetFromFileName(name))
      return absl::DataLossError(
          absl::StrCat((directory / name).string(), ": the name of a segment file must begin with a number"));
  }
  return absl::OkStatus();
}

// The offset after the last whole batch of a .log file.
absl::StatusOr<Offset> EndOfLogFile(FileIo& io, const std::filesystem::path& path, Offset base_offset) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io.Open(path, OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  BatchHeaderReader reader(*file, FilePosition{0}, FilePosition{size});
  Offset end = base_offset;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return end;
    end = reader.header().next_offset();
  }
}

bool IsSwappedLog(absl::string_view name) { return absl::EndsWith(name, absl::StrCat(kLogSuffix, kSwapMark)); }

// While a .cleaned file is left, all swaps at or above it are unfinished. They go first, or what a crash leaves of them
// would pass for a whole swap.
absl::Status UndoSwaps(DirectoryFiles& files) {
  std::optional<Offset> cleaned_begin;
  for (const std::string& name : files.names()) {
    if (!absl::EndsWith(name, kCleanedMark)) continue;
    const Offset base = *OffsetFromFileName(name);
    cleaned_begin = std::min(cleaned_begin.value_or(base), base);
  }
  if (!cleaned_begin) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(files.RemoveIf([&](const std::string& name) {
    return absl::EndsWith(name, kSwapMark) && *OffsetFromFileName(name) >= *cleaned_begin;
  }));
  SLIP_RETURN_IF_ERROR(files.SyncIfChanged());
  return files.RemoveIf([](const std::string& name) { return absl::EndsWith(name, kCleanedMark); });
}

// Complete swaps win over the segments that they replace. As in the swap itself (log/compaction/segment_swap.h), each
// step is on the disk before the next one begins.
absl::Status FinishSwaps(FileIo& io, const std::filesystem::path& directory, DirectoryFiles& files) {
  std::vector<std::pair<Offset, Offset>> covered;  // by each, from its base to its end
  for (const std::string& name : files.names()) {
    if (!IsSwappedLog(name)) continue;
    const Offset base = *OffsetFromFileName(name);
    SLIP_ASSIGN_OR_RETURN(const Offset end, EndOfLogFile(io, directory / name, base));
    covered.emplace_back(base, std::max(end, base + 1));  // compaction may have left nothing of a segment
  }
  const auto is_replaced = [&](const std::string& name) {
    if (!HasSegmentSuffix(name)) return false;
    const Offset base = *OffsetFromFileName(name);
    return std::ranges::any_of(covered, [&](const auto& range) { return base >= range.first && base < range.second; });
  };
  SLIP_RETURN_IF_ERROR(files.RemoveIf(is_replaced));
  SLIP_RETURN_IF_ERROR(files.SyncIfChanged());
  const auto take_over = [&files](const auto& wanted) -> absl::Status {
    const std::set<std::string> names = files.names();
    for (const std::string& name : names) {
      if (!absl::EndsWith(name, kSwapMark) || !wanted(name)) continue;
      SLIP_RETURN_IF_ERROR(files.Rename(name, std::string(absl::StripSuffix(name, kSwapMark))));
    }
    return files.SyncIfChanged();
  };
  SLIP_RETURN_IF_ERROR(take_over(IsSwappedLog));
  return take_over([](const std::string&) { return true; });
}

bool IsIndex(absl::string_view name) {
  return absl::EndsWith(name, kOffsetIndexSuffix) || absl::EndsWith(name, kTimeIndexSuffix) ||
         absl::EndsWith(name, kTransactionIndexSuffix);
}

// LOG-120. Names sort by number: they have the same length.
absl::Status RemoveStraySnapshots(DirectoryFiles& files, const std::vector<SegmentFiles>& segments) {
  std::string newest;
  for (const std::string& name : files.names())
    if (absl::EndsWith(name, kSnapshotSuffix)) newest = std::max(newest, name);
  return files.RemoveIf([&](const std::string& name) {
    if (absl::EndsWith(name, absl::StrCat(kSnapshotSuffix, ".tmp"))) return true;  // a snapshot that was never finished
    if (!absl::EndsWith(name, kSnapshotSuffix)) return false;
    const Offset offset = *OffsetFromFileName(name);
    const bool after_all = segments.empty() || offset > segments.back().base_offset;
    return !(name == newest && after_all) &&
           !std::ranges::binary_search(segments, offset, {}, &SegmentFiles::base_offset);
  });
}

}  // namespace

absl::StatusOr<DirectoryContents> ClearLeftovers(FileIo& io, const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(DirectoryFiles files, DirectoryFiles::List(io, directory));
  SLIP_RETURN_IF_ERROR(files.RemoveIf([](const std::string& name) {
    return absl::EndsWith(name, kDeletedMark) && !absl::EndsWith(name, absl::StrCat(".checkpoint", kDeletedMark));
  }));
  SLIP_RETURN_IF_ERROR(CheckNames(files, directory));

  SLIP_RETURN_IF_ERROR(UndoSwaps(files));
  SLIP_RETURN_IF_ERROR(FinishSwaps(io, directory, files));
  SLIP_RETURN_IF_ERROR(files.RemoveIf([&](const std::string& name) {
    if (!IsIndex(name)) return false;
    return !files.Has(SegmentFileName(*OffsetFromFileName(name), kLogSuffix));
  }));
  DirectoryContents contents;
  for (const std::string& name : files.names()) {
    if (!absl::EndsWith(name, kLogSuffix)) continue;
    const Offset base = *OffsetFromFileName(name);
    contents.segments.push_back(
        {base,
         files.Has(SegmentFileName(base, kOffsetIndexSuffix)) && files.Has(SegmentFileName(base, kTimeIndexSuffix)),
         files.Has(SegmentFileName(base, kTransactionIndexSuffix))});
  }
  std::ranges::sort(contents.segments, {}, &SegmentFiles::base_offset);
  SLIP_RETURN_IF_ERROR(RemoveStraySnapshots(files, contents.segments));
  SLIP_RETURN_IF_ERROR(files.SyncIfChanged());
  for (const std::string& name : files.names())
    if (absl::EndsWith(name, kSnapshotSuffix)) contents.producer_snapshots.push_back(*OffsetFromFileName(name));
  std::ranges::sort(contents.producer_snapshots);
  return contents;
}

}  // namespace slipstream
