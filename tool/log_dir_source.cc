#include "tool/log_dir_source.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <optional>

#include "log/batch_header_reader.h"
#include "log/meta_properties.h"
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
      const absl::StatusOr<bool> found = scan_->Next();
      if (!found.ok()) {
        SLIP_ASSIGN_OR_RETURN(const bool shorter, HasBecomeShorter());
        if (!shorter) return found.status();
        continue;
      }
      if (!*found) {
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

  // A log in use gives back the space that it had allocated ahead. What is left is read once more, up to where it was.
  absl::StatusOr<bool> HasBecomeShorter() {
    SLIP_ASSIGN_OR_RETURN(const uint64_t bytes, file_->Size());
    if (!InLastSegment() || bytes >= file_bytes_) return false;
    file_bytes_ = bytes;
    from_ = std::max(from_, end_);
    scan_.emplace(*file_, file_bytes_, buffer_);
    return true;
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

absl::StatusOr<std::unique_ptr<BatchSource>> LogDirSource::Open(FileIo& io, const std::string& log_dirs) {
  std::unique_ptr<LogDirSource> source(new LogDirSource(io, log_dirs));
  // One path may hold a comma itself.
  std::vector<std::string> paths = {log_dirs};
  if (!io.Exists(log_dirs)) paths = absl::StrSplit(log_dirs, ',', absl::SkipWhitespace());
  for (std::string& path : paths) {
    absl::StripAsciiWhitespace(&path);
    if (const absl::Status added = source->AddPartitionsOf(path); !added.ok())
      return WithExitCode(added, ExitCode::kCannotStart);
  }
  if (source->log_dirs_.empty())
    return WithExitCode(absl::NotFoundError(absl::StrCat(log_dirs, " holds no partition")), ExitCode::kCannotStart);
  for (const auto& [partition, log_dir] : source->log_dirs_) source->partitions_.push_back(partition);
  source->buffer_.resize(kReadBytes);
  return source;
}

absl::Status LogDirSource::AddPartitionsOf(const std::filesystem::path& log_dir) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io_.List(log_dir, /*directories=*/true));
  const size_t known = log_dirs_.size();
  for (const std::string& name : names) {
    // Directories on their way out or in have a mark behind the number, so they are no partition's name (LOG-34).
    const absl::StatusOr<TopicPartition> partition = ParsePartitionDirectoryName(name);
    if (!partition.ok() || partition->topic == kMetadataTopic) continue;
    const auto [home, added] = log_dirs_.try_emplace(*partition, log_dir);
    if (!added)
      return absl::FailedPreconditionError(
          absl::StrCat(log_dir.native(), " and ", home->second.native(), " both hold ", name));
  }
  // One of several may have none yet.
  SLIP_ASSIGN_OR_RETURN(const std::optional<MetaProperties> properties, ReadMetaProperties(io_, log_dir));
  if (properties || log_dirs_.size() > known) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      log_dir.native(), " is no log dir: it holds no partition, which would be a directory named TOPIC-NUMBER"));
}

absl::StatusOr<std::unique_ptr<BatchStream>> LogDirSource::Open(const TopicPartition& partition) {
  // The checkpoint before the files: should the log start move in between, the files of both are still there to be
  // found.
  const std::filesystem::path& log_dir = log_dirs_.at(partition);
  SLIP_ASSIGN_OR_RETURN(const OffsetCheckpoint log_starts, ReadOffsetCheckpoint(io_, log_dir / kLogStartCheckpoint));
  const std::filesystem::path directory = log_dir / partition.ToString();
  SLIP_ASSIGN_OR_RETURN(std::vector<Offset> bases, FindSegments(io_, directory));
  const auto checkpointed = log_starts.find(partition);
  Offset log_start_offset = bases.empty() ? Offset{0} : bases.front();
  if (checkpointed != log_starts.end()) log_start_offset = std::max(log_start_offset, checkpointed->second);
  return std::make_unique<LogDirStream>(io_, directory, std::move(bases), log_start_offset, buffer_);
}

}  // namespace slipstream
