#include "log/log_recovery.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "log/batch_header_reader.h"
#include "log/check.h"
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
  absl::Status SyncIfChanged() { return changed_ ? io_->SyncDirectory(directory_) : absl::OkStatus(); }

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

// Complete swaps win over the segments that they replace.
absl::Status FinishSwaps(FileIo& io, const std::filesystem::path& directory, DirectoryFiles& files) {
  std::optional<Offset> begin;
  Offset end;
  for (const std::string& name : files.names()) {
    if (!absl::EndsWith(name, absl::StrCat(kLogSuffix, kSwapMark))) continue;
    const Offset base = *OffsetFromFileName(name);
    SLIP_ASSIGN_OR_RETURN(const Offset swap_end, EndOfLogFile(io, directory / name, base));
    begin = std::min(begin.value_or(base), base);
    end = std::max(end, swap_end);
  }
  SLIP_RETURN_IF_ERROR(files.RemoveIf([&](const std::string& name) {
    if (!begin || !HasSegmentSuffix(name)) return false;
    const Offset base = *OffsetFromFileName(name);
    return base >= *begin && base < end;
  }));
  const std::set<std::string> names = files.names();
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kSwapMark)) continue;
    SLIP_RETURN_IF_ERROR(files.Rename(name, std::string(absl::StripSuffix(name, kSwapMark))));
  }
  return absl::OkStatus();
}

// From the newest down, so that a crash in between leaves a prefix of the log.
absl::Status RemoveSegmentsFrom(FileIo& io, const std::filesystem::path& directory,
                                std::vector<std::unique_ptr<Segment>>& segments, size_t first) {
  if (segments.size() <= first) return absl::OkStatus();
  while (segments.size() > first) {
    SLIP_RETURN_IF_ERROR(Segment::RemoveFiles(io, directory, segments.back()->base_offset()));
    segments.pop_back();
  }
  return io.SyncDirectory(directory);
}

absl::Status SyncSegment(Segment& segment) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> files, segment.FilesToSync());
  for (const std::shared_ptr<File>& file : files) SLIP_RETURN_IF_ERROR(file->Sync());
  return absl::OkStatus();
}

absl::Status AssignIfNewer(LeaderEpochCache& epochs, const RecordBatchView& header) {
  const LeaderEpoch epoch = header.partition_leader_epoch();
  if (epoch <= epochs.latest_epoch().value_or(LeaderEpoch{})) return absl::OkStatus();
  return epochs.Assign(epoch, header.base_offset());
}

// The first segment that a crash may have damaged: the one that holds the recovery point.
size_t FirstUntrusted(const std::vector<SegmentFiles>& files, const LogOpenOptions& options) {
  if (options.clean) return files.size();
  size_t first = 0;
  while (first + 1 < files.size() && files[first + 1].base_offset <= options.recovery_point) ++first;
  return first;
}

// True when something was cut: later segments are gone then.
absl::StatusOr<bool> RecoverSegment(FileIo& io, const std::filesystem::path& directory,
                                    std::vector<std::unique_ptr<Segment>>& segments, size_t number,
                                    std::vector<std::byte>& buffer, LeaderEpochCache& epochs) {
  Segment& segment = *segments[number];
  const uint64_t size = segment.size_bytes();
  SLIP_ASSIGN_OR_RETURN(const uint64_t good, segment.Recover(buffer, [&](const RecordBatchView& batch) {
    return AssignIfNewer(epochs, batch);
  }));
  const bool cut = good < size;
  if (cut) {
    // Later segments first: were the file cut before them, a crash in between would leave a log with a hole (LOG-139).
    SLIP_RETURN_IF_ERROR(RemoveSegmentsFrom(io, directory, segments, number + 1));
    SLIP_RETURN_IF_ERROR(segment.CutTo(good));
  }
  SLIP_RETURN_IF_ERROR(SyncSegment(segment));
  segment.Release();
  return cut;
}

// The epoch file is missing or tells something else than the data at either end (KAFKA-10432, KAFKA-7897).
absl::StatusOr<bool> EpochsDisagree(const std::vector<std::unique_ptr<Segment>>& segments,
                                    const LeaderEpochCache& epochs, Offset log_start_offset) {
  const auto disagrees = [&](const BatchPlace& batch) {
    const Offset at = std::max(batch.base_offset, log_start_offset);
    if (batch.leader_epoch < LeaderEpoch{0} || batch.last_offset < at) return false;
    return epochs.EpochForOffset(at) != std::optional(batch.leader_epoch);
  };
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, segments.front()->Find(Offset{0}));
  if (first && disagrees(*first)) return true;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> last, (*segment)->LastBatch());
    if (last) return disagrees(*last);
  }
  return false;
}

absl::Status RebuildEpochs(const std::vector<std::unique_ptr<Segment>>& segments, LeaderEpochCache& epochs) {
  SLIP_RETURN_IF_ERROR(epochs.Clear());
  for (const std::unique_ptr<Segment>& segment : segments) {
    SLIP_RETURN_IF_ERROR(segment->ForEachHeader(
        [&](const BatchHeaderReader& reader) { return AssignIfNewer(epochs, reader.header()); }));
    segment->Release();
  }
  return absl::OkStatus();
}

