#include "log/compression.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>
#include <zstd.h>

#include <random>

#include "log/record_batch_writer.h"
#include "tests/support/hex.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

constexpr Compression kStreams[] = {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd};
constexpr size_t kPlenty = 64 << 20;

std::vector<std::byte> Copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

// Half noise, half runs: neither trivial nor incompressible.
std::vector<std::byte> Plain(size_t size) {
  std::mt19937 random(static_cast<uint32_t>(size));
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = (i / 64) % 2 == 0 ? static_cast<std::byte>(random()) : std::byte{'x'};
  return bytes;
}

class CompressionTest : public ::testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(All, CompressionTest, ::testing::ValuesIn(kStreams),
                         [](const auto& test) { return std::string(CompressionName(test.param)); });

TEST_P(CompressionTest, Log19_Log20_Log22_Log24_RoundTripsEverySize) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{4096}, size_t{32768}, size_t{32769},
                            size_t{65536}, size_t{300000}, size_t{3} << 20}) {
    const auto plain = Plain(size);
    const auto stream = Compress(GetParam(), plain);
    const auto back = Decompress(GetParam(), stream, size);
    ASSERT_TRUE(back.ok()) << size << ": " << back.status();
    EXPECT_EQ(*back, plain) << size;
  }
}

TEST_P(CompressionTest, Bad11_OutputIsBounded) {
  const std::vector<std::byte> zeros(8 << 20);
  const auto stream = Compress(GetParam(), zeros);
  EXPECT_TRUE(Decompress(GetParam(), stream, zeros.size()).ok());
  for (const size_t bound : {size_t{0}, size_t{1}, size_t{4096}, zeros.size() - 1}) {
    const auto refused = Decompress(GetParam(), stream, bound);
    EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << bound << ": " << refused.status();
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(absl::StrCat("more than ", bound))) << bound;
  }
}

TEST_P(CompressionTest, CutAtEveryByteIsDataLossOrAShorterWholeStream) {
  const auto plain = Plain(700);
  const auto stream = Compress(GetParam(), plain);
  for (size_t size = 0; size < stream.size(); ++size) {
    const auto back = Decompress(GetParam(), ByteSpan(stream).first(size), kPlenty);
    // A xerial stream has no end mark: cut between blocks it is simply shorter. The record count catches that (LOG-13).
    if (GetParam() == Compression::kSnappy && size == 16) {
      EXPECT_TRUE(back.ok() && back->empty()) << size;
      continue;
    }
    EXPECT_TRUE(absl::IsDataLoss(back.status())) << size << ": " << back.status();
  }
}

TEST_P(CompressionTest, EveryFlippedByteIsAnErrorOrOtherBytesNeverACrash) {
  const auto plain = Plain(700);
  const auto stream = Compress(GetParam(), plain);
  for (size_t i = 0; i < stream.size(); ++i) {
    auto bad = stream;
    bad[i] ^= std::byte{0x41};
    const auto back = Decompress(GetParam(), bad, 1 << 20);
    if (!back.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(back.status()) || absl::IsResourceExhausted(back.status()))
          << i << ": " << back.status();
    } else {
      EXPECT_LE(back->size(), size_t{1} << 20) << i;
    }
  }
}

TEST_P(CompressionTest, BytesAfterTheEndAreRefused) {
  auto stream = Compress(GetParam(), Plain(100));
  stream.resize(stream.size() + 3, std::byte{0x55});
  EXPECT_TRUE(absl::IsDataLoss(Decompress(GetParam(), stream, kPlenty).status()));
}

TEST(Compression, Log07_IllegalCodesAreRefused) {
  for (int code = 5; code < 8; ++code)
    EXPECT_TRUE(absl::IsDataLoss(Decompress(static_cast<Compression>(code), AsBytes("x"), kPlenty).status())) << code;
}

TEST(Compression, Log19_MembersBackToBackAreOneStream) {
  auto stream = Compress(Compression::kGzip, AsBytes("one "));
  const auto second = Compress(Compression::kGzip, AsBytes("two"));
  stream.insert(stream.end(), second.begin(), second.end());
  EXPECT_EQ(AsText(*Decompress(Compression::kGzip, stream, kPlenty)), "one two");
}

TEST(Compression, Log20_SnappyHasTheXerialHeaderAndBlocksOf32KiB) {
  const auto stream = Compress(Compression::kSnappy, std::vector<std::byte>(100000));
  EXPECT_EQ(ToHex(ByteSpan(stream).first(16)), "82534e41505059000000000100000001");
  int blocks = 0;
  for (size_t at = 16; at < stream.size(); ++blocks) at += 4 + static_cast<size_t>(ReadBigEndian<int32_t>(stream, at));
  EXPECT_EQ(blocks, 4);
}

