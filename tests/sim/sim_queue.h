// The follower's asynchronous writes, fsyncs and removals on the simulated disk: each takes its time, does its work
// early or late in it, and finds the disk full while it is.
#pragma once

#include <functional>
#include <string>

#include "log/io/file_io.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/trace.h"

namespace slipstream::sim {

class SimQueue final : public IoQueue {
 public:
  // All outlive it. `full`: no room for a write. `may_touch`: whose queue this is may write to the file (INV-22).
  SimQueue(const Options& options, Random& random, Scheduler& scheduler, Trace& trace, const bool& full,
           std::function<bool(const std::filesystem::path&)> may_touch)
      : IoQueue(options.write_now_bytes_max),
        options_(options),
        random_(random),
        trace_(trace),
        naps_(scheduler),
        full_(full),
        may_touch_(std::move(may_touch)) {}

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint hint) override;
  absl::Status WriteNow(File& file, ByteSpan bytes, FilePosition at) override;
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override;
  asio::awaitable<absl::Status> Sync(File& file) override;
  asio::awaitable<absl::Status> Remove(FileIo& io, const std::filesystem::path& path) override;

  // What is under way ends at once, as does what comes.
  void Hurry() { naps_.End(); }

 private:
  std::chrono::milliseconds Delay() { return random_.WaitUpTo(options_.io_delay_max); }
  void CheckOwner(const File& file, const char* what);
  asio::awaitable<absl::Status> WriteParts(File& file, DirectParts parts, FilePosition at, bool direct);
  absl::Status Put(File& file, const DirectParts& parts, FilePosition at, bool direct) const;
  void CheckUntouched(uint32_t before, uint32_t after, const File& file);

  const Options& options_;
  Random& random_;
  Trace& trace_;
  Naps naps_;
  const bool& full_;
  std::function<bool(const std::filesystem::path&)> may_touch_;
};

}  // namespace slipstream::sim
