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

}  // namespace

absl::StatusOr<bool> IsOldMessage(File& file, FilePosition at, uint64_t file_bytes) {
  std::byte prefix[kBatchPrefixBytes];
  SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(prefix, at));
  if (got < kBatchPrefixBytes) return false;
  const auto length = ReadBigEndian<int32_t>(prefix, BatchField::kLength);
  const bool old = prefix[BatchField::kMagic] == std::byte{0} || prefix[BatchField::kMagic] == std::byte{1};
  if (!old || length < kLegacyMessageBytesMin) return false;
  const uint64_t end = at.value + kCrcAt + static_cast<uint64_t>(length);
  if (end > file_bytes) return false;

  uLong crc = crc32(0, nullptr, 0);
  std::vector<std::byte> piece(std::min(kPieceBytes, static_cast<uint64_t>(length)));
  for (uint64_t from = at.value + BatchField::kMagic; from < end;) {
    const std::span<std::byte> into(piece.data(), std::min<uint64_t>(piece.size(), end - from));
    SLIP_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(into, FilePosition{from}));
    if (read < into.size()) return false;
    crc = crc32(crc, reinterpret_cast<const Bytef*>(into.data()), static_cast<uInt>(into.size()));
    from += read;
  }
  return static_cast<uint32_t>(crc) == ReadBigEndian<uint32_t>(prefix, kCrcAt);
}

}  // namespace slipstream
