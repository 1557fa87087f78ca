#include "log/meta_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

constexpr char kRealBrokersFile[] =
    "#\n#Sun Nov 22 10:20:59 UTC "
    "2026\nnode.id=1\ndirectory.id=9UqWUTaxuL_pm_egRcKe-g\nversion=1\ncluster.id=0_NbKlFoTPWDLeJhAzeBwg\n";

class MetaPropertiesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::optional<MetaProperties>> Read() { return ReadMetaProperties(io_, dir_.path()); }
  absl::StatusOr<std::optional<MetaProperties>> ReadText(absl::string_view content) {
    EXPECT_TRUE(ReplaceFile(io_, dir_.path() / "meta.properties", content).ok());
    return Read();
  }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
};

TEST_F(MetaPropertiesTest, Log54_ReadsWhatARealBrokerWrote) {
  const auto meta = ReadText(kRealBrokersFile);
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ((*meta)->cluster_id, "0_NbKlFoTPWDLeJhAzeBwg");
  EXPECT_EQ((*meta)->node_id, 1);
  EXPECT_EQ((*meta)->directory_id.ToString(), "9UqWUTaxuL_pm_egRcKe-g");
}

TEST_F(MetaPropertiesTest, Log54_RoundTripsWithAndWithoutADirectoryId) {
  for (const Uuid& directory_id : {Uuid{}, Uuid::Random()}) {
    for (const char* cluster : {"0_NbKlFoTPWDLeJhAzeBwg", "a cluster: with = # ! \\ signs"}) {
      ASSERT_TRUE(WriteMetaProperties(io_, dir_.path(), {cluster, 7, directory_id}).ok());
      const auto meta = Read();
      ASSERT_TRUE(meta.ok()) << meta.status();
      EXPECT_EQ((*meta)->cluster_id, cluster);
      EXPECT_EQ((*meta)->node_id, 7);
      EXPECT_EQ((*meta)->directory_id, directory_id);
    }
  }
}

TEST_F(MetaPropertiesTest, Log54_WritesVersion1) {
  ASSERT_TRUE(WriteMetaProperties(io_, dir_.path(), {"c", 3, {}}).ok());
  EXPECT_EQ(*ReadWholeFile(io_, dir_.path() / "meta.properties"), "cluster.id=c\nnode.id=3\nversion=1\n");
}

TEST_F(MetaPropertiesTest, Log54_JavasPropertyTextInItsVariants) {
  const auto meta = ReadText("! old\n\n  version = 1\r\nnode.id:4\r\ncluster.id\tx\\:y\r\n");
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ((*meta)->cluster_id, "x:y");
  EXPECT_EQ((*meta)->node_id, 4);
  EXPECT_TRUE((*meta)->directory_id.IsZero());
}

TEST_F(MetaPropertiesTest, Log54_ZooKeeperErasVersion0NamesTheBroker) {
  const auto meta = ReadText("version=0\nbroker.id=5\ncluster.id=c\n");
  ASSERT_TRUE(meta.ok()) << meta.status();
  EXPECT_EQ((*meta)->node_id, 5);
}

TEST_F(MetaPropertiesTest, NoFileIsNoProperties) {
  const auto meta = Read();
  ASSERT_TRUE(meta.ok());
  EXPECT_FALSE(meta->has_value());
}

TEST_F(MetaPropertiesTest, Log54_RefusalsNameFileAndKey) {
  struct Case {
    const char* content;
    const char* message;
  };
  for (const auto& [content, message] : {Case{"", "no value for version"},
                                         {"version=2\nnode.id=1\ncluster.id=c\n", "version 2"},
                                         {"version=x\n", "version 'x'"},
                                         {"version=1\nnode.id=1\n", "cluster.id"},
                                         {"version=1\ncluster.id=c\n", "node.id"},
                                         {"version=1\nnode.id=-1\ncluster.id=c\n", "node.id '-1'"},
                                         {"version=1\nnode.id=1\ncluster.id=\n", "cluster.id"},
                                         {"version=0\nnode.id=1\ncluster.id=c\n", "broker.id"},
                                         {"version=1\nnode.id=1\ncluster.id=c\ndirectory.id=x\n", "directory.id"},
                                         {"version=1\ngarbage\n", "'garbage'"},
                                         {"=1\n", "'=1'"},
                                         {"version=1\nnode.id=1\ncluster.id=a\\u0041\n", "cluster.id=a"},
                                         {"version=1\nnode.id=1\ncluster.id=a\\\n", "cluster.id=a"}}) {
    const auto meta = ReadText(content);
    EXPECT_TRUE(absl::IsDataLoss(meta.status())) << content << ": " << meta.status();
    EXPECT_THAT(std::string(meta.status().message()), HasSubstr("meta.properties: ")) << content;
    EXPECT_THAT(std::string(meta.status().message()), HasSubstr(message)) << content;
  }
}

TEST_F(MetaPropertiesTest, Log56_TheCleanMarkIsTakenOnce) {
  EXPECT_FALSE(*TakeCleanShutdownMark(io_, dir_.path()));
  ASSERT_TRUE(WriteCleanShutdownMark(io_, dir_.path()).ok());
  EXPECT_EQ(*ReadWholeFile(io_, dir_.path() / ".kafka_cleanshutdown"), R"({"version":0,"brokerEpoch":-1})");
  EXPECT_TRUE(*TakeCleanShutdownMark(io_, dir_.path()));
  EXPECT_FALSE(io_.Exists(dir_.path() / ".kafka_cleanshutdown"));
  EXPECT_FALSE(*TakeCleanShutdownMark(io_, dir_.path()));
}

TEST_F(MetaPropertiesTest, Log56_ExistenceCountsNotContent) {
  ASSERT_TRUE(ReplaceFile(io_, dir_.path() / ".kafka_cleanshutdown", "rubbish").ok());
  EXPECT_TRUE(*TakeCleanShutdownMark(io_, dir_.path()));
}

}  // namespace
}  // namespace slipstream
