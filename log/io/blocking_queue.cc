#include "log/io/blocking_queue.h"

namespace slipstream {

asio::awaitable<absl::Status> BlockingIoQueue::Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) {
  co_return file.WriteAt(bytes, at);
}

asio::awaitable<absl::Status> BlockingIoQueue::WriteDirect(File& file, DirectParts parts, FilePosition at) {
  co_return file.WriteDirectAt(parts, at);
}

asio::awaitable<absl::Status> BlockingIoQueue::Sync(File& file) { co_return file.Sync(); }

}  // namespace slipstream
