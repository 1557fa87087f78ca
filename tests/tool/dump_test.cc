#include "tool/dump.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "log/record_batch_writer.h"
#include "tests/support/hex.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Directories as Kafka 4.1.0 wrote them, and beside them what its own DumpLogSegments prints for their files.
const std::filesystem::path kGolden = std::filesystem::path(SLIPSTREAM_TEST_DATA) / "tool" / "golden";
constexpr char kFirstLog[] = "00000000000000000000.log";
constexpr char kFirstIndex[] = "00000000000000000000.index";
constexpr char kFirstTimeIndex[] = "00000000000000000000.timeindex";

class DumpTest : public ::testing::Test {
 protected:
  absl::Status Dump(const std::filesystem::path& path, const DumpOptions& options = {.deep = true}) {
    std::ostringstream out;
    const absl::Status status = DumpPath(io_, path, options, out);
    text_ = absl::StrReplaceAll(out.str(), {{path.native() + "/", ""}});
    return status;
  }
  // A copy of the golden partition that a test may spoil.
  std::filesystem::path Copy(const char* partition = "g-0") {
    std::filesystem::copy(kGolden / partition, dir_.path() / partition);
    return dir_.path() / partition;
  }
  std::string Content(const std::filesystem::path& path) { return *ReadWholeFile(io_, path); }
  void Put(const std::filesystem::path& path, absl::string_view content) {
    ASSERT_TRUE(ReplaceFile(io_, path, content).ok());
  }

  FileIo& io_ = SystemFileIo();
  TempDir dir_;
  std::string text_;
};

class GoldenDumpTest : public DumpTest, public ::testing::WithParamInterface<const char*> {};

// Kafka's tool knows no leader epoch and topic id files: those lines are ours alone.
TEST_P(GoldenDumpTest, SaysWhatKafkasOwnToolSays) {
  const absl::Status status = Dump(kGolden / GetParam());
  EXPECT_TRUE(status.ok()) << status << "\n" << text_;
  std::vector<std::string> ours, kafkas;
  std::istringstream our_lines(text_), kafka_lines(Content(kGolden / absl::StrCat(GetParam(), ".txt")));
  for (std::string line; std::getline(our_lines, line);) ours.push_back(line);
  for (std::string line; std::getline(kafka_lines, line);) kafkas.push_back(line);
  for (const std::string& line : kafkas) EXPECT_THAT(ours, ::testing::Contains(line));
  EXPECT_EQ(ours.size(), kafkas.size() + 4) << "the two small text files and their names\n" << text_;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenDumpTest, ::testing::Values("g-0", "glat-0"), [](const auto& test) {
  return absl::StrReplaceAll(test.param, {{"-", "_"}});
});

TEST_F(DumpTest, FilesComeInNameOrderWithTheTextFilesToo) {
  ASSERT_TRUE(Dump(kGolden / "g-0", {}).ok());
  size_t at = 0;
  for (const char* line :
       {"Dumping 00000000000000000000.index\noffset: 8 position: 308\noffset: 15 position: 715\n",
        "Dumping 00000000000000000000.log\nLog starting offset: 0\nbaseOffset: 0 ",
        "Dumping 00000000000000000000.timeindex\n", "Dumping 00000000000000000016.index\n",
        "Dumping 00000000000000000021.snapshot\n", "Dumping leader-epoch-checkpoint\nleaderEpoch: 0 startOffset: 0\n",
        "Dumping partition.metadata\ntopicId: "}) {
    at = text_.find(line, at);
    ASSERT_NE(at, std::string::npos) << line << "\n" << text_;
  }
  EXPECT_THAT(text_, Not(HasSubstr("| offset"))) << "records only when asked for";
}

TEST_F(DumpTest, LogDirFiles) {
  Put(dir_.path() / "recovery-point-offset-checkpoint", "0\n2\nt 0 17\nu 3 4\n");
  Put(dir_.path() / "meta.properties", Content(kGolden / "meta.properties"));
  Put(dir_.path() / "server.log", "not a segment");
  EXPECT_TRUE(Dump(dir_.path()).ok()) << text_;
  EXPECT_THAT(text_, HasSubstr("topic: t partition: 0 offset: 17\ntopic: u partition: 3 offset: 4\n"));
  EXPECT_THAT(text_, HasSubstr("nodeId: 1 directoryId: "));
  EXPECT_THAT(text_, HasSubstr("Skipping server.log\n"));
}

TEST_F(DumpTest, UnknownAndMissingPathsAreErrors) {
  Put(dir_.path() / "notes.txt", "x");
  EXPECT_TRUE(absl::IsInvalidArgument(Dump(dir_.path() / "notes.txt")));
  EXPECT_TRUE(absl::IsNotFound(Dump(dir_.path() / kFirstLog)));
  EXPECT_TRUE(absl::IsNotFound(Dump(dir_.path() / "gone")));
}

