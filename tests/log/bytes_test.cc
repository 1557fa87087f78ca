#include "log/bytes.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/hex.h"

namespace slipstream {
namespace {

TEST(Bytes, BigEndianRoundTripsEveryWidth) {
  std::vector<std::byte> bytes;
  AppendBigEndian<int8_t>(bytes, -2);
  AppendBigEndian<int16_t>(bytes, 0x0102);
  AppendBigEndian<int32_t>(bytes, 0x03040506);
  AppendBigEndian<int64_t>(bytes, 0x0708090a0b0c0d0e);
  EXPECT_EQ(ToHex(bytes), "fe0102030405060708090a0b0c0d0e");
  EXPECT_EQ(ReadBigEndian<int16_t>(bytes, 1), 0x0102);
  EXPECT_EQ(ReadBigEndian<int32_t>(bytes, 3), 0x03040506);
  EXPECT_EQ(ReadBigEndian<int64_t>(bytes, 7), 0x0708090a0b0c0d0e);
}

TEST(BytesDeathTest, ReadingPastTheEndIsOurMistake) {
  const std::vector<std::byte> bytes(8);
  EXPECT_EQ(ReadBigEndian<int64_t>(bytes, 0), 0);
  EXPECT_DEATH(ReadBigEndian<int64_t>(bytes, 1), "check failed");
  EXPECT_DEATH(ReadBigEndian<int32_t>(bytes, std::numeric_limits<size_t>::max() - 1), "check failed");
}

TEST(ByteCursor, ReadsInOrderAndKnowsWhatIsLeft) {
  const auto bytes = FromHex("ff 8000 80000000 ffffffff 8000000000000000 6162");
  ByteCursor cursor(bytes);
  EXPECT_EQ(cursor.Int8(), -1);
  EXPECT_EQ(cursor.Int16(), std::numeric_limits<int16_t>::min());
  EXPECT_EQ(cursor.Int32(), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(cursor.UInt32(), 0xffffffffu);
  EXPECT_EQ(cursor.Int64(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(cursor.remaining(), 2u);
  EXPECT_EQ(cursor.Text(2), "ab");
  EXPECT_EQ(cursor.position(), bytes.size());
  EXPECT_FALSE(cursor.failed());
}

TEST(ByteCursor, StaysFailedAndGivesZerosAfterABreach) {
  const auto bytes = FromHex("01020304 05060708");
  for (const int64_t length :
       {int64_t{-1}, int64_t{9}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    ByteCursor cursor(bytes);
    EXPECT_TRUE(cursor.Bytes(length).empty()) << length;
    EXPECT_TRUE(cursor.failed()) << length;
    EXPECT_EQ(cursor.Int32(), 0);
    EXPECT_EQ(cursor.ZigzagVarint(), 0);
    EXPECT_TRUE(cursor.Bytes(2).empty());
    EXPECT_TRUE(cursor.failed());
  }
}

TEST(ByteCursor, EveryFixedReadChecksItsWidth) {
  const std::vector<std::byte> bytes(8, std::byte{1});
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteCursor cursor(ByteSpan(bytes).first(size));
    EXPECT_EQ(cursor.Int64(), 0);
    EXPECT_TRUE(cursor.failed());
  }
}

struct VarintCase {
  const char* hex;
  int64_t value;
};

TEST(ByteCursor, Log11_VarintsAreZigzagWithTheLowGroupFirst) {
  for (const auto& [hex, value] : {VarintCase{"00", 0},
                                   {"01", -1},
                                   {"02", 1},
                                   {"7e", 63},
                                   {"7f", -64},
                                   {"8001", 64},
                                   {"8101", -65},
                                   {"feff03", 32767},
                                   {"feffffff0f", 2147483647},
                                   {"ffffffff0f", -2147483648LL}}) {
    const auto bytes = FromHex(hex);
    ByteCursor cursor(bytes);
    EXPECT_EQ(cursor.ZigzagVarint(), value) << hex;
    EXPECT_EQ(cursor.remaining(), 0u) << hex;
    EXPECT_FALSE(cursor.failed()) << hex;
    ByteCursor wide(bytes);
    EXPECT_EQ(wide.ZigzagVarlong(), value) << hex;
  }
}

TEST(ByteCursor, Log11_VarlongsReachBothEnds) {
  for (const auto& [hex, value] : {VarintCase{"feffffffffffffffff01", std::numeric_limits<int64_t>::max()},
                                   {"ffffffffffffffffff01", std::numeric_limits<int64_t>::min()}}) {
    const auto bytes = FromHex(hex);
    ByteCursor cursor(bytes);
    EXPECT_EQ(cursor.ZigzagVarlong(), value) << hex;
    EXPECT_FALSE(cursor.failed()) << hex;
  }
}

TEST(ByteCursor, Log11_ContinuationOnTheLastByteFails) {
  const auto five = FromHex("ffffffffff 00");
  ByteCursor varint(five);
  varint.ZigzagVarint();
  EXPECT_TRUE(varint.failed());
  const auto ten = FromHex("ffffffffffffffffffff 00");
  ByteCursor varlong(ten);
  varlong.ZigzagVarlong();
  EXPECT_TRUE(varlong.failed());
}

TEST(ByteCursor, Log11_SurplusBitsOfTheLastByteAreDropped) {
  const auto bytes = FromHex("ffffffff7f");
  ByteCursor cursor(bytes);
  EXPECT_EQ(cursor.UnsignedVarint(), 0xffffffffu);
  EXPECT_FALSE(cursor.failed());
}

TEST(ByteCursor, Log11_CutVarintFails) {
  const auto bytes = FromHex("ffff");
  ByteCursor cursor(bytes);
  cursor.ZigzagVarint();
  EXPECT_TRUE(cursor.failed());
}

}  // namespace
}  // namespace slipstream
