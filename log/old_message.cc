#include "log/old_message.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "log/bytes.h"
#include "log/record_batch.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr uint64_t kCrcAt = 12;  // and all else up to the magic byte is where newer batches have it
constexpr uint64_t kPieceBytes = 64 << 10;

// Of the whole message; 0: none begins so.
uint64_t BytesOfMessage(ByteSpan prefix) {
  const auto length = ReadBigEndian<int32_t>(prefix, BatchField::kLength);
  const bool old = prefix[BatchField::kMagic] == std::byte{0} || prefix[BatchField::kMagic] == std::byte{1};
  return old && length >= kLegacyMessageBytesMin ? kCrcAt + static_cast<uint64_t>(length) : 0;
}

uLong AddTo(uLong crc, ByteSpan bytes) {
  return crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

bool IsCrcOf(ByteSpan prefix, uLong crc) {
  return static_cast<uint32_t>(crc) == ReadBigEndian<uint32_t>(prefix, kCrcAt);
}

}  // namespace

bool IsOldMessage(ByteSpan bytes) {
  if (bytes.size() < kBatchPrefixBytes) return false;
  const uint64_t size = BytesOfMessage(bytes);
  if (size == 0 || size > bytes.size()) return false;
  return IsCrcOf(bytes, AddTo(0, bytes.first(size).subspan(BatchField::kMagic)));
}

absl::StatusOr<bool> IsOldMessage(File& file, FilePosition at, uint64_t file_bytes) {
  std::byte prefix[kBatchPrefixBytes];
  SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(prefix, at));
  if (got < kBatchPrefixBytes) return false;
  const uint64_t size = BytesOfMessage(prefix);
  if (size == 0 || at.value + size > file_bytes) return false;

  uLong crc = 0;
  const uint64_t end = at.value + size;
  std::vector<std::byte> piece(std::min(kPieceBytes, size));
  for (uint64_t from = at.value + BatchField::kMagic; from < end;) {
    const std::span<std::byte> into(piece.data(), std::min<uint64_t>(piece.size(), end - from));
    SLIP_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(into, FilePosition{from}));
    if (read < into.size()) return false;
    crc = AddTo(crc, into);
    from += read;
  }
  return IsCrcOf(prefix, crc);
}

}  // namespace slipstream
