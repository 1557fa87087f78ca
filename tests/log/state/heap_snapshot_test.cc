#include "log/state/heap_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/crc32c.h"
#include "tests/support/hex.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Encode(const std::vector<HeapState>& states) {
  HeapSnapshotEncoder encoder;
  for (const HeapState& state : states) encoder.Add(state.spec, state.entries);
  return *std::move(encoder).Finish();
}

const std::vector<HeapState> kStates{
    {{"a", StateKind::kValue}, {}},
    {{"b", StateKind::kList}, {{"k", {"v1", Timestamp{258}}}, {std::string("k\0", 2), {""}}}}};

// `body` under a right header.
std::string Sealed(absl::string_view body) {
  std::vector<std::byte> content(6);
  content[1] = std::byte{1};
  content.insert(content.end(), AsBytes(body).begin(), AsBytes(body).end());
  WriteBigEndian<uint32_t>(content, 2, Crc32c(ByteSpan(content).subspan(6)));
  return std::string(AsText(content));
}

std::string Fault(absl::string_view content) {
  const absl::Status status = DecodeHeapSnapshot(AsBytes(content)).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  return std::string(status.message());
}

TEST(HeapSnapshotTest, Bytes) {
  EXPECT_EQ(Encode({}), Sealed(AsText(FromHex("00000000"))));
  EXPECT_EQ(Encode(kStates), Sealed(AsText(FromHex("00000002"
                                                   "00000001 61 00 00000000"
                                                   "00000001 62 01 00000002"
                                                   "00000001 6b 0000000000000102 00000002 7631"
                                                   "00000002 6b00 0000000000000000 00000000"))));
}

TEST(HeapSnapshotTest, RoundTrip) {
  EXPECT_EQ(*DecodeHeapSnapshot(AsBytes(Encode(kStates))), kStates);
  EXPECT_THAT(*DecodeHeapSnapshot(AsBytes(Encode({}))), IsEmpty());
}

TEST(HeapSnapshotTest, CutOrLengthenedOrWithAnyBitTurnedItIsDataLoss) {
  const std::string good = Encode(kStates);
  for (size_t size = 0; size < good.size(); ++size) Fault(good.substr(0, size));
  EXPECT_THAT(Fault(good + "x"), HasSubstr("its CRC is"));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Fault(bad);
  }
}

TEST(HeapSnapshotTest, WhatIsWrongUnderARightCrcIsNamed) {
  const auto fault = [](absl::string_view hex) { return Fault(Sealed(AsText(FromHex(hex)))); };
  EXPECT_EQ(Fault("short"), "size 5 is below 10");
  EXPECT_EQ(Fault(AsText(FromHex("0002 00000000 00000000"))), "version 2, only 1 is known");
  EXPECT_EQ(fault("00000000 00"), "1 bytes follow the 0 states");
  EXPECT_EQ(fault("ffffffff"), "-1 states");
  EXPECT_THAT(fault("7fffffff"), HasSubstr("no state begins"));                          // allocates nothing
  EXPECT_THAT(fault("00000001 00000001 61 03 00000000"), HasSubstr("no state begins"));  // a checkpoint is elsewhere
  EXPECT_THAT(fault("00000001 00000001 61 00 ffffffff"), HasSubstr("no state begins"));
  EXPECT_THAT(fault("00000001 00000001 2f 00 00000000"), HasSubstr("no state begins"));  // named "/"
  EXPECT_EQ(fault("00000002 00000001 61 00 00000000 00000001 61 01 00000000"), "state 'a' is there twice");
  const std::string entry = "00000001 6b 0000000000000000 00000000", expiry = "00000001 6b ffffffffffffffff 00000000";
  EXPECT_EQ(fault("00000001 00000001 61 00 00000002" + entry + entry), "entry 1 of 2 of state 'a' is broken");
  EXPECT_EQ(fault("00000001 00000001 61 00 00000001" + expiry), "entry 0 of 1 of state 'a' is broken");
  EXPECT_EQ(fault("00000001 00000001 61 00 7fffffff"), "entry 0 of 2147483647 of state 'a' is broken");
}

TEST(HeapSnapshotTest, TheFileIsNamed) {
  MemoryIo io;
  EXPECT_TRUE(absl::IsNotFound(ReadHeapSnapshot(io, "d").status()));
  ASSERT_TRUE(WriteHeapSnapshot(io, "d", "nonsense").ok());
  const absl::Status status = ReadHeapSnapshot(io, "d").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_EQ(status.message(), "d/heap-states: size 8 is below 10");
  ASSERT_TRUE(WriteHeapSnapshot(io, "d", Encode(kStates)).ok());
  EXPECT_EQ(*ReadHeapSnapshot(io, "d"), kStates);
}

}  // namespace
}  // namespace slipstream