TEST(Compression, Log21_SnappyWithoutAHeaderIsOneBareBlock) {
  const auto plain = Plain(50000);
  std::string block;
  snappy::Compress(reinterpret_cast<const char*>(plain.data()), plain.size(), &block);
  EXPECT_EQ(*Decompress(Compression::kSnappy, AsBytes(block), plain.size()), plain);
  EXPECT_TRUE(absl::IsResourceExhausted(Decompress(Compression::kSnappy, AsBytes(block), plain.size() - 1).status()));
}

TEST(Compression, Log21_SnappyVersionsAreNotLookedAtAndHeadersMayRepeat) {
  auto stream = Compress(Compression::kSnappy, AsBytes("first "));
  WriteBigEndian<uint32_t>(stream, 8, 0x01000000);  // little-endian 1
  WriteBigEndian<uint32_t>(stream, 12, 0x01000000);
  const auto second = Compress(Compression::kSnappy, AsBytes("second"));
  stream.insert(stream.end(), second.begin(), second.end());
  EXPECT_EQ(AsText(*Decompress(Compression::kSnappy, stream, kPlenty)), "first second");
}

TEST(Compression, Bad11_ASnappyBlockMayNotClaimMoreThanItCanHold) {
  const auto stream = FromHex("8080808001 00");  // claims 256 MiB in one byte
  const auto back = Decompress(Compression::kSnappy, stream, size_t{1} << 30);
  EXPECT_TRUE(absl::IsDataLoss(back.status())) << back.status();
  EXPECT_THAT(std::string(back.status().message()), HasSubstr("claims 268435456"));
}

TEST(Compression, Log22_Lz4FrameIsWhatKafkasReaderKnows) {
  const auto stream = Compress(Compression::kLz4, Plain(200000));
  EXPECT_EQ(ToHex(ByteSpan(stream).first(7)), "04224d18604082")
      << "magic, FLG 0x60, BD 0x40 and their checksum (LOG-23)";
  EXPECT_EQ(ToHex(ByteSpan(stream).last(4)), "00000000");
}

TEST(Compression, Log22_Lz4FramesThatKafkaRefuses) {
  const auto good = Compress(Compression::kLz4, AsBytes("hello hello hello"));
  const auto with_flags = [&good](uint8_t flags) {
    auto bad = good;
    bad[4] = std::byte{flags};
    return std::string(Decompress(Compression::kLz4, bad, kPlenty).status().message());
  };
  EXPECT_THAT(with_flags(0x40), HasSubstr("dependent blocks"));
  EXPECT_THAT(with_flags(0xa0), HasSubstr("frame version"));
  EXPECT_THAT(with_flags(0x62), HasSubstr("reserved bits"));
  EXPECT_THAT(with_flags(0x61), HasSubstr("reserved bits or a dictionary"));
  EXPECT_THAT(with_flags(0x64), HasSubstr("lz4 stream: ")) << "the header checksum no longer fits";
}

TEST(Compression, Log24_ZstdTakesFramesWithAndWithoutASize) {
  std::vector<std::byte> stream(1000);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  stream.resize(ZSTD_compress2(context, stream.data(), stream.size(), "hello", 5));
  ZSTD_freeCCtx(context);
  const auto second = Compress(Compression::kZstd, AsBytes(" world"));
  stream.insert(stream.end(), second.begin(), second.end());
  EXPECT_EQ(AsText(*Decompress(Compression::kZstd, stream, kPlenty)), "hello world");
}

TEST(PlainRecords, Log25_UncompressedRecordsStayInPlace) {
  RecordBatchWriter writer({});
  writer.Append({.timestamp = {1}, .value = AsBytes("v")});
  const auto bytes = std::move(writer).Finish();
  ASSERT_TRUE(bytes.ok());
  std::vector<std::byte> storage;
  const auto plain = PlainRecords(RecordBatchView(*bytes), 0, storage);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->data(), bytes->data() + kBatchHeaderBytes);
  EXPECT_TRUE(storage.empty());
}

TEST(PlainRecords, Log149_AnEmptiedBatchKeepsItsCodecButHasNoStream) {
  RecordBatchWriter writer({.compression = Compression::kZstd});
  writer.SkipTo(5);
  const auto bytes = std::move(writer).Finish();
  ASSERT_TRUE(bytes.ok());
  ASSERT_EQ(RecordBatchView(*bytes).compression_code(), 4);
  std::vector<std::byte> storage;
  const auto plain = PlainRecords(RecordBatchView(*bytes), kPlenty, storage);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(plain->empty());
}

TEST(PlainRecords, Log07_AnIllegalCodecIsDataLoss) {
  RecordBatchWriter writer({});
  writer.Append({.timestamp = {1}, .value = AsBytes("v")});
  auto bytes = Copy(*std::move(writer).Finish());
  WriteBigEndian<int16_t>(bytes, 21, 5);
  std::vector<std::byte> storage;
  EXPECT_TRUE(absl::IsDataLoss(PlainRecords(RecordBatchView(bytes), kPlenty, storage).status()));
}

}  // namespace
}  // namespace slipstream
