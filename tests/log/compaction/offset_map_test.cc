#include "log/compaction/offset_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace slipstream {
namespace {

TEST(OffsetMap, Log158_KnowsTheNewestOffsetOfEachKey) {
  OffsetMap map(1000, 1 << 20, 0.9);
  std::map<std::string, int64_t> model;
  std::mt19937_64 random(7);
  for (int64_t offset = 0; offset < 5000; ++offset) {
    const std::string key = "key " + std::to_string(random() % 1000);
    ASSERT_TRUE(map.Put(AsBytes(key), Offset{offset}));
    model[key] = offset;
  }
  EXPECT_EQ(map.size(), model.size());
  for (const auto& [key, offset] : model) EXPECT_EQ(map.Find(AsBytes(key)), Offset{offset}) << key;
  EXPECT_EQ(map.Find(AsBytes("key 1000")), std::nullopt);
}

TEST(OffsetMap, Log158_AnEmptyKeyIsAKey) {
  OffsetMap map(2, 1 << 20, 0.9);
  EXPECT_EQ(map.Find({}), std::nullopt);
  EXPECT_TRUE(map.Put({}, Offset{3}));
  EXPECT_EQ(map.Find({}), Offset{3});
}

TEST(OffsetMap, Log163_TakesTwentyFourBytesAKeyAndNoMoreThanAllowed) {
  OffsetMap map(1'000'000, 100 * OffsetMap::kEntryBytes, 0.5);
  EXPECT_EQ(map.size_max(), 50u);
  int64_t offset = 0;
  for (; offset < 50; ++offset) ASSERT_TRUE(map.Put(AsBytes(std::to_string(offset)), Offset{offset}));
  EXPECT_FALSE(map.Put(AsBytes("one more"), Offset{50}));
  EXPECT_EQ(map.Find(AsBytes("one more")), std::nullopt);
  EXPECT_TRUE(map.Put(AsBytes("7"), Offset{51})) << "a key that is there needs no room";
  EXPECT_EQ(map.Find(AsBytes("7")), Offset{51});
}

TEST(OffsetMap, Log163_HasRoomForOneKeyAtLeast) {
  OffsetMap map(0, 0, 0.9);
  EXPECT_TRUE(map.Put(AsBytes("a"), Offset{1}));
  EXPECT_FALSE(map.Put(AsBytes("b"), Offset{2}));
  EXPECT_EQ(map.Find(AsBytes("b")), std::nullopt);
}

TEST(OffsetMap, Log163_RoomForAllKeysThatThereMayBe) {
  for (const uint64_t keys : {1u, 2u, 3u, 10u, 1000u}) {
    OffsetMap map(keys, 1 << 20, 0.9);
    EXPECT_GE(map.size_max(), keys);
    EXPECT_LE(map.size_max(), keys + 2);
  }
}

}  // namespace
}  // namespace slipstream
