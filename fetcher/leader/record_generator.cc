#include "fetcher/leader/record_generator.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <vector>

#include "fetcher/leader/generated_run.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr int32_t kBatchBytesMin = 512, kBatchBytesMax = 16 << 20;
constexpr int32_t kEpochsMax = 1000;
constexpr size_t kRunBytes = 8 << 20;  // of one append

// One partition's share of one epoch, but at least a batch.
size_t BatchesFor(uint64_t bytes, size_t partitions, int32_t epochs, size_t batch_size) {
  const uint64_t share = bytes / partitions / static_cast<uint64_t>(epochs);
  return std::max<size_t>(1, (share + batch_size / 2) / batch_size);
}

asio::awaitable<absl::Status> AppendBatches(HostedPartition& partition, IoQueue& queue, GeneratedRun& run,
                                            size_t batches, const GenerateOptions& options,
                                            const std::function<bool()>& stopped) {
  while (batches > 0) {
    if (stopped()) co_return absl::CancelledError("generating records was stopped");
    const size_t now = std::min(batches, run.batch_count());
    const Offset base_offset = partition.log.log_end_offset();
    const Timestamp timestamp{options.first_timestamp.value + base_offset.value / run.records_per_batch()};
    const auto partition_seed = options.seed + static_cast<uint64_t>(partition.log.partition().partition);
    const ByteSpan bytes = run.Renew(now, base_offset, partition.leader_epoch, timestamp, partition_seed);
    const absl::Status appended = co_await partition.log.AppendAsFollower(queue, bytes, WriteHint::kBulk, true);
    if (!appended.ok()) co_return appended;
    partition.OnAppended(bytes.size());
    batches -= now;
  }
  co_return absl::OkStatus();
}

}  // namespace

absl::Status GenerateOptions::Validate() const {
  if (batch_bytes < kBatchBytesMin || batch_bytes > kBatchBytesMax)
    return absl::InvalidArgumentError(
        absl::StrCat("generate-batch-bytes is ", batch_bytes, ", must be ", kBatchBytesMin, " to ", kBatchBytesMax));
  if (epochs < 1 || epochs > kEpochsMax)
    return absl::InvalidArgumentError(absl::StrCat("generate-epochs is ", epochs, ", must be 1 to ", kEpochsMax));
  return absl::OkStatus();
}

absl::Status CheckGenerate(TopicCatalog& catalog, const GenerateSpec& spec) {
  const HostedTopic* const topic = catalog.Find(spec.topic);
  if (topic == nullptr || topic->partitions.size() == static_cast<size_t>(spec.partitions)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("topic ", spec.topic, " is there with ", topic->partitions.size(),
                                                 " partitions, ", spec.partitions, " were asked for"));
}

absl::Status CheckCut(TopicCatalog& catalog, const CutSpec& spec) {
  if (catalog.Find(spec.topic) != nullptr) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("cannot cut topic ", spec.topic, ": it is not in the log dir"));
}

asio::awaitable<absl::Status> GenerateRecords(TopicCatalog& catalog, IoQueue& queue, GenerateSpec spec,
                                              GenerateOptions options, std::function<bool()> stopped) {
  SLIP_CO_RETURN_IF_ERROR(options.Validate());
  SLIP_CO_RETURN_IF_ERROR(CheckGenerate(catalog, spec));
  HostedTopic* topic = catalog.Find(spec.topic);
  if (topic == nullptr) {
    SLIP_CO_ASSIGN_OR_RETURN(topic, catalog.Create(spec.topic, spec.partitions));
  }
  SLIP_CO_ASSIGN_OR_RETURN(GeneratedRun run, GeneratedRun::Build(static_cast<size_t>(options.batch_bytes), kRunBytes));
  const size_t batches = BatchesFor(spec.bytes, topic->partitions.size(), options.epochs, run.batch_size());
  for (int32_t round = 0; round < options.epochs; ++round) {
    for (const auto& [number, partition] : topic->partitions) {
      if (round > 0) SLIP_CO_RETURN_IF_ERROR(catalog.ElectNext(*partition));
      const absl::Status appended = co_await AppendBatches(*partition, queue, run, batches, options, stopped);
      if (!appended.ok()) co_return appended;
    }
  }
  co_return absl::OkStatus();
}

std::string CutPartition::Describe(LeaderEpoch new_epoch) const {
  const std::string what = from == to ? absl::StrCat("holds no records, ends at offset ", to.value)
                                      : absl::StrCat("cut from offset ", from.value, " to ", to.value);
  return absl::StrCat(partition.ToString(), ": ", what, ", new leader epoch ", new_epoch.value);
}

absl::StatusOr<std::vector<CutPartition>> CutLogs(TopicCatalog& catalog, const CutSpec& spec) {
  SLIP_RETURN_IF_ERROR(CheckCut(catalog, spec));
  std::vector<CutPartition> cuts;
  for (const auto& [number, partition] : catalog.Find(spec.topic)->partitions) {
    PartitionLog& log = partition->log;
    const Offset end_before = log.log_end_offset();
    const int64_t records = end_before - log.log_start_offset();
    if (records > 0) {
      const double share =
          static_cast<double>(spec.bytes) / static_cast<double>(std::max<uint64_t>(1, log.size_bytes()));
      const auto cut =
          std::clamp<int64_t>(static_cast<int64_t>(std::min(share, 1.0) * static_cast<double>(records)), 1, records);
      SLIP_RETURN_IF_ERROR(log.TruncateTo({end_before.value - cut}));
    }
    cuts.push_back({log.partition(), end_before, log.log_end_offset()});
  }
  return cuts;
}

}  // namespace slipstream