// What happened: both ended with success and no word.
TEST_F(DumpTest, DirectoriesWithNothingToShowAreErrors) {
  EXPECT_TRUE(absl::IsNotFound(Dump(dir_.path())));
  std::filesystem::create_directories(dir_.path() / "home" / "t-0");
  Put(dir_.path() / "home" / "notes.txt", "x");
  const absl::Status dumped = Dump(dir_.path() / "home");
  EXPECT_TRUE(absl::IsNotFound(dumped)) << dumped;
  EXPECT_THAT(std::string(dumped.message()), HasSubstr((dir_.path() / "home").native()));
}

// What happened: the program waited for a writer that never came.
TEST_F(DumpTest, APipeIsNoFile) {
  const auto path = dir_.path() / kFirstLog;
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(Dump(path)));
}

// The end of the file inside the last batch, at each of its bytes.
TEST_F(DumpTest, Log30_ACutTailIsReportedAtEveryByte) {
  const auto path = dir_.path() / "00000000000000000016.log";
  const std::string whole = Content(kGolden / "g-0" / path.filename());
  for (size_t size = 299; size < whole.size(); ++size) {
    Put(path, absl::string_view(whole).substr(0, size));
    const absl::Status status = Dump(path);
    EXPECT_TRUE(absl::IsDataLoss(status)) << size << ": " << status;
    EXPECT_THAT(text_, HasSubstr("the last batch, at byte 298, is cut")) << size;
    EXPECT_THAT(
        text_, HasSubstr(absl::StrCat("Found ", size - 298, " invalid bytes at the end of ", path.filename().native())))
        << size;
    EXPECT_THAT(text_, HasSubstr("position: 227 ")) << "whole batches before it are still shown";
  }
}

TEST_F(DumpTest, Log02_EveryFlippedByteOfABatchIsReported) {
  const auto path = dir_.path() / kFirstLog;
  const std::string whole = Content(kGolden / "g-0" / kFirstLog);
  for (size_t i = 177; i < 308; ++i) {            // the gzip batch
    if (i - 177 >= 12 && i - 177 < 16) continue;  // the leader epoch may be anything (LOG-03)
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    Put(path, bad);
    const absl::Status status = Dump(path);
    if (i - 177 < 8) continue;  // the base offset is not under the CRC: only a fall below the last batch shows
    EXPECT_FALSE(status.ok()) << "byte " << i << "\n" << text_;
    EXPECT_THAT(text_, HasSubstr("Problem: 00000000000000000000.log: ")) << "byte " << i;
  }
}

TEST_F(DumpTest, Log02_ABadCrcIsShownOnTheBatchAndTheRestFollows) {
  const auto path = Copy() / kFirstLog;
  std::string bytes = Content(path);
  bytes[10 * 8 - 10] ^= 1;  // in a record of the first batch
  Put(path, bytes);
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr("crc: 362694175 isvalid: false"));
  EXPECT_THAT(text_, HasSubstr("batch at byte 0: its CRC is "));
  EXPECT_THAT(text_, HasSubstr("baseOffset: 15 "));
}

TEST_F(DumpTest, Log31_CorruptFramingNamesTheByte) {
  const auto path = Copy() / kFirstLog;
  std::string bytes = Content(path);
  bytes[177 + 16] = 7;
  Put(path, bytes);
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_,
              HasSubstr("Problem: 00000000000000000000.log: record batch at byte 177: magic 7 is not 0, 1 or 2"));
  EXPECT_THAT(text_, HasSubstr("Found 609 invalid bytes"));
}

TEST_F(DumpTest, OldMessageFormatsAreNamed) {
  const auto path = Copy() / kFirstLog;
  std::string bytes = Content(path);
  bytes[16] = 1;
  Put(path, bytes);
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr("message format 1"));
}

TEST_F(DumpTest, Log65_OffsetsThatFallAreReported) {
  const auto path = dir_.path() / kFirstLog;
  const std::string whole = Content(kGolden / "g-0" / kFirstLog);
  Put(path, absl::StrCat(whole.substr(177, 131), whole.substr(0, 177)));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr("batch at byte 131: base offset below 6"));
  Put(dir_.path() / "00000000000000000004.log", whole.substr(177));
  EXPECT_TRUE(absl::IsDataLoss(Dump(dir_.path() / "00000000000000000004.log")));
  EXPECT_THAT(text_, HasSubstr("batch at byte 0: base offset below 4"));
}

