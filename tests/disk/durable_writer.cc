// Writes logs in durable mode and says so: the witness of what was acknowledged when the power goes.
//
//   durable_writer write DIR SEED MODE   appends to two partitions until it is killed or the disk fails; a line
//                                        "partition offset" for each flush that ended: all below is durable
//   durable_writer check DIR SEED        recovers DIR and holds every byte against what SEED makes; a line
//                                        "partition log-end" each
//
// What is written depends on the seed alone, so that one process can go on where another was killed.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <string>

#include "log/io/io_ring.h"
#include "log/log_manager.h"
#include "log/record_batch.h"
#include "log/status.h"
#include "tests/support/batches.h"

namespace slipstream {
namespace {

constexpr int kPartitions = 2;
constexpr int32_t kSegmentBytes = 256 << 10;  // many rolls
constexpr int kFlushesPerCheckpoint = 16;
constexpr int kRunBatchesMax = 8;

// The batches of one partition, one after the other.
class BatchStream {
 public:
  BatchStream(uint64_t seed, int32_t partition) : random_(seed * kPartitions + static_cast<uint64_t>(partition)) {}

  std::vector<std::byte> Next() {
    BatchSpec spec;
    spec.base_offset = next_.value;
    spec.record_count = 1 + static_cast<int32_t>(random_() % 20);
    spec.value_bytes = 1 + random_() % 1500;
    spec.fill = static_cast<uint8_t>(random_());
    spec.leader_epoch = static_cast<int32_t>(next_.value / 5000);
    std::vector<std::byte> batch = MakeBatch(spec);
    next_ = RecordBatchView(batch).next_offset();
    return batch;
  }
  Offset next() const { return next_; }

 private:
  std::mt19937_64 random_;
  Offset next_{0};
};

struct Writer {
  LogManager& logs;
  IoQueue& queue;
  uint64_t seed;
  std::map<int32_t, LogOffsets> durable;  // by partition, as of its last flush
  int flushes = 0;
};

absl::StatusOr<PartitionLog*> LogOf(LogManager& logs, int32_t partition) {
  return logs.GetOrCreate(TopicPartition{"t", partition}, Uuid{1, 2});
}

asio::awaitable<absl::Status> WritePartition(Writer& writer, int32_t partition) {
  SLIP_CO_ASSIGN_OR_RETURN(PartitionLog* const log, LogOf(writer.logs, partition));
  BatchStream stream(writer.seed, partition);
  while (stream.next() < log->log_end_offset()) stream.Next();
  std::mt19937_64 random(static_cast<uint64_t>(log->log_end_offset().value));
  for (;;) {
    std::vector<std::byte> run;
    for (uint64_t batches = 1 + random() % kRunBatchesMax; batches > 0; --batches) {
      const std::vector<std::byte> batch = stream.Next();
      run.insert(run.end(), batch.begin(), batch.end());
    }
    const WriteHint hint = random() % 2 == 0 ? WriteHint::kBulk : WriteHint::kCached;
    const absl::Status appended = co_await log->AppendAsFollower(writer.queue, run, hint);
    if (!appended.ok()) co_return appended;
    const absl::Status flushed = co_await log->FlushUpTo(writer.queue, log->log_end_offset());
    if (!flushed.ok()) co_return flushed;
    std::printf("%d %lld\n", partition, static_cast<long long>(log->log_end_offset().value));
    std::fflush(stdout);
    writer.durable[partition] = OffsetsOf(*log);
    if (++writer.flushes % kFlushesPerCheckpoint != 0) continue;
    std::vector<LogOffsets> offsets;
    for (const auto& [number, of_log] : writer.durable) offsets.push_back(of_log);
    SLIP_CO_RETURN_IF_ERROR(writer.logs.WriteCheckpoints(offsets));
  }
}

absl::Status Write(LogManager& logs, uint64_t seed) {
  asio::io_context io;
  const std::unique_ptr<IoQueue> queue = MakeIoQueue(io);
  Writer writer{.logs = logs, .queue = *queue, .seed = seed};
  absl::Status ended;
  int running = kPartitions;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    asio::co_spawn(io, WritePartition(writer, partition), [&](std::exception_ptr thrown, absl::Status status) {
      if (thrown) std::rethrow_exception(thrown);
      ended.Update(status);
      if (--running == 0) io.stop();
    });
  }
  io.run();
  return ended;
}

absl::Status CheckPartition(PartitionLog& log, BatchStream stream) {
  std::vector<std::byte> expected;
  for (Offset next{0}; next < log.log_end_offset();) {
    SLIP_ASSIGN_OR_RETURN(const LogSlice slice, log.Read(next, log.log_end_offset(), 1 << 20));
    std::vector<std::byte> found(slice.bytes);
    SLIP_ASSIGN_OR_RETURN(const size_t got, slice.file->ReadAt(found, slice.position));
    expected.clear();
    while (expected.size() < got && stream.next() < log.log_end_offset()) {
      const std::vector<std::byte> batch = stream.Next();
      expected.insert(expected.end(), batch.begin(), batch.end());
    }
    if (got < found.size() || expected != found)
      return absl::DataLossError(absl::StrCat(log.partition().ToString(), " has other bytes from offset ", next.value,
                                              " on than were written"));
    next = stream.next();
  }
  std::printf("%d %lld\n", log.partition().partition, static_cast<long long>(log.log_end_offset().value));
  return absl::OkStatus();
}

absl::Status Run(std::span<char*> arguments) {
  static const std::map<std::string, WriteMode> kModes = {
      {"auto", WriteMode::kAuto}, {"direct", WriteMode::kDirect}, {"buffered", WriteMode::kBuffered}};
  uint64_t seed = 0;
  const bool check = arguments.size() == 4 && std::string(arguments[1]) == "check";
  const bool write = arguments.size() == 5 && std::string(arguments[1]) == "write" && kModes.contains(arguments[4]);
  if ((!check && !write) || !absl::SimpleAtoi(arguments[3], &seed))
    return absl::InvalidArgumentError("durable_writer write DIR SEED auto|direct|buffered, or check DIR SEED");
  LogManagerConfig config;
  config.log_dirs = {arguments[2]};
  config.log.segment_bytes = kSegmentBytes;
  config.log.retention_ms = std::chrono::milliseconds(-1);
  if (write) config.log.write_mode = kModes.at(arguments[4]);
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<LogManager> logs, LogManager::Open(SystemFileIo(), config));
  if (write) return Write(*logs, seed);
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    SLIP_ASSIGN_OR_RETURN(PartitionLog* const log, LogOf(*logs, partition));
    SLIP_RETURN_IF_ERROR(CheckPartition(*log, BatchStream(seed, partition)));
  }
  return absl::OkStatus();  // as a crash leaves it: the next start recovers again
}

}  // namespace
}  // namespace slipstream

int main(int argc, char** argv) {
  const absl::Status status = slipstream::Run(std::span(argv, static_cast<size_t>(argc)));
  if (status.ok()) return 0;
  std::fprintf(stderr, "durable_writer: %s\n", std::string(status.message()).c_str());
  return 1;
}
