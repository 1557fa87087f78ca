#include "log/compression.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/str_cat.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "log/snappy_stream.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr size_t kFirstRoomMin = 4096, kFirstRoomMax = 1 << 20;
constexpr int kGzipWindowBits = 15 + 16;  // 16: the gzip wrapper, not zlib's
constexpr int kZstdLevel = 3;
constexpr int kZstdWindowLogMax = 27;  // 128 MiB: what the highest ordinary level asks for

// Where a decoder writes: doubles when full, so that memory follows what comes out.
class BoundedOutput {
 public:
  BoundedOutput(size_t input_bytes, size_t bytes_max)
      : bytes_max_(std::min(bytes_max, std::numeric_limits<size_t>::max() - 1)),
        bytes_(std::min(bytes_max_ + 1, std::clamp(4 * input_bytes, kFirstRoomMin, kFirstRoomMax))) {}

  // At least one byte. One more than the bound may be written: that is how going over it shows.
  absl::StatusOr<std::span<std::byte>> Room() {
    if (used_ > bytes_max_)
      return absl::ResourceExhaustedError(absl::StrCat("compressed records hold more than ", bytes_max_, " bytes"));
    if (used_ == bytes_.size()) bytes_.resize(std::min(bytes_max_ + 1, 2 * bytes_.size()));
    return std::span(bytes_).subspan(used_);
  }
  void Advance(size_t written) { used_ += written; }

  absl::StatusOr<std::vector<std::byte>> Finish() && {
    SLIP_RETURN_IF_ERROR(Room().status());
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  size_t bytes_max_;
  std::vector<std::byte> bytes_;
  size_t used_ = 0;
};

absl::Status Corrupt(absl::string_view format, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(format, " stream: ", what));
}

// Java's reader takes members back to back as one stream, so this does too.
absl::Status DecompressGzip(ByteSpan input, BoundedOutput& output) {
  z_stream stream{};
  SLIP_CHECK_EQ(inflateInit2(&stream, kGzipWindowBits), Z_OK);
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));  // zlib reads only
  stream.avail_in = static_cast<uInt>(input.size());
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const std::span<std::byte> room, output.Room());
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(std::min<size_t>(room.size(), std::numeric_limits<uInt>::max()));
    const uInt offered = stream.avail_out;
    const int result = inflate(&stream, Z_NO_FLUSH);
    output.Advance(offered - stream.avail_out);
    if (result == Z_STREAM_END && stream.avail_in == 0) return absl::OkStatus();
    if (result == Z_STREAM_END) {
      SLIP_CHECK_EQ(inflateReset(&stream), Z_OK);
    } else if (result == Z_BUF_ERROR) {
      return Corrupt("gzip", "cut");
    } else if (result != Z_OK) {
      return Corrupt("gzip", stream.msg == nullptr ? "corrupt" : stream.msg);
    }
  }
}

// Kafka's reader knows fewer frames than liblz4: what it would refuse is reported here too (LOG-22).
absl::Status CheckLz4FrameHeader(ByteSpan input) {
  constexpr uint32_t kMagic = 0x04224d18;  // as the bytes lie
  ByteCursor cursor(input);
  const uint32_t magic = cursor.UInt32();
  const int8_t flags = cursor.Int8();
  if (cursor.failed()) return Corrupt("lz4", "cut in the frame header");
  if (magic != kMagic) return Corrupt("lz4", "not a frame");
  if ((flags & 0xc0) != 0x40) return Corrupt("lz4", "frame version is not 1");
  if ((flags & 0x20) == 0) return Corrupt("lz4", "dependent blocks");
  if ((flags & 0x03) != 0) return Corrupt("lz4", "reserved bits or a dictionary");
  return absl::OkStatus();
}

absl::Status DecompressLz4(ByteSpan input, BoundedOutput& output) {
  SLIP_RETURN_IF_ERROR(CheckLz4FrameHeader(input));
  LZ4F_dctx* context = nullptr;
  SLIP_CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
  const absl::Cleanup free_context = [context] { LZ4F_freeDecompressionContext(context); };
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const std::span<std::byte> room, output.Room());
    size_t written = room.size();
    size_t taken = input.size();
    const size_t result = LZ4F_decompress(context, room.data(), &written, input.data(), &taken, nullptr);
    if (LZ4F_isError(result)) return Corrupt("lz4", LZ4F_getErrorName(result));
    output.Advance(written);
    input = input.subspan(taken);
    if (result == 0) break;
    if (taken == 0 && written == 0) return Corrupt("lz4", "cut");
  }
  return input.empty() ? absl::OkStatus() : Corrupt("lz4", absl::StrCat(input.size(), " bytes after its end"));
}

