#include "tool/log_dir_source.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "log/batch_header_reader.h"
#include "log/segment_name.h"
#include "log/segment_scan.h"
#include "log/status.h"
#include "tool/exit_code.h"

namespace slipstream {
namespace {

constexpr size_t kReadBytes = 2 << 20;
constexpr char kMetadataTopic[] = "__cluster_metadata";  // KRaft's own log, no partition of a broker (LOG-35)

// Base offsets of the segments in a partition's directory, rising.
absl::StatusOr<std::vector<Offset>> FindSegments(FileIo& io, const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(directory, /*directories=*/false));
  std::vector<Offset> bases;
  for (const std::string& name : names) {
    const std::optional<Offset> base = OffsetFromFileName(name);
    if (base && name == SegmentFileName(*base, kLogSuffix)) bases.push_back(*base);
  }
  std::ranges::sort(bases);
  return bases;
}

class LogDirStream final : public BatchStream {
 public:
  LogDirStream(FileIo& io, std::filesystem::path directory, std::vector<Offset> bases, Offset log_start_offset,
               std::vector<std::byte>& buffer)
      : io_(io),
        directory_(std::move(directory)),
        bases_(std::move(bases)),
        log_start_offset_(log_start_offset),
        end_(bases_.empty() ? log_start_offset : bases_.front()),
        buffer_(buffer) {}

  Offset start_offset() const override { return log_start_offset_; }

  void SkipTo(Offset offset) override {
    from_ = offset;
    while (segment_ + 1 < bases_.size() && bases_[segment_ + 1] <= offset) ++segment_;
  }

  absl::StatusOr<bool> Next() override {
    while (segment_ < bases_.size()) {
      if (!scan_) SLIP_RETURN_IF_ERROR(OpenSegment());
      SLIP_ASSIGN_OR_RETURN(const bool found, scan_->Next());
      if (!found) {
        SLIP_RETURN_IF_ERROR(LeaveSegment());
        continue;
      }
      const RecordBatchView batch = scan_->batch();
      if (batch.last_offset() < from_) {
        end_ = batch.next_offset();
        continue;
      }
      SetBatch(batch);
      if (!crc_valid() && InLastSegment() && !MoreFollow()) break;
      end_ = batch.next_offset();
      return true;
    }
    segment_ = bases_.size();
    return false;
  }

  absl::StatusOr<Offset> EndOffset() override {
    if (segment_ + 1 < bases_.size()) {
      scan_.reset();
      segment_ = bases_.size() - 1;
    }
    for (;;) {
      SLIP_ASSIGN_OR_RETURN(const bool found, Next());
      if (!found) return end_;
    }
  }

 private:
  bool InLastSegment() const { return segment_ + 1 == bases_.size(); }

  absl::Status OpenSegment() {
    const Offset base = bases_[segment_];
    SLIP_ASSIGN_OR_RETURN(file_, io_.Open(directory_ / SegmentFileName(base, kLogSuffix), OpenMode::kRead));
    SLIP_ASSIGN_OR_RETURN(file_bytes_, file_->Size());
    scan_.emplace(*file_, file_bytes_, buffer_);
    end_ = std::max(end_, base);
    return absl::OkStatus();
  }

  // At the log's end bytes that make no batch are a crash's, or space allocated ahead. Before it they are damage,
  // unless the next segment goes on right where the batches end.
  absl::Status LeaveSegment() {
    const FilePosition at = scan_->next_position();
    if (!InLastSegment() && at.value < file_bytes_ && end_ != bases_[segment_ + 1]) {
      return WithExitCode(absl::DataLossError(absl::StrCat("corrupt batch in ", file_->path().string(), " at byte ",
                                                           at.value, ", where offset ", end_.value, " should follow")),
                          ExitCode::kDivergence);
    }
    scan_.reset();
    ++segment_;
    return absl::OkStatus();
  }

  // True when another batch lies behind the one that is damaged: then this is no torn end.
  bool MoreFollow() {
    BatchHeaderReader rest(*file_, scan_->next_position(), FilePosition{file_bytes_});
    const absl::StatusOr<bool> found = rest.Next();
    return found.ok() && *found;
  }

  FileIo& io_;
  const std::filesystem::path directory_;
  const std::vector<Offset> bases_;
  const Offset log_start_offset_;
  Offset from_;
  size_t segment_ = 0;  // bases_.size(): at the end
  Offset end_;          // after the last batch read, at least the segment's base
  std::vector<std::byte>& buffer_;
  std::unique_ptr<File> file_;  // of segment_ while scan_ is set
  uint64_t file_bytes_ = 0;
  std::optional<SegmentScan> scan_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchSource>> LogDirSource::Open(FileIo& io, std::filesystem::path directory) {
  std::unique_ptr<LogDirSource> source(new LogDirSource(io, std::move(directory)));
  const absl::StatusOr<std::vector<std::string>> names = io.List(source->directory_, /*directories=*/true);
  if (!names.ok()) return WithExitCode(names.status(), ExitCode::kCannotStart);
  for (const std::string& name : *names) {
    // Directories on their way out or in have a mark behind the number, so they are no partition's name (LOG-34).
    absl::StatusOr<TopicPartition> partition = ParsePartitionDirectoryName(name);
    if (partition.ok() && partition->topic != kMetadataTopic) source->partitions_.push_back(*std::move(partition));
  }
  if (source->partitions_.empty())
    return WithExitCode(absl::NotFoundError(absl::StrCat(
                            source->directory_.string(),
                            " is no log dir: it holds no partition, which would be a directory named TOPIC-NUMBER")),
                        ExitCode::kCannotStart);
  std::ranges::sort(source->partitions_);
  source->buffer_.resize(kReadBytes);
  return source;
}

absl::StatusOr<std::unique_ptr<BatchStream>> LogDirSource::Open(const TopicPartition& partition) {
  // The checkpoint before the files: should the log start move in between, the files of both are still there to be
  // found.
  SLIP_ASSIGN_OR_RETURN(const OffsetCheckpoint log_starts, ReadOffsetCheckpoint(io_, directory_ / kLogStartCheckpoint));
  const std::filesystem::path directory = directory_ / partition.ToString();
  SLIP_ASSIGN_OR_RETURN(std::vector<Offset> bases, FindSegments(io_, directory));
  const auto checkpointed = log_starts.find(partition);
  Offset log_start_offset = bases.empty() ? Offset{0} : bases.front();
  if (checkpointed != log_starts.end()) log_start_offset = std::max(log_start_offset, checkpointed->second);
  return std::make_unique<LogDirStream>(io_, directory, std::move(bases), log_start_offset, buffer_);
}

}  // namespace slipstream