TEST_F(DumpTest, Log72_RoomAllocatedAheadIsNoProblem) {
  const auto path = Copy();
  Put(path / kFirstLog, absl::StrCat(Content(path / kFirstLog), std::string(3 << 20, '\0')));
  Put(path / kFirstIndex, absl::StrCat(Content(path / kFirstIndex), std::string(800, '\0')));
  Put(path / kFirstTimeIndex, absl::StrCat(Content(path / kFirstTimeIndex), std::string(1200, '\0')));
  EXPECT_TRUE(Dump(path).ok()) << text_;
  EXPECT_THAT(text_, HasSubstr("Found 3145728 bytes allocated ahead at the end of 00000000000000000000.log"));
  EXPECT_THAT(text_, HasSubstr("Found 800 bytes allocated ahead at the end of 00000000000000000000.index"));
  EXPECT_THAT(text_, HasSubstr("Found 1200 bytes allocated ahead at the end of 00000000000000000000.timeindex"));
  Put(path / kFirstLog, absl::StrCat(Content(path / kFirstLog), "x"));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
}

struct IndexCase {
  const char* name;
  const char* hex;  // the index's whole content
  const char* message;
};

class BadIndexTest : public DumpTest, public ::testing::WithParamInterface<IndexCase> {};

TEST_P(BadIndexTest, Log94_IsReported) {
  const auto path = Copy() / kFirstIndex;
  Put(path, AsText(FromHex(GetParam().hex)));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadIndexTest,
    ::testing::Values(
        IndexCase{"size", "00000008 00000134 000000", "size 11 is no multiple of 8"},
        IndexCase{"offset", "00000007 00000134", "entry (offset: 7 position: 308): the batch there ends at offset 8"},
        IndexCase{"position", "00000008 00000135", "entry (offset: 8 position: 309): no batch of the log starts there"},
        IndexCase{"beyond", "00000008 00000134 00000010 00000500",
                  "entry (offset: 16 position: 1280): it lies beyond the last whole batch of the log"},
        IndexCase{"falling", "0000000f 000002cb 00000008 00000134", "(offset: 8 position: 308) does not rise"},
        IndexCase{"negative", "ffffffff 00000000 00000008 00000134", "(offset: -1 position: 0) below the base offset"}),
    [](const auto& test) { return test.param.name; });

class BadTimeIndexTest : public DumpTest, public ::testing::WithParamInterface<IndexCase> {};

TEST_P(BadTimeIndexTest, Log94_IsReported) {
  const auto path = Copy() / kFirstTimeIndex;
  Put(path, AsText(FromHex(GetParam().hex)));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr(GetParam().message));
}

// 1700000000063 = 0x18bcfe5683f belongs to offset 8.
INSTANTIATE_TEST_SUITE_P(
    All, BadTimeIndexTest,
    ::testing::Values(IndexCase{"size", "0000018bcfe5683f 00000008 00", "size 13 is no multiple of 12"},
                      IndexCase{"timestamp", "0000018bcfe56840 00000008",
                                "the largest timestamp of that batch is 1700000000063"},
                      IndexCase{"offset", "0000018bcfe5683f 00000007", "no batch of the log ends with that offset"},
                      IndexCase{"beyond", "0000018bcfe5683f 00000010", "beyond the last whole batch"},
                      IndexCase{"repeats", "0000018bcfe5683f 00000008 0000018bcfe5683f 00000008", "does not rise"}),
    [](const auto& test) { return test.param.name; });

TEST_F(DumpTest, Log94_AnIndexWithoutItsLogIsReported) {
  const auto path = Copy();
  std::filesystem::remove(path / kFirstLog);
  EXPECT_TRUE(absl::IsDataLoss(Dump(path / kFirstIndex)));
  EXPECT_THAT(text_, HasSubstr("there is no .log file beside it"));
}

TEST_F(DumpTest, Log197_SnapshotVectors) {
  const auto path = dir_.path() / "00000000000000000100.snapshot";
  Put(path, AsText(FromHex("0001 48674bc7 00000000")));
  EXPECT_TRUE(Dump(path).ok()) << text_;
  const auto one = FromHex(
      "0001 04682caa 00000001 000000000000002a 0001 00000009 0000000000000063 00000004 00000000000005dc 00000009 "
      "ffffffffffffffff");
  Put(path, AsText(one));
  EXPECT_TRUE(Dump(path).ok()) << text_;
  EXPECT_THAT(
      text_,
      HasSubstr(
          "producerId: 42 producerEpoch: 1 coordinatorEpoch: 9 currentTxnFirstOffset: OptionalLong.empty "
          "lastTimestamp: 1500 firstSequence: 5 lastSequence: 9 lastOffset: 99 offsetDelta: 4 timestamp: 1500\n"));
}

