#include "fetcher/leader/record_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fetcher/leader/generated_run.h"
#include "log/compression.h"
#include "log/record.h"
#include "tests/fetcher/leader_fixture.h"

namespace slipstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(GenerateOptions, BoundsAreNamed) {
  EXPECT_TRUE(GenerateOptions{}.Validate().ok());
  EXPECT_THAT(std::string(GenerateOptions{.batch_bytes = 100}.Validate().message()),
              HasSubstr("generate-batch-bytes is 100, must be 512 to"));
  EXPECT_THAT(std::string(GenerateOptions{.epochs = 0}.Validate().message()), HasSubstr("generate-epochs is 0"));
}

// What the batches of a run hold, value by value.
std::vector<std::string> Values(ByteSpan batches) {
  std::vector<std::string> values;
  BatchWalker walker(batches);
  while (walker.Next()) {
    RecordCursor cursor(walker.batch(), walker.batch().records());
    while (cursor.Next()) values.emplace_back(AsText(*cursor.record().value));
    EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  }
  return values;
}

TEST(GeneratedRun, BatchesAreWholeAndStandWhereTheyAreTold) {
  absl::StatusOr<GeneratedRun> run = GeneratedRun::Build(10'000, 50'000);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->batch_count(), 5u);
  EXPECT_NEAR(static_cast<double>(run->batch_size()), 10'000, 1'100);
  const ByteSpan bytes = run->Renew(3, {700}, {4}, {1'000'000}, 1);
  BatchWalker walker(bytes);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(walker.Next());
    EXPECT_TRUE(walker.batch().CrcValid());
    EXPECT_EQ(walker.batch().base_offset(), Offset{700 + i * run->records_per_batch()});
    EXPECT_EQ(walker.batch().partition_leader_epoch(), LeaderEpoch{4});
    EXPECT_EQ(walker.batch().max_timestamp(), Timestamp{1'000'000 + i});
  }
  EXPECT_FALSE(walker.Next());
}

TEST(GeneratedRun, ContentsFollowFromSeedEpochAndOffset) {
  GeneratedRun run = *GeneratedRun::Build(2'000, 4'000);
  const auto values = [&](int64_t offset, int32_t epoch, uint64_t seed) {
    return Values(run.Renew(1, {offset}, {epoch}, {0}, seed));
  };
  const std::vector<std::string> first = values(0, 0, 1);
  EXPECT_NE(values(run.records_per_batch(), 0, 1), first);
  EXPECT_NE(values(0, 1, 1), first);
  EXPECT_NE(values(0, 0, 2), first);
  EXPECT_EQ(values(0, 0, 1), first);
}

TEST(GeneratedRun, ContentsDoNotCompress) {
  GeneratedRun run = *GeneratedRun::Build(100'000, 100'000);
  const ByteSpan bytes = run.Renew(1, {0}, {0}, {0}, 1);
  EXPECT_GT(Compress(Compression::kZstd, bytes).size(), bytes.size() * 95 / 100);
}

class GenerateRecordsTest : public LeaderTest {
 protected:
  absl::Status Generate(const GenerateSpec& spec, const GenerateOptions& options = {.batch_bytes = 5'000}) {
    return Await(GenerateRecords(*catalog_, queue_, spec, options, [] { return false; }));
  }
  static std::vector<EpochStart> Epochs(const HostedTopic& topic, int32_t partition) {
    return topic.Find(partition)->log.epochs().entries();
  }
};

TEST_F(GenerateRecordsTest, FillsANewTopicInSeveralLeaderEpochs) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 2, .bytes = 3'000'000}).ok());
  HostedTopic* const topic = catalog_->Find("demo");
  ASSERT_NE(topic, nullptr);
  ASSERT_EQ(topic->partitions.size(), 2u);
  for (const int32_t p : {0, 1}) {
    const PartitionLog& log = topic->Find(p)->log;
    EXPECT_NEAR(static_cast<double>(log.size_bytes()), 1'500'000, 10'000);
    EXPECT_GT(log.segment_count(), 1u);
    EXPECT_EQ(log.high_watermark(), log.log_end_offset());
    const std::vector<EpochStart> epochs = Epochs(*topic, p);
    ASSERT_EQ(epochs.size(), 3u);
    EXPECT_EQ(epochs[1].start_offset.value, log.log_end_offset().value / 3);
    EXPECT_EQ(topic->Find(p)->leader_epoch, LeaderEpoch{2});
  }
}

TEST_F(GenerateRecordsTest, GoesOnWhereATopicEnds) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 1, .bytes = 100'000}, {.batch_bytes = 5'000, .epochs = 1}).ok());
  const Offset end = catalog_->Find("demo")->Find(0)->log.log_end_offset();
  Reopen();
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 1, .bytes = 100'000}, {.batch_bytes = 5'000, .epochs = 1}).ok());
  HostedTopic* const topic = catalog_->Find("demo");
  EXPECT_EQ(topic->partitions.size(), 1u);
  EXPECT_EQ(Epochs(*topic, 0), (std::vector<EpochStart>{{{0}, {0}}, {{1}, end}}));
  EXPECT_EQ(topic->Find(0)->log.log_end_offset().value, 2 * end.value);
}

