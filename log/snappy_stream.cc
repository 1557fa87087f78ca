#include "log/snappy_stream.h"

#include <absl/strings/str_cat.h>
#include <snappy.h>

#include <algorithm>
#include <array>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr std::array<std::byte, 8> kMagic = {std::byte{0x82}, std::byte{'S'}, std::byte{'N'}, std::byte{'A'},
                                             std::byte{'P'},  std::byte{'P'}, std::byte{'Y'}, std::byte{0}};
constexpr size_t kHeaderBytes = 16;  // the magic and two version numbers, which some producers write little-endian
constexpr int32_t kVersion = 1;
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kRatioMax = 64;  // no snappy element makes more of its bytes

const char* Chars(ByteSpan bytes) { return reinterpret_cast<const char*>(bytes.data()); }

bool StartsWithHeader(ByteSpan bytes) {
  return bytes.size() >= kHeaderBytes && std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

absl::Status DecompressBlock(ByteSpan block, size_t output_bytes_max, std::vector<std::byte>& output) {
  size_t plain_bytes = 0;
  if (!snappy::GetUncompressedLength(Chars(block), block.size(), &plain_bytes))
    return absl::DataLossError("snappy block without a length");
  if (plain_bytes > block.size() * kRatioMax)
    return absl::DataLossError(absl::StrCat("snappy block of ", block.size(), " bytes claims ", plain_bytes));
  const size_t done = output.size();
  if (plain_bytes > output_bytes_max - done)
    return absl::ResourceExhaustedError(absl::StrCat("snappy stream holds more than ", output_bytes_max, " bytes"));
  output.resize(done + plain_bytes);
  if (!snappy::RawUncompress(Chars(block), block.size(), reinterpret_cast<char*>(output.data() + done)))
    return absl::DataLossError("snappy block is corrupt");
  return absl::OkStatus();
}

}  // namespace

absl::Status DecompressSnappy(ByteSpan input, size_t output_bytes_max, std::vector<std::byte>& output) {
  if (!StartsWithHeader(input)) return DecompressBlock(input, output_bytes_max, output);
  while (!input.empty()) {
    // snappy-java concatenates whole streams, so the header may come again between blocks. As a length it is negative.
    if (StartsWithHeader(input)) {
      input = input.subspan(kHeaderBytes);
      continue;
    }
    ByteCursor cursor(input);
    const int32_t length = cursor.Int32();
    const ByteSpan block = cursor.Bytes(length);
    if (cursor.failed())
      return absl::DataLossError(absl::StrCat("snappy block of ", length, " bytes with ", input.size(), " left"));
    SLIP_RETURN_IF_ERROR(DecompressBlock(block, output_bytes_max, output));
    input = input.subspan(cursor.position());
  }
  return absl::OkStatus();
}

void CompressSnappy(ByteSpan input, std::vector<std::byte>& output) {
  for (const auto byte : kMagic) output.push_back(byte);  // g++ 12 takes an insert of so few for an overflow
  AppendBigEndian(output, kVersion);
  AppendBigEndian(output, kVersion);  // the oldest reader that understands it
  while (!input.empty()) {
    const ByteSpan plain = input.first(std::min(input.size(), kBlockBytes));
    const size_t length_at = output.size();
    output.resize(length_at + sizeof(int32_t) + snappy::MaxCompressedLength(plain.size()));
    size_t block_bytes = 0;
    snappy::RawCompress(Chars(plain), plain.size(),
                        reinterpret_cast<char*>(output.data() + length_at + sizeof(int32_t)), &block_bytes);
    WriteBigEndian(output, length_at, static_cast<int32_t>(block_bytes));
    output.resize(length_at + sizeof(int32_t) + block_bytes);
    input = input.subspan(plain.size());
  }
}

}  // namespace slipstream
