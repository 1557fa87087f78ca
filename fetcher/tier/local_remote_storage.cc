#include "fetcher/tier/local_remote_storage.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "log/batch_header_reader.h"
#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kRootName[] = "kafka-tiered-storage";  // LocalTieredStorage makes it below the directory it is given
// So many segments of an epoch are looked through for an offset: leaders in turn cut their logs at other places, so the
// one that begins next below it need not have it; but one that is not there must not cost a walk through all.
constexpr int kCandidatesMax = 4;
constexpr char kLeaderEpochSuffix[] = ".leader_epoch_checkpoint";

// Of the segment whose .log this is; nullopt: it is none.
std::optional<Offset> BaseOffsetOf(absl::string_view log_name) {
  if (!absl::ConsumeSuffix(&log_name, kLogSuffix)) return std::nullopt;
  const size_t dash = log_name.find('-');  // there may be more of them in the id
  Offset base_offset;
  if (dash == absl::string_view::npos || !absl::SimpleAtoi(log_name.substr(0, dash), &base_offset.value) ||
      !Uuid::Parse(log_name.substr(dash + 1)).ok())
    return std::nullopt;
  return base_offset;
}

std::string TextOf(const TopicIdPartition& partition) {
  return absl::StrCat(partition.partition.ToString(), "-", partition.topic_id.ToString());
}

}  // namespace

LocalRemoteStorage::LocalRemoteStorage(FileIo& io, const std::filesystem::path& directory)
    : io_(io), root_(directory / kRootName) {}

std::filesystem::path LocalRemoteStorage::DirectoryOf(const TopicIdPartition& partition) const {
  return root_ / TextOf(partition);
}

std::filesystem::path LocalRemoteStorage::FileOf(const RemoteSegment& segment, absl::string_view suffix) const {
  return DirectoryOf(segment.partition) / absl::StrCat(segment.name, suffix);
}

absl::StatusOr<std::vector<RemoteSegment>> LocalRemoteStorage::SegmentsUpTo(const TopicIdPartition& partition,
                                                                            Offset offset) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io_.List(DirectoryOf(partition), /*directories=*/false));
  const std::set<absl::string_view> present(names.begin(), names.end());
  std::vector<RemoteSegment> segments;
  for (const std::string& name : names) {
    const std::optional<Offset> base_offset = BaseOffsetOf(name);
    if (!base_offset || *base_offset > offset) continue;
    // The snapshot is copied last: without it the rest is half there, or half gone again.
    const std::string stem = name.substr(0, name.size() - kLogSuffix.size());
    const bool whole = present.contains(absl::StrCat(stem, kLeaderEpochSuffix)) &&
                       present.contains(absl::StrCat(stem, kSnapshotSuffix));
    if (whole) segments.push_back({partition, stem, *base_offset, Offset{}});
  }
  std::ranges::stable_sort(segments, std::greater<>(), &RemoteSegment::base_offset);
  return segments;
}

absl::StatusOr<Offset> LocalRemoteStorage::LastOffset(const RemoteSegment& segment) {
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io_.Open(FileOf(segment, kLogSuffix), OpenMode::kRead));
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  BatchHeaderReader reader(*file, FilePosition{0}, FilePosition{size});
  Offset last;
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return last;
    last = reader.header().last_offset();
  }
}

absl::StatusOr<RemoteSegment> LocalRemoteStorage::FindSegment(const TopicIdPartition& partition, LeaderEpoch epoch,
                                                              Offset offset) {
  SLIP_ASSIGN_OR_RETURN(std::vector<RemoteSegment> segments, SegmentsUpTo(partition, offset));
  int candidates = 0;
  for (RemoteSegment& segment : segments) {
    // Leaders that diverged may each have copied a segment there: only one has the record of this epoch.
    SLIP_ASSIGN_OR_RETURN(const LeaderEpochCache epochs, LoadEpochs(segment));
    if (epochs.EpochForOffset(offset) != epoch) continue;
    if (++candidates > kCandidatesMax) break;
    SLIP_ASSIGN_OR_RETURN(segment.last_offset, LastOffset(segment));
    if (segment.last_offset >= offset) return segment;
  }
  return absl::NotFoundError(absl::StrCat(DirectoryOf(partition).native(), ": none of ", segments.size(),
                                          " segments up to offset ", offset.value, " holds it in leader epoch ",
                                          epoch.value));
}

absl::StatusOr<LeaderEpochCache> LocalRemoteStorage::LoadEpochs(const RemoteSegment& segment) {
  const std::filesystem::path path = FileOf(segment, kLeaderEpochSuffix);
  SLIP_ASSIGN_OR_RETURN(LeaderEpochCache epochs, LeaderEpochCache::Load(io_, path));
  // None are in a file that is not there, too: it was deleted meanwhile.
  if (epochs.entries().empty()) return absl::NotFoundError(absl::StrCat(path.native(), " tells of no leader epoch"));
  return epochs;
}

absl::StatusOr<std::vector<EpochStart>> LocalRemoteStorage::LeaderEpochs(const RemoteSegment& segment) {
  SLIP_ASSIGN_OR_RETURN(const LeaderEpochCache epochs, LoadEpochs(segment));
  return epochs.entries();
}

absl::StatusOr<std::string> LocalRemoteStorage::ProducerSnapshot(const RemoteSegment& segment) {
  return ReadWholeFile(io_, FileOf(segment, kSnapshotSuffix));
}

}  // namespace slipstream