// What happened: the file knew the epoch of the start only, so that the next start gave the last generated one again,
// to other records.
TEST_F(GenerateRecordsTest, NoGeneratedEpochIsGivenTwiceThoughAPowerCutTookItsRecords) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 2, .bytes = 100'000}).ok());
  for (const auto& [number, partition] : catalog_->Find("demo")->partitions) {
    EXPECT_EQ(partition->leader_epoch, LeaderEpoch{2});
    ASSERT_TRUE(partition->log.TruncateTo(Epochs(*catalog_->Find("demo"), number).at(1).start_offset).ok());
  }
  Reopen();
  for (const auto& [number, partition] : catalog_->Find("demo")->partitions)
    EXPECT_EQ(partition->leader_epoch, LeaderEpoch{3});
}

// What happened: the number asked for was dropped without a word.
TEST_F(GenerateRecordsTest, ATopicWithAnotherNumberOfPartitionsIsAnError) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 2, .bytes = 100'000}).ok());
  const Offset end = catalog_->Find("demo")->Find(0)->log.log_end_offset();
  for (const int32_t partitions : {1, 9}) {
    const absl::Status status = Generate({.topic = "demo", .partitions = partitions, .bytes = 100'000});
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("demo"), HasSubstr("2 partitions"), HasSubstr(absl::StrCat(partitions, " were"))));
  }
  EXPECT_EQ(catalog_->Find("demo")->Find(0)->log.log_end_offset(), end);
}

TEST_F(GenerateRecordsTest, ASmallShareIsABatchAtLeast) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 3, .bytes = 1}).ok());
  for (const auto& [number, partition] : catalog_->Find("demo")->partitions)
    EXPECT_EQ(partition->log.epochs().entries().size(), 3u);
}

TEST_F(GenerateRecordsTest, StopsWhenAsked) {
  int asked = 0;
  const auto status = Await(GenerateRecords(*catalog_, queue_, {.topic = "demo", .partitions = 1, .bytes = 1 << 20},
                                            {.batch_bytes = 5'000}, [&] { return ++asked > 1; }));
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(GenerateRecordsTest, ACutLogGetsOtherRecordsInTheNextLeaderEpoch) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 1, .bytes = 500'000}).ok());
  HostedPartition* partition = catalog_->Find("demo")->Find(0);
  const Offset end = partition->log.log_end_offset();
  const uint64_t size = partition->log.size_bytes();
  const auto cuts = CutLogs(*catalog_, {.topic = "demo", .bytes = 100'000});
  ASSERT_TRUE(cuts.ok()) << cuts.status();
  EXPECT_NEAR(static_cast<double>(size - partition->log.size_bytes()), 100'000, 6'000);
  const Offset cut = partition->log.log_end_offset();
  EXPECT_LT(cut, end);
  ASSERT_EQ(cuts->size(), 1u);
  EXPECT_EQ(cuts->front().partition, (TopicPartition{"demo", 0}));
  EXPECT_EQ(cuts->front().from, end);
  EXPECT_EQ(cuts->front().to, cut);
  EXPECT_LE(partition->log.high_watermark(), cut);
  Reopen();
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 1, .bytes = 200'000}).ok());
  partition = catalog_->Find("demo")->Find(0);
  EXPECT_EQ(partition->log.EndOffsetForEpoch({2}).end_offset, cut);
  EXPECT_EQ(partition->log.epochs().latest_epoch(), LeaderEpoch{5});
}

TEST_F(GenerateRecordsTest, ACutTakesABatchAtLeastAndTheWholeLogAtMost) {
  ASSERT_TRUE(Generate({.topic = "demo", .partitions = 1, .bytes = 100'000}).ok());
  PartitionLog& log = catalog_->Find("demo")->Find(0)->log;
  const Offset end = log.log_end_offset();
  ASSERT_TRUE(CutLogs(*catalog_, {.topic = "demo", .bytes = 1}).ok());
  EXPECT_LT(log.log_end_offset(), end);
  EXPECT_GE(log.log_end_offset(), end + -10);
  ASSERT_TRUE(CutLogs(*catalog_, {.topic = "demo", .bytes = uint64_t{1} << 50}).ok());
  EXPECT_EQ(log.log_end_offset(), log.log_start_offset());
  const auto nothing = CutLogs(*catalog_, {.topic = "demo", .bytes = 1});
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->at(0).from, nothing->at(0).to);
  EXPECT_EQ(nothing->at(0).Describe({4}), "demo-0: holds no records, ends at offset 0, new leader epoch 4");
  EXPECT_EQ((CutPartition{{"demo", 7}, {12}, {5}}.Describe({4})),
            "demo-7: cut from offset 12 to 5, new leader epoch 4");
  EXPECT_TRUE(absl::IsNotFound(CutLogs(*catalog_, {.topic = "nowhere", .bytes = 1}).status()));
}

}  // namespace
}  // namespace slipstream