TEST_F(DumpTest, Log46_ABadSnapshotIsReported) {
  const auto path = dir_.path() / "00000000000000000100.snapshot";
  const auto good = FromHex(
      "0001 04682caa 00000001 000000000000002a 0001 00000009 0000000000000063 00000004 00000000000005dc 00000009 "
      "ffffffffffffffff");
  for (size_t size = 0; size < good.size(); ++size) {
    Put(path, AsText(ByteSpan(good).first(size)));
    EXPECT_TRUE(absl::IsDataLoss(Dump(path))) << size;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] ^= std::byte{1};
    Put(path, AsText(bad));
    EXPECT_TRUE(absl::IsDataLoss(Dump(path))) << i;
  }
}

TEST_F(DumpTest, Log43_Log198_AbortEntries) {
  const auto path = dir_.path() / "00000000000000000000.txnindex";
  const std::string entry(AsText(FromHex("0000 0000000000000001 0000000000000000 000000000000001d 0000000000000008")));
  Put(path, entry);
  EXPECT_TRUE(Dump(path).ok());
  EXPECT_THAT(text_, HasSubstr("version: 0 producerId: 1 firstOffset: 0 lastOffset: 29 lastStableOffset: 8\n"));
  Put(path, absl::StrCat(entry, entry.substr(0, 5)));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr("size 39 is no multiple of 34"));
  std::string newer = entry;
  newer[1] = 1;
  Put(path, newer);
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
}

TEST_F(DumpTest, MalformedTextFilesAreProblemsAndTheOthersFollow) {
  const auto path = Copy();
  Put(path / "leader-epoch-checkpoint", "0\n2\n0 0\n");
  Put(path / "partition.metadata", "version: \x1b[2J\n");
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr("Problem: leader-epoch-checkpoint: "));
  EXPECT_THAT(text_, HasSubstr("line 4: the line is missing"));
  EXPECT_THAT(text_, HasSubstr("Problem: partition.metadata: "));
  EXPECT_THAT(text_, Not(HasSubstr("\x1b"))) << "shown, not obeyed";
}

TEST_F(DumpTest, Bad11_AnOutsizedBatchIsReportedNotUnpacked) {
  RecordBatchWriter writer({.compression = Compression::kZstd});
  const std::string zeros(1 << 20, '0');
  writer.Append({.timestamp = {1}, .value = AsBytes(zeros)});
  const auto path = dir_.path() / kFirstLog;
  Put(path, AsText(*std::move(writer).Finish()));
  EXPECT_TRUE(Dump(path).ok());
  EXPECT_TRUE(absl::IsDataLoss(Dump(path, {.deep = true, .plain_bytes_max = 1000})));
  EXPECT_THAT(text_, HasSubstr("compressed records hold more than 1000 bytes"));
}

TEST_F(DumpTest, ControlCharactersAreShownNotObeyed) {
  RecordBatchWriter writer({.delete_horizon = Timestamp{99}});
  const std::vector<RecordHeader> headers = {{"h\n", std::nullopt}};
  writer.Append(
      {.timestamp = {1}, .key = AsBytes("a\x1b[2J"), .value = AsBytes("{\"x\":\"\xc3\xa9\\\"}"), .headers = headers});
  const auto path = dir_.path() / kFirstLog;
  Put(path, AsText(*std::move(writer).Finish()));
  EXPECT_TRUE(Dump(path).ok());
  EXPECT_THAT(text_, HasSubstr("headerKeys: [h\\x0a] key: a\\x1b[2J payload: {\"x\":\"\xc3\xa9\\\"}\n"));
  EXPECT_THAT(text_, HasSubstr("deleteHorizonMs: OptionalLong[99]"));
}

TEST_F(DumpTest, Log15_ControlRecordsOfOtherTypes) {
  RecordBatchWriter writer({.is_control = true});
  const auto leader_change = FromHex("00000002");
  const auto future = FromHex("00000063");
  const auto cut = FromHex("0000");
  writer.Append({.timestamp = {1}, .key = leader_change});
  writer.Append({.timestamp = {1}, .key = future});
  writer.Append({.timestamp = {1}, .key = cut});
  const auto path = dir_.path() / kFirstLog;
  Put(path, AsText(*std::move(writer).Finish()));
  EXPECT_TRUE(absl::IsDataLoss(Dump(path)));
  EXPECT_THAT(text_, HasSubstr(" controlType: LEADER_CHANGE\n"));
  EXPECT_THAT(text_, HasSubstr(" controlType: UNKNOWN\n"));
  EXPECT_THAT(text_, HasSubstr("control record key is cut"));
}

}  // namespace
}  // namespace slipstream
