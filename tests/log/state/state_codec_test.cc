#include "log/state/state_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "tests/support/hex.h"

namespace slipstream {
namespace {

// Rising values: each comes back, and their encodings rise with them.
template <typename T>
void RoundTripsInOrder(const std::vector<T>& rising) {
  std::string before;
  for (const T& value : rising) {
    const std::string encoded = EncodeState(value);
    const auto decoded = DecodeState<T>(encoded);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(std::get<0>(*decoded), value);
    EXPECT_LT(before, encoded);
    before = encoded;
  }
}

const std::vector<std::string> kTexts{"",
                                      std::string(1, '\0'),
                                      std::string(2, '\0'),
                                      std::string("\0\x01", 2),
                                      std::string("\0\xff", 2),
                                      "\x01",
                                      "a",
                                      std::string("a\0", 2),
                                      std::string("a\0b", 3),
                                      "a\x01",
                                      "aa",
                                      "b",
                                      "\x7f",
                                      "\x80",
                                      "\xff",
                                      "\xff\xff"};

TEST(StateCodecTest, NumbersKeepTheirOrder) {
  RoundTripsInOrder<int32_t>(
      {std::numeric_limits<int32_t>::min(), -256, -1, 0, 1, 255, 256, std::numeric_limits<int32_t>::max()});
  RoundTripsInOrder<int64_t>({std::numeric_limits<int64_t>::min(), -(int64_t{1} << 40), -1, 0, 1, int64_t{1} << 32,
                              std::numeric_limits<int64_t>::max()});
  RoundTripsInOrder<Offset>({{-1}, {0}, {255}, {256}, {std::numeric_limits<int64_t>::max()}});
  RoundTripsInOrder<LeaderEpoch>({{-1}, {0}, {7}});
  RoundTripsInOrder<Timestamp>({{-1}, {0}, {1'700'000'000'000}});
}

TEST(StateCodecTest, TextKeepsItsOrderWhateverItsBytes) { RoundTripsInOrder(kTexts); }

TEST(StateCodecTest, PartitionsSortByTopicThenPartition) {
  RoundTripsInOrder<TopicPartition>({{"a", 0}, {"a", 1}, {"a", 255}, {"a", 256}, {"a-", 0}, {"ab", 0}, {"b", 0}});
}

TEST(StateCodecTest, Bytes) {
  EXPECT_EQ(EncodeState(int32_t{1}), AsText(FromHex("80000001")));
  EXPECT_EQ(EncodeState(Offset{-1}), AsText(FromHex("7fffffffffffffff")));
  EXPECT_EQ(EncodeState(std::string("a\0b", 3)), AsText(FromHex("61 00ff 62 0001")));
  EXPECT_EQ(EncodeState(TopicPartition{"t", 2}), AsText(FromHex("74 0001 80000002")));
}

TEST(StateCodecTest, PartsJoinedSortPartByPart) {
  std::vector<std::pair<std::string, int32_t>> values;
  for (const std::string& text : kTexts)
    for (const int32_t number : {-1, 0, 255}) values.emplace_back(text, number);
  std::vector<std::string> encodings;
  for (const auto& [text, number] : values) {
    encodings.push_back(EncodeState(text, number));
    const auto decoded = DecodeState<std::string, int32_t>(encodings.back());
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, std::make_tuple(text, number));
  }
  EXPECT_TRUE(std::ranges::is_sorted(encodings));
}

TEST(StateCodecTest, NoEncodingBeginsWithAnother) {
  for (const std::string& one : kTexts)
    for (const std::string& other : kTexts) EXPECT_EQ(EncodeState(other).starts_with(EncodeState(one)), one == other);
}

TEST(StateCodecTest, OnlyExactEncodingsAreRead) {
  const std::string encoded = EncodeState(TopicPartition{std::string("a\0b", 3), 7});
  for (size_t size = 0; size < encoded.size(); ++size)
    EXPECT_FALSE(DecodeState<TopicPartition>(absl::string_view(encoded).substr(0, size))) << size;
  EXPECT_FALSE(DecodeState<TopicPartition>(encoded + "x"));
  EXPECT_FALSE(DecodeState<std::string>(AsText(FromHex("61 0002"))));  // an escape that is none
}

struct Position {
  Offset source, target;
  bool operator==(const Position&) const = default;
};

}  // namespace

template <>
struct StateCodec<Position> {
  static void Encode(std::string& out, const Position& position) { AppendState(out, position.source, position.target); }
  static Position Decode(ByteCursor& in) { return ReadState<Position, Offset, Offset>(in); }
};

namespace {

TEST(StateCodecTest, AStructIsItsFieldsInTurn) {
  const Position position{{1}, {2}};
  EXPECT_EQ(EncodeState(position), EncodeState(Offset{1}, Offset{2}));
  EXPECT_EQ(std::get<0>(*DecodeState<Position>(EncodeState(position))), position);
}

}  // namespace
}  // namespace slipstream
