#include "log/directory_io.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/support/simulated_disk.h"

namespace slipstream {
namespace {

// One file in one directory, whose next call fails.
struct SpoiledDirectory {
  explicit SpoiledDirectory(absl::Status error) {
    EXPECT_TRUE(disk.CreateDirectories("/logs").ok());
    file = *io.Open("/logs/a", OpenMode::kCreate);
    disk.FailCall(0, std::move(error));
  }

  SimulatedDisk disk;
  std::shared_ptr<DirectoryHealth> health = std::make_shared<DirectoryHealth>();
  DirectoryIo io{disk, health};
  std::unique_ptr<File> file;
};

using Use = std::function<absl::Status(SpoiledDirectory&)>;

const Use kReads[] = {[](SpoiledDirectory& on) {
                        std::byte into[8];
                        return on.file->ReadAt(into, FilePosition{0}).status();
                      },
                      [](SpoiledDirectory& on) { return on.io.Open("/logs/a", OpenMode::kRead).status(); },
                      [](SpoiledDirectory& on) { return on.io.List("/logs", /*directories=*/false).status(); },
                      [](SpoiledDirectory& on) { return on.io.SyncDirectory("/logs"); }};  // its opening

TEST(DirectoryIoTest, Log143_WhatTheDiskCannotReadTakesTheDirectoryOffline) {
  for (const Use& read : kReads) {
    SpoiledDirectory directory(absl::UnavailableError("EIO"));
    EXPECT_FALSE(read(directory).ok());
    EXPECT_TRUE(directory.health->offline());
    EXPECT_FALSE(directory.io.Rename("/logs/a", "/logs/b").ok()) << "nothing is changed any more";
    EXPECT_TRUE(directory.disk.Exists("/logs/a"));
  }
}

TEST(DirectoryIoTest, Log143_TooManyOpenFilesAreNoFailureOfTheDisk) {
  for (const Use& read : kReads) {
    SpoiledDirectory directory(absl::ResourceExhaustedError("EMFILE"));
    EXPECT_FALSE(read(directory).ok());
    EXPECT_FALSE(directory.health->offline());
  }
}

TEST(DirectoryIoTest, Inv20_AnFsyncThatFailsTakesTheDirectoryOfflineWhateverItsWords) {
  SpoiledDirectory of_file(absl::ResourceExhaustedError("ENOSPC"));
  EXPECT_FALSE(of_file.file->Sync().ok());
  EXPECT_TRUE(of_file.health->offline());
  SpoiledDirectory of_directory(absl::OkStatus());
  of_directory.disk.FailCall(1, absl::ResourceExhaustedError("ENOSPC"));  // behind the opening
  EXPECT_FALSE(of_directory.io.SyncDirectory("/logs").ok());
  EXPECT_TRUE(of_directory.health->offline());
  SpoiledDirectory of_file_system(absl::ResourceExhaustedError("ENOSPC"));
  EXPECT_FALSE(of_file_system.file->SyncFileSystem().ok());
  EXPECT_TRUE(of_file_system.health->offline());
}

}  // namespace
}  // namespace slipstream
