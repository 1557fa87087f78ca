// An IoQueue that breaks on demand: a write that stops half way, or a failed fsync.
#pragma once

#include <absl/status/status.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>

#include "log/async_event.h"
#include "log/io/file_io.h"

namespace slipstream {

class FailingQueue final : public IoQueue {
 public:
  FailingQueue() : IoQueue(0) {}
  using IoQueue::set_write_now_bytes_max;

  uint64_t write_bytes_left =
      std::numeric_limits<uint64_t>::max();  // the write that goes past it stops there and fails
  std::function<void()> before_write;
  absl::Status full = absl::ResourceExhaustedError("no space left on the test's disk");  // what that write says
  bool fail_syncs = false;
  AsyncEvent* sync_gate = nullptr;  // an fsync waits until it is notified
  AsyncEvent* remove_gate = nullptr;
  absl::Status remove_result;  // not OK: nothing is removed
  int writes = 0;
  int direct_writes = 0;  // of those
  int syncs = 0;
  int removals = 0;  // begun

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) override {
    co_return WriteNow(file, bytes, at);
  }
  absl::Status WriteNow(File& file, ByteSpan bytes, FilePosition at) override {
    ++writes;
    if (before_write) before_write();
    const uint64_t taken = std::min<uint64_t>(bytes.size(), write_bytes_left);
    write_bytes_left -= taken;
    absl::Status status = file.WriteAt(bytes.first(taken), at);
    if (status.ok() && taken < bytes.size()) status = full;
    return status;
  }
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override {
    ++writes;
    ++direct_writes;
    if (before_write) before_write();
    for (const ByteSpan part : parts) {
      const bool room = part.size() <= write_bytes_left;
      const absl::Status written = room ? file.WriteDirectAt({part}, at) : absl::OkStatus();
      if (!written.ok()) co_return written;
      if (!room) co_return full;
      write_bytes_left -= part.size();
      at = at + part.size();
    }
    co_return absl::OkStatus();
  }
  asio::awaitable<absl::Status> Sync(File& file) override {
    ++syncs;
    if (sync_gate != nullptr) co_await sync_gate->Wait();
    if (fail_syncs) co_return absl::UnavailableError("the test's fsync failed");
    co_return file.Sync();
  }
  asio::awaitable<absl::Status> Remove(FileIo& io, const std::filesystem::path& path) override {
    ++removals;
    if (remove_gate != nullptr) co_await remove_gate->Wait();
    if (!remove_result.ok()) co_return remove_result;
    co_return io.Remove(path);
  }
};

}  // namespace slipstream
