// Remote storage that is a directory: the layout of Kafka's LocalTieredStorage, read only. A directory a partition,
// <topic>-<partition>-<topic id>, and in it the files of each segment, <base offset>-<segment id>.<what>. There is no
// metadata beside them, so a segment is found by listing them and looking into the ones that may be it.
#pragma once

#include <filesystem>

#include "fetcher/tier/remote_storage.h"
#include "log/io/file_io.h"

namespace slipstream {

class LocalRemoteStorage final : public RemoteStorage {
 public:
  // `io` outlives this. `directory`: what the brokers' rsm.config.dir says. Need not exist yet.
  LocalRemoteStorage(FileIo& io, const std::filesystem::path& directory);

  // Reads headers of segments from the one with the largest base downwards until one holds the record.
  absl::StatusOr<RemoteSegment> FindSegment(const TopicIdPartition& partition, LeaderEpoch epoch,
                                            Offset offset) override;
  absl::StatusOr<std::vector<EpochStart>> LeaderEpochs(const RemoteSegment& segment) override;
  absl::StatusOr<std::string> ProducerSnapshot(const RemoteSegment& segment) override;

 private:
  std::filesystem::path DirectoryOf(const TopicIdPartition& partition) const;
  std::filesystem::path FileOf(const RemoteSegment& segment, absl::string_view suffix) const;
  // Those that are copied whole, the one with the largest base first; their last offsets are not read yet.
  absl::StatusOr<std::vector<RemoteSegment>> SegmentsUpTo(const TopicIdPartition& partition, Offset offset);
  absl::StatusOr<LeaderEpochCache> LoadEpochs(const RemoteSegment& segment);
  absl::StatusOr<Offset> LastOffset(const RemoteSegment& segment);

  FileIo& io_;
  std::filesystem::path root_;
};

}  // namespace slipstream
