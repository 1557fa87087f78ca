// Any bytes as each of the small text files. What must hold: no crash, no memory by a claimed count, and whatever reads
// without error comes back the same after it is written.
#include <cstdint>

#include "log/check.h"
#include "log/checkpoint_file.h"
#include "log/leader_epoch_cache.h"
#include "log/meta_properties.h"
#include "log/partition_metadata.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

const std::filesystem::path kDirectory = "d";

void OffsetCheckpointRoundTrips(FileIo& io, absl::string_view content) {
  const std::filesystem::path path = kDirectory / kRecoveryPointCheckpoint;
  SLIP_CHECK(ReplaceFile(io, path, content).ok());
  const auto offsets = ReadOffsetCheckpoint(io, path);
  if (!offsets.ok()) return;
  SLIP_CHECK(WriteOffsetCheckpoint(io, path, *offsets).ok());
  const auto again = ReadOffsetCheckpoint(io, path);
  SLIP_CHECK(again.ok() && *again == *offsets);
}

void LeaderEpochsRoundTrip(FileIo& io, absl::string_view content) {
  const std::filesystem::path path = kDirectory / "leader-epoch-checkpoint";
  SLIP_CHECK(ReplaceFile(io, path, content).ok());
  auto cache = LeaderEpochCache::Load(io, path);
  if (!cache.ok()) return;
  for (size_t i = 1; i < cache->entries().size(); ++i) {
    SLIP_CHECK(cache->entries()[i - 1].epoch < cache->entries()[i].epoch);
    SLIP_CHECK(cache->entries()[i - 1].start_offset < cache->entries()[i].start_offset);
  }
  if (cache->entries().empty()) return;
  const EpochStart first = cache->entries().front();
  const Offset moved = first.start_offset + 1;
  SLIP_CHECK(cache->TruncateFromStart(moved).ok());  // writes the file
  const auto again = LeaderEpochCache::Load(io, path);
  SLIP_CHECK(again.ok() && again->entries() == cache->entries());
}

void PartitionMetadataRoundTrips(FileIo& io, absl::string_view content) {
  SLIP_CHECK(ReplaceFile(io, kDirectory / "partition.metadata", content).ok());
  const auto id = ReadPartitionMetadata(io, kDirectory);
  if (!id.ok()) return;
  SLIP_CHECK(id->has_value() && !(*id)->IsZero());
  SLIP_CHECK(WritePartitionMetadata(io, kDirectory, **id).ok());
  const auto again = ReadPartitionMetadata(io, kDirectory);
  SLIP_CHECK(again.ok() && *again == *id);
}

void MetaPropertiesRoundTrip(FileIo& io, absl::string_view content) {
  SLIP_CHECK(ReplaceFile(io, kDirectory / "meta.properties", content).ok());
  const auto meta = ReadMetaProperties(io, kDirectory);
  if (!meta.ok()) return;
  SLIP_CHECK(meta->has_value());
  SLIP_CHECK(WriteMetaProperties(io, kDirectory, **meta).ok());
  const auto again = ReadMetaProperties(io, kDirectory);
  SLIP_CHECK(again.ok() && again->has_value());
  SLIP_CHECK((*again)->cluster_id == (*meta)->cluster_id && (*again)->node_id == (*meta)->node_id);
  SLIP_CHECK((*again)->directory_id == (*meta)->directory_id);
}

}  // namespace
}  // namespace slipstream

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace slipstream;
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  MemoryIo io;
  OffsetCheckpointRoundTrips(io, content);
  LeaderEpochsRoundTrip(io, content);
  PartitionMetadataRoundTrips(io, content);
  MetaPropertiesRoundTrip(io, content);
  return 0;
}
