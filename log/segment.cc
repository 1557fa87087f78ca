#include "log/segment.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "log/batch_header_reader.h"
#include "log/check.h"
#include "log/log_config.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr int kSmallWritesMax = 8;
constexpr uint64_t kLogBytesMax = std::numeric_limits<int32_t>::max();

}  // namespace

Segment::Segment(FileIo& io, const StoredPath& directory, Offset base_offset, const LogConfig& config,
                 absl::string_view mark)
    : io_(io), config_(config), name_{&directory, base_offset, kLogSuffix, mark} {}

void Segment::MakeIndexes() {
  const auto entry_bytes_max = static_cast<uint64_t>(config_.segment_index_bytes);
  indexes_ = std::make_unique<Indexes>(
      Indexes{.offsets = OffsetIndex(io_, *name_.directory, name_.base_offset, entry_bytes_max, name_.mark),
              .times = TimeIndex(io_, *name_.directory, name_.base_offset, entry_bytes_max, name_.mark),
              .transactions = TransactionIndex(io_, *name_.directory, name_.base_offset, name_.mark)});
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Create(FileIo& io, const StoredPath& directory, Offset base_offset,
                                                         const LogConfig& config) {
  return CreateMarked(io, directory, base_offset, config, "");
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::CreateCleaned(FileIo& io, const StoredPath& directory,
                                                                Offset base_offset, const LogConfig& config) {
  return CreateMarked(io, directory, base_offset, config, kCleanedMark);
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::CreateMarked(FileIo& io, const StoredPath& directory,
                                                               Offset base_offset, const LogConfig& config,
                                                               absl::string_view mark) {
  for (const absl::string_view suffix : kSegmentSuffixes) {
    if (suffix == kSnapshotSuffix) continue;
    SLIP_RETURN_IF_ERROR(io.Remove(directory / SegmentFileName(base_offset, absl::StrCat(suffix, mark))));
  }
  std::unique_ptr<Segment> segment(new Segment(io, directory, base_offset, config, mark));
  SLIP_ASSIGN_OR_RETURN(segment->file_, io.Open(segment->path(), OpenMode::kCreateNew));
  SLIP_RETURN_IF_ERROR(segment->LoadForAppend());
  return segment;
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Open(FileIo& io, const StoredPath& directory, Offset base_offset,
                                                       const LogConfig& config) {
  return OpenMarked(io, directory, base_offset, config, "");
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::OpenCleaned(FileIo& io, const StoredPath& directory,
                                                              Offset base_offset, const LogConfig& config) {
  return OpenMarked(io, directory, base_offset, config, kCleanedMark);
}

void Segment::SwappedIn() {
  SLIP_CHECK(file_ == nullptr && indexes_ == nullptr);
  name_.mark = "";
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::OpenMarked(FileIo& io, const StoredPath& directory,
                                                             Offset base_offset, const LogConfig& config,
                                                             absl::string_view mark) {
  std::unique_ptr<Segment> segment(new Segment(io, directory, base_offset, config, mark));
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment->LogFile());
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > kLogBytesMax)
    return absl::DataLossError(absl::StrCat(segment->path().native(), ": ", size, " bytes, at most ", kLogBytesMax));
  segment->written_.bytes = segment->staged_.bytes = size;
  segment->file_.reset();
  return segment;
}

absl::Status Segment::RemoveFiles(FileIo& io, const std::filesystem::path& directory, Offset base_offset) {
  for (const absl::string_view suffix : kSegmentSuffixes)
    SLIP_RETURN_IF_ERROR(io.Remove(directory / SegmentFileName(base_offset, suffix)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::filesystem::path>> Segment::MarkDeleted(FileIo& io,
                                                                        const std::filesystem::path& directory,
                                                                        Offset base_offset) {
  std::vector<std::filesystem::path> marked;
  for (const absl::string_view suffix : kSegmentSuffixes) {
    const std::filesystem::path path = directory / SegmentFileName(base_offset, suffix);
    std::filesystem::path deleted = path;
    deleted += std::string(kDeletedMark);
    const absl::Status renamed = io.Rename(path, deleted);
    // An index that was never made, or a .log that was renamed when the index after it could not be.
    if (absl::IsNotFound(renamed) && (suffix != kLogSuffix || io.Exists(deleted))) continue;
    SLIP_RETURN_IF_ERROR(renamed);
    marked.push_back(std::move(deleted));
  }
  return marked;
}

absl::StatusOr<std::shared_ptr<File>> Segment::LogFile() {
  if (file_ == nullptr) {
    SLIP_ASSIGN_OR_RETURN(file_, io_.Open(path(), OpenMode::kReadWrite));
  }
  return file_;
}

// No checksum guards an index, and one that points behind the end would have every batch refused (REL-45).
absl::StatusOr<bool> Segment::IndexesEndWithin(Offset end) {
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry last_offset, indexes().offsets.LastEntry());
  SLIP_ASSIGN_OR_RETURN(const TimeIndexEntry last_time, indexes().times.LastEntry());
  if (indexes().offsets.count() > 0 && (last_offset.offset >= end || last_offset.position.value >= written_.bytes))
    return false;
  return indexes().times.count() == 0 || last_time.offset < end;
}

absl::Status Segment::LoadForAppend(Offset end) {
  if (torn_) SLIP_RETURN_IF_ERROR(CutLogFile());
  if (loaded_) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  SLIP_RETURN_IF_ERROR(indexes().offsets.Load());
  SLIP_RETURN_IF_ERROR(indexes().times.Load());
  SLIP_ASSIGN_OR_RETURN(const bool within, IndexesEndWithin(end));
  if (!within) return RebuildIndexes();
  Progress progress;
  progress.bytes = written_.bytes;
  progress.offset_entries = indexes().offsets.count();
  progress.time_entries = indexes().times.count();
  SLIP_ASSIGN_OR_RETURN(progress.max_timestamp, indexes().times.LastEntry());
  BatchHeaderReader first(*file, FilePosition{0}, FilePosition{written_.bytes});
  SLIP_ASSIGN_OR_RETURN(const bool any, first.Next());
  if (any) progress.first_timestamp = first.header().max_timestamp();
  written_ = staged_ = progress;
  loaded_ = true;
  return absl::OkStatus();
}

bool Segment::Fits(const RecordBatchView& batch) const {
  if (batch.last_offset() - name_.base_offset > kRelativeOffsetMax || batch.base_offset() < name_.base_offset)
    return false;
  if (staged_.bytes == 0) return true;
  if (staged_.bytes + batch.bytes().size() > static_cast<uint64_t>(config_.segment_bytes)) return false;
  if (indexes_->offsets.full() || indexes_->times.full()) return false;
  // Record time drives the clock: old data copied today still rolls where its leader rolled (LOG-83).
  const Timestamp first = staged_.first_timestamp.value_or(Timestamp{}), last = batch.max_timestamp();
  return first < Timestamp{0} || last <= first || last.value - first.value <= config_.RollAfter().count();
}

absl::Status Segment::Account(const RecordBatchView& header, uint64_t size, Progress& progress) {
  TimeIndexEntry max_timestamp = progress.max_timestamp;
  if (header.max_timestamp() > max_timestamp.timestamp) max_timestamp = {header.max_timestamp(), header.last_offset()};
  // A recovered segment may have been written under a larger index bound: it makes do with the entries that fit.
  const bool room = !indexes().offsets.full() && !indexes().times.full();
  if (room && progress.bytes_since_entry > static_cast<uint64_t>(config_.index_interval_bytes)) {
    indexes_unsynced_ = true;
    SLIP_RETURN_IF_ERROR(indexes().offsets.Append(header.last_offset(), FilePosition{progress.bytes}));
    SLIP_RETURN_IF_ERROR(indexes().times.MaybeAppend(max_timestamp));
    progress.bytes_since_entry = 0;
    progress.offset_entries = indexes().offsets.count();
    progress.time_entries = indexes().times.count();
  }
  progress.max_timestamp = max_timestamp;
  if (progress.bytes == 0) progress.first_timestamp = header.max_timestamp();
  progress.bytes_since_entry += size;
  progress.bytes += size;
  return absl::OkStatus();
}

void Segment::Unstage() {
  // In memory the entries go in any case; what a full chunk brought into a file is cut again before that file counts as
  // flushed.
  indexes_unsynced_ = true;
  (void)indexes().offsets.TruncateToCount(written_.offset_entries);
  (void)indexes().times.TruncateToCount(written_.time_entries);
  staged_ = written_;
}

asio::awaitable<absl::Status> Segment::WriteStaged(IoQueue& queue, ByteSpan run, WriteHint hint) {
  SLIP_CHECK_EQ(run.size(), staged_.bytes - written_.bytes);
  const std::shared_ptr<File> file = file_;
  const absl::StatusOr<bool> direct = UseDirect(hint);
  absl::Status write = direct.status();
  if (direct.ok() && *direct) {
    write = co_await direct_->Append(queue, run);
  } else if (direct.ok()) {
    const WriteHint kept = config_.write_mode == WriteMode::kBuffered ? WriteHint::kCached : hint;
    write = co_await queue.Write(*file, run, FilePosition{written_.bytes}, kept);
  }
  co_return FinishWrite(write);
}

bool Segment::WritesNow(const IoQueue& queue, size_t bytes) const {
  return bytes <= queue.write_now_bytes_max() && direct_ == nullptr && config_.write_mode != WriteMode::kDirect;
}

absl::Status Segment::WriteStagedNow(IoQueue& queue, ByteSpan run) {
  SLIP_CHECK_EQ(run.size(), staged_.bytes - written_.bytes);
  SLIP_CHECK(direct_ == nullptr);
  return FinishWrite(queue.WriteNow(*file_, run, FilePosition{written_.bytes}));
}

absl::Status Segment::FinishWrite(const absl::Status& written) {
  log_unsynced_ = true;  // also when a flush that began meanwhile has taken it
  if (written.ok()) {
    written_ = staged_;
    return written;
  }
  Unstage();
  torn_ = true;
  (void)CutLogFile();  // tried again before the next write
  return written;
}

absl::StatusOr<bool> Segment::UseDirect(WriteHint hint) {
  const bool bulk = hint == WriteHint::kBulk;
  // Direct writes end on a block, and that of the largest log there may be would end beyond it (LOG-72).
  if (staged_.bytes > kLogBytesMax - kDirectAlignmentMax) {
    if (direct_ != nullptr) SLIP_RETURN_IF_ERROR(CutLogFile());
    return false;
  }
  if (config_.write_mode == WriteMode::kUncached || config_.write_mode == WriteMode::kBuffered) return false;
  small_writes_ = bulk || config_.write_mode == WriteMode::kDirect ? 0 : small_writes_ + 1;
  if (direct_ != nullptr) {
    // A small answer between large ones is no reason to change; several in a row are the tail.
    if (small_writes_ < kSmallWritesMax) return true;
    SLIP_RETURN_IF_ERROR(CutLogFile());
    return false;
  }
  if (small_writes_ > 0) return false;
  SLIP_ASSIGN_OR_RETURN(direct_,
                        DirectAppender::Create(file_, written_.bytes, static_cast<uint64_t>(config_.segment_bytes)));
  if (direct_ == nullptr && config_.write_mode == WriteMode::kDirect)
    return absl::FailedPreconditionError(
        absl::StrCat("log.write.mode is direct, but the file system of ", path().native(), " has no direct writes"));
  return direct_ != nullptr;
}

absl::Status Segment::CutLogFile() {
  torn_ = torn_ || direct_ != nullptr;  // until it is cut: should that fail, the next use does it
  direct_.reset();
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> file, LogFile());
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  // Never to the same or a larger size: it would change the modification time for nothing (LOG-104).
  if (size > written_.bytes) {
    log_unsynced_ = true;
    SLIP_RETURN_IF_ERROR(file->Truncate(written_.bytes));
  }
  torn_ = false;
  return absl::OkStatus();
}

absl::Status Segment::Seal() {
  SLIP_RETURN_IF_ERROR(LoadForAppend());
  if (direct_ != nullptr) SLIP_RETURN_IF_ERROR(CutLogFile());
  if (written_.max_timestamp.timestamp >= Timestamp{0}) {
    const absl::Status last = indexes().times.MaybeAppend(written_.max_timestamp, /*last=*/true);
    // A segment reopened with a smaller index than it was made with has no room; its entries are right without it.
    if (!last.ok() && !absl::IsResourceExhausted(last)) return last;
    indexes_unsynced_ = indexes_unsynced_ || indexes().times.count() != written_.time_entries;
    written_.time_entries = staged_.time_entries = indexes().times.count();
  }
  SLIP_RETURN_IF_ERROR(indexes().offsets.entries().Flush());
  return indexes().times.entries().Flush();
}

absl::StatusOr<std::vector<std::shared_ptr<File>>> Segment::FilesToSync() {
  std::vector<std::shared_ptr<File>> files;
  if (log_unsynced_) {
    SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> file, LogFile());
    files.push_back(std::move(file));
  }
  if (!indexes_unsynced_) return files;
  SLIP_RETURN_IF_ERROR(indexes().offsets.Load());
  SLIP_RETURN_IF_ERROR(indexes().times.Load());
  SLIP_RETURN_IF_ERROR(indexes().offsets.entries().Flush());
  SLIP_RETURN_IF_ERROR(indexes().times.entries().Flush());
  files.push_back(indexes().offsets.entries().file());
  files.push_back(indexes().times.entries().file());
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> aborted, indexes().transactions.FileToSync());
  if (aborted != nullptr) files.push_back(aborted);
  return files;
}

void Segment::Release() {
  SLIP_CHECK(!appending());
  if (direct_ != nullptr && !CutLogFile().ok()) return;
  // Entries that are only in memory stay there.
  if (indexes_ != nullptr && (!indexes_->offsets.Release().ok() || !indexes_->times.Release().ok())) return;
  indexes_.reset();
  file_.reset();
  loaded_ = false;
}

absl::StatusOr<Offset> Segment::TruncateTo(Offset offset) {
  SLIP_RETURN_IF_ERROR(LoadForAppend());
  SLIP_ASSIGN_OR_RETURN(const std::optional<BatchPlace> first, Find(offset));
  if (!first) return offset;
  const Offset end = std::min(offset, first->base_offset);
  indexes_unsynced_ = true;
  // Indexes before data: an index that is short is right, one that is long is not.
  SLIP_RETURN_IF_ERROR(indexes().offsets.TruncateTo(end));
  SLIP_RETURN_IF_ERROR(indexes().times.TruncateTo(end));
  SLIP_RETURN_IF_ERROR(indexes().transactions.TruncateTo(end));
  Progress progress;
  progress.bytes = first->position.value;
  progress.offset_entries = indexes().offsets.count();
  progress.time_entries = indexes().times.count();
  if (progress.bytes > 0) progress.first_timestamp = written_.first_timestamp;
  written_ = staged_ = progress;
  torn_ = true;
  SLIP_RETURN_IF_ERROR(CutLogFile());
  SLIP_RETURN_IF_ERROR(ReloadMaxTimestamp());
  return end;
}

absl::Status Segment::ReloadMaxTimestamp() {
  SLIP_ASSIGN_OR_RETURN(TimeIndexEntry max, indexes().times.LastEntry());
  SLIP_ASSIGN_OR_RETURN(const OffsetIndexEntry from, indexes().offsets.Floor(max.offset));
  BatchHeaderReader reader(*file_, from.position, FilePosition{written_.bytes});
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) break;
    const RecordBatchView header = reader.header();
    if (header.max_timestamp() > max.timestamp) max = {header.max_timestamp(), header.last_offset()};
  }
  written_.max_timestamp = staged_.max_timestamp = max;
  return absl::OkStatus();
}

}  // namespace slipstream
