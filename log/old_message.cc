#include "log/old_message.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "log/bytes.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr uint64_t kLengthAt = 8, kCrcAt = 12, kMagicAt = 16, kPrefixBytes = 17;
constexpr int32_t kLengthMin = 14;  // crc, magic, attributes, lengths of key and value
constexpr uint64_t kPieceBytes = 64 << 10;

}  // namespace

absl::StatusOr<bool> IsOldMessage(File& file, FilePosition at, uint64_t file_bytes) {
  std::byte prefix[kPrefixBytes];
  SLIP_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(prefix, at));
  if (got < kPrefixBytes) return false;
  const auto length = ReadBigEndian<int32_t>(prefix, kLengthAt);
  const bool old = prefix[kMagicAt] == std::byte{0} || prefix[kMagicAt] == std::byte{1};
  if (!old || length < kLengthMin) return false;
  const uint64_t end = at.value + kCrcAt + static_cast<uint64_t>(length);
  if (end > file_bytes) return false;

  uLong crc = crc32(0, nullptr, 0);
  std::vector<std::byte> piece(std::min(kPieceBytes, static_cast<uint64_t>(length)));
  for (uint64_t from = at.value + kMagicAt; from < end;) {
    const std::span<std::byte> into(piece.data(), std::min<uint64_t>(piece.size(), end - from));
    SLIP_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(into, FilePosition{from}));
    if (read < into.size()) return false;
    crc = crc32(crc, reinterpret_cast<const Bytef*>(into.data()), static_cast<uInt>(into.size()));
    from += read;
  }
  return static_cast<uint32_t>(crc) == ReadBigEndian<uint32_t>(prefix, kCrcAt);
}

}  // namespace slipstream
