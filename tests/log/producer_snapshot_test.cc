#include "log/producer_snapshot.h"

#include <gmock/gmock.h>

#include "log/crc32c.h"
#include "tests/support/batches.h"
#include "tests/support/hex.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

ProducerStateTable TableOfProducer42() {
  ProducerState state;
  state.epoch = 1;
  state.coordinator_epoch = 9;
  state.last_timestamp = {1500};
  state.AddBatch({9, Offset{99}, 4, Timestamp{1500}});
  ProducerStateTable table;
  table.Restore(42, state);
  table.AdvanceEndTo(Offset{100});
  return table;
}

TEST(ProducerSnapshotTest, Log44_Log197_Vectors) {
  EXPECT_EQ(EncodeProducerSnapshot({}), AsText(FromHex("0001 48674bc7 00000000")));
  EXPECT_EQ(EncodeProducerSnapshot(TableOfProducer42()),
            AsText(FromHex("0001 04682caa 00000001 000000000000002a 0001 00000009 0000000000000063 00000004 "
                           "00000000000005dc 00000009 ffffffffffffffff")));
}

TEST(ProducerSnapshotTest, Log44_RoundTripKeepsTheLastBatchAndTheOpenTransaction) {
  ProducerStateTable table = TableOfProducer42();
  ProducerState marked;  // has written nothing but a marker
  marked.epoch = 3;
  marked.coordinator_epoch = 2;
  marked.last_timestamp = {7};
  table.Restore(7, marked);
  ProducerState open;
  open.epoch = 0;
  open.last_timestamp = {8};
  open.AddBatch({5, Offset{60}, 5, Timestamp{6}});
  open.AddBatch({8, Offset{70}, 2, Timestamp{8}});
  open.transaction_first_offset = Offset{55};
  table.Restore(8, open);

  const std::string encoded = EncodeProducerSnapshot(table);
  const auto entries = DecodeProducerSnapshot(AsBytes(encoded));
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 3u);
  for (const ProducerSnapshotEntry& entry : *entries) {
    ProducerState expected = *table.Find(entry.producer_id);
    if (entry.producer_id == 8) {
      expected.batch_count = 0;
      expected.batches = {};
      expected.AddBatch({8, Offset{70}, 2, Timestamp{8}});
    }
    EXPECT_EQ(entry.state, expected) << entry.producer_id;
  }
}

TEST(ProducerSnapshotTest, Log46_DamageIsNamed) {
  const std::string good = EncodeProducerSnapshot(TableOfProducer42());
  const auto fault = [](absl::string_view content) {
    const absl::Status status = DecodeProducerSnapshot(AsBytes(content)).status();
    EXPECT_TRUE(absl::IsDataLoss(status));
    return std::string(status.message());
  };
  EXPECT_EQ(fault(""), "size 0 is below 10");
  EXPECT_THAT(fault(good.substr(0, good.size() - 1)), testing::HasSubstr("its CRC is"));
  EXPECT_THAT(fault(good + "x"), testing::HasSubstr("its CRC is"));
  std::string version = good;
  version[1] = 2;
  EXPECT_EQ(fault(version), "version 2 is not known");
  std::vector<std::byte> count(AsBytes(good).begin(), AsBytes(good).end());
  WriteBigEndian<int32_t>(count, 6, 2);
  WriteBigEndian<uint32_t>(count, 2, Crc32c(ByteSpan(count).subspan(6)));
  EXPECT_EQ(fault(AsText(count)), "2 entries in 46 bytes");
}

class ProducerSnapshotFilesTest : public testing::Test {
 protected:
  void Write(int64_t end) {
    ProducerStateTable table;
    table.AdvanceEndTo(Offset{end});
    ProducerState state;
    state.epoch = static_cast<int16_t>(end);
    table.Restore(1, state);
    ASSERT_TRUE(WriteProducerSnapshot(io_, "p", table).ok());
  }
  void Damage(int64_t end) {
    const auto file = io_.Open(ProducerSnapshotPath("p", Offset{end}), OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate(11).ok());
  }
  // The end of what is loaded for a bound; the epoch of its producer must be the same number.
  int64_t Loaded(int64_t bound, int64_t start = 0) {
    std::vector<Offset> snapshots = *ListProducerSnapshots(io_, "p");
    const auto table = LoadProducerSnapshot(io_, "p", snapshots, Offset{bound}, Offset{start});
    EXPECT_EQ(snapshots, *ListProducerSnapshots(io_, "p")) << "one that is removed is not listed any more";
    EXPECT_TRUE(table.ok()) << table.status();
    if (table->Find(1) != nullptr) {
      EXPECT_EQ(table->Find(1)->epoch, table->end_offset().value);
    }
    return table->end_offset().value;
  }

  MemoryIo io_;
};

TEST_F(ProducerSnapshotFilesTest, Log118_TheNewestWithinBoundsIsLoaded) {
  for (const int64_t end : {10, 20, 30}) Write(end);
  EXPECT_EQ(Loaded(100), 30);
  EXPECT_EQ(Loaded(29), 20);
  EXPECT_EQ(Loaded(9), 0);
  EXPECT_EQ(Loaded(19, 15), 15);  // below the log start there is nothing to know
}

TEST_F(ProducerSnapshotFilesTest, Log46_ADamagedOneIsRemovedAndTheNextOlderTaken) {
  for (const int64_t end : {10, 20, 30}) Write(end);
  Damage(30);
  Damage(20);
  EXPECT_EQ(Loaded(100), 10);
  EXPECT_THAT(*ListProducerSnapshots(io_, "p"), ElementsAre(Offset{10}));
}

TEST_F(ProducerSnapshotFilesTest, Log45_ALongerOneIsReplacedWhole) {
  ProducerStateTable large = TableOfProducer42();
  large.AdvanceEndTo(Offset{100});
  for (int64_t producer = 50; producer < 60; ++producer) large.Restore(producer, ProducerState{});
  ASSERT_TRUE(WriteProducerSnapshot(io_, "p", large).ok());
  const uint64_t size = ReadWholeFile(io_, ProducerSnapshotPath("p", Offset{100}))->size();
  Write(100);
  EXPECT_LT(ReadWholeFile(io_, ProducerSnapshotPath("p", Offset{100}))->size(), size);
  EXPECT_EQ(Loaded(100), 100);
}

// What happened: above 64 MiB they were written, and never read again.
TEST_F(ProducerSnapshotFilesTest, Log45_OneOfMillionsOfProducersIsReadToo) {
  constexpr int64_t kProducers = 1'500'000;
  ProducerStateTable table;
  table.AdvanceEndTo(Offset{7});
  for (int64_t producer = 0; producer < kProducers; ++producer) table.Restore(producer, ProducerState{});
  ASSERT_TRUE(WriteProducerSnapshot(io_, "p", table).ok());
  std::vector<Offset> snapshots = {Offset{7}};
  const auto loaded = LoadProducerSnapshot(io_, "p", snapshots, Offset{7}, Offset{0});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_NE(loaded->Find(kProducers - 1), nullptr);
}

}  // namespace
}  // namespace slipstream
