#include "tests/sim/sim_queue.h"

#include "log/crc32c.h"

namespace slipstream::sim {
namespace {

absl::Status Full() { return absl::ResourceExhaustedError("no space left on the simulated disk"); }

uint32_t Crc(const DirectParts& parts) {
  uint32_t crc = 0;
  for (const ByteSpan part : parts) crc = Crc32c(part, crc);
  return crc;
}

}  // namespace

void SimQueue::CheckOwner(const File& file, const char* what) {
  if (!may_touch_(file.path()))
    trace_.Report("INV-22", absl::StrCat(what, " of ", file.path().native(), " by a lane that does not have it"));
}

void SimQueue::CheckUntouched(uint32_t before, uint32_t after, const File& file) {
  if (before != after) trace_.Report("INV-21", absl::StrCat("changed under a write to ", file.path().native()));
}

absl::Status SimQueue::Put(File& file, const DirectParts& parts, FilePosition at, bool direct) const {
  if (direct) return full_ ? Full() : file.WriteDirectAt(parts, at);
  const ByteSpan bytes = parts.front();
  if (!full_) return file.WriteAt(bytes, at);
  const absl::Status half = file.WriteAt(bytes.first(bytes.size() / 2), at);
  return half.ok() ? Full() : half;
}

asio::awaitable<absl::Status> SimQueue::Write(File& file, ByteSpan bytes, FilePosition at, WriteHint) {
  return WriteParts(file, {bytes}, at, /*direct=*/false);
}

absl::Status SimQueue::WriteNow(File& file, ByteSpan bytes, FilePosition at) {
  CheckOwner(file, "a write at once");
  return Put(file, {bytes}, at, /*direct=*/false);
}

asio::awaitable<absl::Status> SimQueue::WriteDirect(File& file, DirectParts parts, FilePosition at) {
  return WriteParts(file, parts, at, /*direct=*/true);
}

asio::awaitable<absl::Status> SimQueue::WriteParts(File& file, DirectParts parts, FilePosition at, bool direct) {
  CheckOwner(file, direct ? "a direct write" : "a write");
  const uint32_t before = Crc(parts);
  const bool early = random_.Chance({1, 2});
  absl::Status written;
  if (early) written = Put(file, parts, at, direct);
  co_await naps_.For(Delay());
  CheckUntouched(before, Crc(parts), file);
  CheckOwner(file, direct ? "a running direct write" : "a running write");
  if (!early) written = Put(file, parts, at, direct);
  co_return written;
}

asio::awaitable<absl::Status> SimQueue::Sync(File& file) {
  CheckOwner(file, "an fsync");
  const bool early = random_.Chance({1, 2});
  absl::Status synced;
  if (early) synced = file.Sync();
  co_await naps_.For(Delay());
  if (!early) synced = file.Sync();
  co_return synced;
}

// Whose files they were may be another's by now.
asio::awaitable<absl::Status> SimQueue::Remove(FileIo& io, const std::filesystem::path& path) {
  const bool early = random_.Chance({1, 2});
  absl::Status removed;
  if (early) removed = io.Remove(path);
  co_await naps_.For(Delay());
  if (!early) removed = io.Remove(path);
  co_return removed;
}

}  // namespace slipstream::sim
