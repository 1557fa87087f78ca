#include "log/compaction/cleaned_segments.h"

#include <absl/strings/str_cat.h>

#include <string>

#include "log/io/blocking_queue.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

}  // namespace

CleanedSegments::CleanedSegments(FileIo& io, const std::filesystem::path& directory, Offset base_offset,
                                 const LogConfig& config)
    : io_(io), directory_(directory), config_(config), base_offsets_{base_offset} {}

absl::Status CleanedSegments::Start(Offset base_offset) {
  // What a stopped round marked may still be there, and large: should this one be stopped too, to rename over it would
  // remove it on the log's thread.
  SLIP_RETURN_IF_ERROR(
      io_.Remove(directory_ / SegmentFileName(base_offset, absl::StrCat(kLogSuffix, kCleanedMark, kDeletedMark))));
  SLIP_ASSIGN_OR_RETURN(segment_, Segment::CreateCleaned(io_, directory_, base_offset, config_));
  segment_bytes_ = unsynced_bytes_ = 0;
  return absl::OkStatus();
}

bool CleanedSegments::Fits(const RecordBatchView& batch) const {
  return segment_bytes_ == 0 ||
         (segment_bytes_ + batch.bytes().size() <= static_cast<uint64_t>(config_.segment_bytes) &&
          batch.last_offset() - segment_->base_offset() <= kRelativeOffsetMax);
}

absl::Status CleanedSegments::Add(const RecordBatchView& batch) {
  if (segment_ == nullptr) SLIP_RETURN_IF_ERROR(Start(base_offsets_.back()));
  if (!Fits(batch)) {
    SLIP_RETURN_IF_ERROR(Complete());
    base_offsets_.push_back(end_offset_);  // no hole between segments
    SLIP_RETURN_IF_ERROR(Start(end_offset_));
  }
  SLIP_RETURN_IF_ERROR(segment_->Stage(batch));
  buffer_.insert(buffer_.end(), batch.bytes().begin(), batch.bytes().end());
  segment_bytes_ += batch.bytes().size();
  bytes_ += batch.bytes().size();
  end_offset_ = batch.next_offset();
  return buffer_.size() < kWriteBytes ? absl::OkStatus() : Write();
}

absl::Status CleanedSegments::Write() {
  BlockingIoQueue queue;
  SLIP_RETURN_IF_ERROR(segment_->WriteStagedNow(queue, buffer_));
  unsynced_bytes_ += buffer_.size();
  buffer_.clear();
  if (unsynced_bytes_ < kUnsyncedBytesMax) return absl::OkStatus();
  unsynced_bytes_ = 0;
  SLIP_ASSIGN_OR_RETURN(const std::shared_ptr<File> log_file, segment_->LogFile());
  return log_file->Sync();
}

absl::Status CleanedSegments::AddAborted(const AbortedTransactionEntry& entry) {
  return segment_->AppendAborted(entry);
}

absl::Status CleanedSegments::Complete() {
  SLIP_RETURN_IF_ERROR(Write());
  SLIP_RETURN_IF_ERROR(segment_->Seal());
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<File>> files, segment_->FilesToSync());
  for (const std::shared_ptr<File>& file : files) SLIP_RETURN_IF_ERROR(file->Sync());
  SLIP_ASSIGN_OR_RETURN(std::shared_ptr<File> log_file, segment_->LogFile());
  log_files_.push_back(std::move(log_file));
  segment_.reset();
  return absl::OkStatus();
}

absl::Status CleanedSegments::Finish(Timestamp modified) {
  if (segment_ == nullptr) SLIP_RETURN_IF_ERROR(Start(base_offsets_.back()));  // nothing survived
  SLIP_RETURN_IF_ERROR(Complete());
  for (const std::shared_ptr<File>& file : log_files_) SLIP_RETURN_IF_ERROR(file->SetModifiedAt(modified));
  log_files_.clear();
  return io_.SyncDirectory(directory_);
}

std::vector<std::filesystem::path> CleanedSegments::TakePaths() {
  segment_.reset();
  log_files_.clear();
  std::vector<std::filesystem::path> paths;
  for (const Offset base : base_offsets_) {
    for (const absl::string_view suffix : kSegmentSuffixes)
      if (suffix != kSnapshotSuffix)
        paths.push_back(directory_ / SegmentFileName(base, absl::StrCat(suffix, kCleanedMark)));
  }
  return paths;
}

void CleanedSegments::Discard() {
  // What cannot be removed now goes when the log is opened next, or when its segment is cleaned again.
  for (const std::filesystem::path& path : TakePaths()) (void)io_.Remove(path);
}

std::vector<std::filesystem::path> CleanedSegments::MarkDeleted() {
  std::vector<std::filesystem::path> marked;
  for (const std::filesystem::path& path : TakePaths()) {
    std::filesystem::path deleted = path;
    deleted += std::string(kDeletedMark);
    const absl::Status renamed = io_.Rename(path, deleted);
    if (renamed.ok()) marked.push_back(std::move(deleted));
    if (!renamed.ok() && !absl::IsNotFound(renamed)) (void)io_.Remove(path);  // as Discard does
  }
  return marked;
}

}  // namespace slipstream
