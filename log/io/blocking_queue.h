// IoQueue that does each operation at once, on the calling thread: for tools, for tests, and where io_uring is refused.
#pragma once

#include <limits>

#include "log/io/file_io.h"

namespace slipstream {

class BlockingIoQueue final : public IoQueue {
 public:
  BlockingIoQueue() : IoQueue(std::numeric_limits<size_t>::max()) {}

  asio::awaitable<absl::Status> Write(File& file, ByteSpan bytes, FilePosition at, WriteHint hint) override;
  asio::awaitable<absl::Status> WriteDirect(File& file, DirectParts parts, FilePosition at) override;
  asio::awaitable<absl::Status> Sync(File& file) override;
};

}  // namespace slipstream
