#include "log/io/io_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <filesystem>
#include <fstream>
#include <random>

namespace slipstream {
namespace {

class IoRingTest : public ::testing::Test {
 protected:
  IoRingTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "io_ring_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~IoRingTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<File> Create(const std::string& name) {
    auto file = SystemFileIo().Open(directory_ / name, OpenMode::kCreate);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  std::filesystem::path directory_;
};

std::vector<std::byte> Pattern(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

struct WriteJob {
  File* file;
  ByteSpan bytes;
  FilePosition at;
  WriteHint hint;
};

asio::awaitable<void> WriteOne(IoQueue& queue, WriteJob job, int& done, absl::Status& status) {
  const absl::Status written = co_await queue.Write(*job.file, job.bytes, job.at, job.hint);
  status.Update(written);
  ++done;
}

asio::awaitable<void> SyncOne(IoQueue& queue, File& file, absl::Status& status) { status = co_await queue.Sync(file); }

asio::awaitable<void> RemoveOne(IoQueue& queue, std::filesystem::path path, absl::Status& status) {
  status = co_await queue.Remove(SystemFileIo(), path);
}

// Runs the context until `done` reaches `count`; the ring's drain loop alone would keep run() from returning.
void RunUntil(asio::io_context& io, const int& done, int count) {
  while (done < count) io.run_one();
}

TEST_F(IoRingTest, Inv21_MoreWritesThanSlotsAllLandWhereTheyBelong) {
  constexpr size_t kBytes = 128 << 10;
  constexpr int kWrites = 40;
  const std::vector<std::byte> content = Pattern(kBytes * kWrites, 7);
  asio::io_context io;
  auto ring = IoRing::Create(io, 4);
  ASSERT_TRUE(ring.ok()) << ring.status();
  const std::unique_ptr<File> file = Create("many");
  int done = 0;
  absl::Status status;
  for (int i = kWrites - 1; i >= 0; --i) {
    const WriteJob job{file.get(), ByteSpan(content).subspan(i * kBytes, kBytes), FilePosition{i * kBytes},
                       i % 2 == 0 ? WriteHint::kBulk : WriteHint::kCached};
    asio::co_spawn(io, WriteOne(**ring, job, done, status), asio::detached);
  }
  RunUntil(io, done, kWrites);
  ASSERT_TRUE(status.ok()) << status;
  std::vector<std::byte> back(content.size());
  ASSERT_EQ(*file->ReadAt(back, FilePosition{0}), content.size());
  EXPECT_EQ(back, content);
}

TEST_F(IoRingTest, AWriteErrorNamesTheFile) {
  asio::io_context io;
  auto ring = IoRing::Create(io);
  ASSERT_TRUE(ring.ok()) << ring.status();
  Create("readonly");
  auto file = SystemFileIo().Open(directory_ / "readonly", OpenMode::kRead);
  ASSERT_TRUE(file.ok());
  const std::vector<std::byte> content = Pattern(1 << 20, 1);
  int done = 0;
  absl::Status status;
  asio::co_spawn(io, WriteOne(**ring, {file->get(), content, {}, WriteHint::kBulk}, done, status), asio::detached);
  RunUntil(io, done, 1);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("readonly"));
}

TEST_F(IoRingTest, SyncReportsSuccess) {
  asio::io_context io;
  auto ring = IoRing::Create(io);
  ASSERT_TRUE(ring.ok()) << ring.status();
  const std::unique_ptr<File> file = Create("synced");
  absl::Status status = absl::UnknownError("not run");
  asio::co_spawn(io, SyncOne(**ring, *file, status), asio::detached);
  while (absl::IsUnknown(status)) io.run_one();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(IoRingTest, ARemovedFileIsGoneAndWhatIsNotThereIsNoError) {
  asio::io_context io;
  auto ring = IoRing::Create(io);
  ASSERT_TRUE(ring.ok()) << ring.status();
  Create("removed");
  std::filesystem::create_directory(directory_ / "directory");
  const auto remove = [&](const char* name) {
    absl::Status status = absl::UnknownError("not run");
    asio::co_spawn(io, RemoveOne(**ring, directory_ / name, status), asio::detached);
    while (absl::IsUnknown(status)) io.run_one();
    return status;
  };
  EXPECT_TRUE(remove("removed").ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "removed"));
  EXPECT_TRUE(remove("removed").ok());
  const absl::Status refused = remove("directory");
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("directory"));
}

// What happened: a thread that failed to start ran its io_context once more, and the ring's loop began without a ring.
TEST_F(IoRingTest, ARingMayGoBeforeItsContextRuns) {
  asio::io_context io;
  { ASSERT_TRUE(IoRing::Create(io).ok()); }
  io.poll();
  EXPECT_TRUE(io.stopped()) << "nothing of it is left";
}

TEST_F(IoRingTest, ReplaceFileLeavesNoTemporaryBehind) {
  const auto path = directory_ / "checkpoint";
  ASSERT_TRUE(ReplaceFile(SystemFileIo(), path, "one").ok());
  ASSERT_TRUE(ReplaceFile(SystemFileIo(), path, "2").ok());
  EXPECT_EQ(*ReadWholeFile(SystemFileIo(), path), "2");
  EXPECT_THAT(*SystemFileIo().List(directory_, false), ::testing::ElementsAre("checkpoint"));
}

TEST_F(IoRingTest, ErrorsCarryTheCodeOfTheirCause) {
  EXPECT_TRUE(absl::IsNotFound(SystemFileIo().Open(directory_ / "absent", OpenMode::kRead).status()));
  Create("there");
  EXPECT_TRUE(absl::IsAlreadyExists(SystemFileIo().Open(directory_ / "there", OpenMode::kCreateNew).status()));
  EXPECT_TRUE(absl::IsNotFound(SystemFileIo().List(directory_ / "absent", true).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(ErrnoToStatus(ENOSPC, "write", "x")));
  EXPECT_TRUE(absl::IsUnavailable(SyncErrnoToStatus(ENOSPC, "x"))) << "its data may be gone";
  EXPECT_TRUE(absl::IsNotFound(SystemFileIo().SyncDirectory(directory_ / "absent")));
  EXPECT_TRUE(SystemFileIo().SyncDirectory(directory_).ok());
}

}  // namespace
}  // namespace slipstream