absl::Status DecompressZstd(ByteSpan input, BoundedOutput& output) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  SLIP_CHECK(context != nullptr);
  SLIP_CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax)));
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  for (;;) {
    SLIP_ASSIGN_OR_RETURN(const std::span<std::byte> room, output.Room());
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const size_t taken_before = in.pos;
    const size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(result)) return Corrupt("zstd", ZSTD_getErrorName(result));
    output.Advance(out.pos);
    if (result == 0 && in.pos == in.size) return absl::OkStatus();
    if (out.pos == 0 && in.pos == taken_before) return Corrupt("zstd", "cut");
  }
}

std::vector<std::byte> CompressGzip(ByteSpan input) {
  constexpr int kMemoryLevel = 8;  // zlib's default
  z_stream stream{};
  SLIP_CHECK_EQ(
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY),
      Z_OK);
  std::vector<std::byte> output(deflateBound(&stream, input.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));  // zlib reads only
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  SLIP_CHECK_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  return output;
}

std::vector<std::byte> CompressLz4(ByteSpan input) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Kafka's reader refuses the other kind
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  std::vector<std::byte> output(LZ4F_compressFrameBound(input.size(), &preferences));
  const size_t bytes = LZ4F_compressFrame(output.data(), output.size(), input.data(), input.size(), &preferences);
  SLIP_CHECK(!LZ4F_isError(bytes));
  output.resize(bytes);
  return output;
}

std::vector<std::byte> CompressZstd(ByteSpan input) {
  std::vector<std::byte> output(ZSTD_compressBound(input.size()));
  const size_t bytes = ZSTD_compress(output.data(), output.size(), input.data(), input.size(), kZstdLevel);
  SLIP_CHECK(!ZSTD_isError(bytes));
  output.resize(bytes);
  return output;
}

std::vector<std::byte> CopyOf(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

absl::StatusOr<std::vector<std::byte>> Decompress(Compression compression, ByteSpan input, size_t output_bytes_max) {
  SLIP_CHECK_LE(input.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  if (compression == Compression::kSnappy) {
    std::vector<std::byte> output;
    SLIP_RETURN_IF_ERROR(DecompressSnappy(input, output_bytes_max, output));
    return output;
  }
  BoundedOutput output(input.size(), output_bytes_max);
  switch (compression) {
    case Compression::kGzip: SLIP_RETURN_IF_ERROR(DecompressGzip(input, output)); break;
    case Compression::kLz4: SLIP_RETURN_IF_ERROR(DecompressLz4(input, output)); break;
    case Compression::kZstd: SLIP_RETURN_IF_ERROR(DecompressZstd(input, output)); break;
    case Compression::kNone: return CopyOf(input);
    default:
      return absl::DataLossError(absl::StrCat("compression code ", static_cast<int>(compression), " is not 0..4"));
  }
  return std::move(output).Finish();
}

std::vector<std::byte> Compress(Compression compression, ByteSpan input) {
  SLIP_CHECK_LE(input.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  switch (compression) {
    case Compression::kNone: return CopyOf(input);
    case Compression::kGzip: return CompressGzip(input);
    case Compression::kLz4: return CompressLz4(input);
    case Compression::kZstd: return CompressZstd(input);
    case Compression::kSnappy: break;
  }
  std::vector<std::byte> output;
  CompressSnappy(input, output);
  return output;
}

absl::StatusOr<ByteSpan> PlainRecords(RecordBatchView batch, size_t output_bytes_max, std::vector<std::byte>& storage) {
  // A batch that compaction emptied keeps its compression bits, but there is no stream (LOG-149).
  if (batch.compression_code() == 0 || batch.record_count() == 0) return batch.records();
  SLIP_ASSIGN_OR_RETURN(
      storage, Decompress(static_cast<Compression>(batch.compression_code()), batch.records(), output_bytes_max));
  return ByteSpan(storage);
}

absl::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kSnappy: return "snappy";
    case Compression::kLz4: return "lz4";
    case Compression::kZstd: return "zstd";
  }
  return "illegal";
}

}  // namespace slipstream