absl::Status AlignEpochs(const LoadedLog& log, Offset log_start_offset, LeaderEpochCache& epochs) {
  SLIP_RETURN_IF_ERROR(epochs.TruncateFromEnd(log.log_end_offset));
  SLIP_ASSIGN_OR_RETURN(const bool disagree, EpochsDisagree(log.segments, epochs, log_start_offset));
  if (disagree) SLIP_RETURN_IF_ERROR(RebuildEpochs(log.segments, epochs));
  return epochs.TruncateFromStart(log_start_offset);
}

}  // namespace

absl::StatusOr<std::vector<SegmentFiles>> ClearLeftovers(FileIo& io, const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(DirectoryFiles files, DirectoryFiles::List(io, directory));
  SLIP_RETURN_IF_ERROR(files.RemoveIf([](const std::string& name) {
    return absl::EndsWith(name, kDeletedMark) && !absl::EndsWith(name, absl::StrCat(".checkpoint", kDeletedMark));
  }));
  SLIP_RETURN_IF_ERROR(CheckNames(files, directory));

  std::optional<Offset> cleaned_begin;
  for (const std::string& name : files.names()) {
    if (!absl::EndsWith(name, kCleanedMark)) continue;
    const Offset base = *OffsetFromFileName(name);
    cleaned_begin = std::min(cleaned_begin.value_or(base), base);
  }
  SLIP_RETURN_IF_ERROR(files.RemoveIf([&](const std::string& name) {
    if (absl::EndsWith(name, kCleanedMark)) return true;
    return cleaned_begin && absl::EndsWith(name, kSwapMark) && *OffsetFromFileName(name) >= *cleaned_begin;
  }));
  SLIP_RETURN_IF_ERROR(FinishSwaps(io, directory, files));
  SLIP_RETURN_IF_ERROR(files.RemoveIf([&](const std::string& name) {
    if (!absl::EndsWith(name, kOffsetIndexSuffix) && !absl::EndsWith(name, kTimeIndexSuffix)) return false;
    return !files.Has(SegmentFileName(*OffsetFromFileName(name), kLogSuffix));
  }));
  SLIP_RETURN_IF_ERROR(files.SyncIfChanged());

  std::vector<SegmentFiles> segments;
  for (const std::string& name : files.names()) {
    if (!absl::EndsWith(name, kLogSuffix)) continue;
    const Offset base = *OffsetFromFileName(name);
    segments.push_back({base, files.Has(SegmentFileName(base, kOffsetIndexSuffix)) &&
                                  files.Has(SegmentFileName(base, kTimeIndexSuffix))});
  }
  std::ranges::sort(segments, {}, &SegmentFiles::base_offset);
  return segments;
}

absl::StatusOr<LoadedLog> LoadSegments(FileIo& io, const std::filesystem::path& directory, const LogConfig& config,
                                       const LogOpenOptions& options, LeaderEpochCache& epochs) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<SegmentFiles> files, ClearLeftovers(io, directory));
  LoadedLog log;
  for (const SegmentFiles& found : files) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment, Segment::Open(io, directory, found.base_offset, config));
    log.segments.push_back(std::move(segment));
  }

  std::vector<std::byte> buffer;
  const size_t first_untrusted = FirstUntrusted(files, options);
  for (size_t i = 0; i < log.segments.size(); ++i) {
    Segment& segment = *log.segments[i];
    const bool is_last = i + 1 == log.segments.size();
    bool recover = i >= first_untrusted || (is_last && !files[i].indexes_present);
    if (!recover && is_last) {
      SLIP_ASSIGN_OR_RETURN(const bool whole, segment.EndsOnBatch());
      recover = !whole;
    }
    if (!recover && !files[i].indexes_present) {
      SLIP_RETURN_IF_ERROR(segment.RebuildIndexes());
      SLIP_RETURN_IF_ERROR(SyncSegment(segment));
      segment.Release();
    }
    if (!recover) continue;
    SLIP_ASSIGN_OR_RETURN(const bool cut, RecoverSegment(io, directory, log.segments, i, buffer, epochs));
    if (cut) break;
  }

  if (!log.segments.empty()) {
    SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> last, log.segments.back()->LastBatch());
    log.log_end_offset = last ? last->last_offset + 1 : log.segments.back()->base_offset();
  }
  // The data that the log start stands for is gone: nothing before it may come back (LOG-132).
  if (log.log_end_offset < options.log_start_offset) {
    SLIP_RETURN_IF_ERROR(RemoveSegmentsFrom(io, directory, log.segments, 0));
    SLIP_RETURN_IF_ERROR(epochs.Clear());
  }
  if (log.segments.empty()) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<Segment> segment,
                          Segment::Create(io, directory, options.log_start_offset, config));
    log.segments.push_back(std::move(segment));
    log.log_end_offset = options.log_start_offset;
    SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory));
  }
  SLIP_RETURN_IF_ERROR(AlignEpochs(log, options.log_start_offset, epochs));
  log.segments.front()->Release();
  log.segments.back()->Release();
  return log;
}

}  // namespace slipstream
