// Fills topics with records of its own making, fast, for demonstrations and benchmarks; and cuts logs short as an
// unclean election would, so that followers have something to repair.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fetcher/leader/topic_catalog.h"
#include "log/io/file_io.h"

namespace slipstream {

struct GenerateSpec {
  std::string topic;
  int32_t partitions = 1;  // of the topic; one that is there already must have as many
  uint64_t bytes = 0;      // over all partitions
};
struct CutSpec {
  std::string topic;
  uint64_t bytes = 0;  // off each partition
};

struct GenerateOptions {
  int32_t batch_bytes = 100'000;  // about; 512 to 16 MiB
  int32_t epochs = 3;             // the records are written in so many leader epochs, one after the other
  uint64_t seed = 1;              // the same seed, epochs and offsets give the same records
  Timestamp first_timestamp{0};   // of the first batch; each batch is a millisecond later than the one before
  absl::Status Validate() const;  // names field, value and bound
};

// kInvalidArgument: the topic is there with another number of partitions.
absl::Status CheckGenerate(TopicCatalog& catalog, const GenerateSpec& spec);
// kNotFound: no such topic.
absl::Status CheckCut(TopicCatalog& catalog, const CutSpec& spec);

// Makes the topic when it is absent. The bytes are spread evenly over partitions and epochs, at least a batch each;
// values do not compress. Ends early, with kCancelled, when `stopped` says so.
asio::awaitable<absl::Status> GenerateRecords(TopicCatalog& catalog, IoQueue& queue, GenerateSpec spec,
                                              GenerateOptions options, std::function<bool()> stopped);

// What was cut off a partition; from == to: it held no records.
struct CutPartition {
  TopicPartition partition;
  Offset from, to;
  // For people; `new_epoch` is that in which the leader goes on.
  std::string Describe(LeaderEpoch new_epoch) const;
};

// Cuts about spec.bytes, going by the average size of a record, but at least one batch, off the end of each of the
// topic's partitions that has any. CheckCut's error when it has one.
absl::StatusOr<std::vector<CutPartition>> CutLogs(TopicCatalog& catalog, const CutSpec& spec);

}  // namespace slipstream
