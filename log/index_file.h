// A file of fixed-size index entries: what the offset index and the time index share. New entries collect in memory and
// reach the file in chunks; the file never holds anything but whole entries (LOG-93, LOG-166: no zero tail).
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/segment_name.h"

namespace slipstream {

class IndexFile {
 public:
  // Opens nothing yet: files of segments that nobody reads stay closed. REQUIRES: entry_bytes <= kEntryBytesMax.
  IndexFile(FileIo& io, SegmentFile name, size_t entry_bytes);

  // Opens the file, creating it when absent, and counts its entries; a partial last entry is ignored (LOG-135). Every
  // call below that can fail does this first.
  absl::Status Load();
  // Closes the file once its entries are written; the next use opens it again.
  absl::Status Release();
  void Unload();  // closes it as it is. REQUIRES: nothing was added since Load()

  // REQUIRES: Load() was OK.
  uint64_t count() const { return count_; }
  bool loaded() const { return file_ != nullptr; }

  // Adds an entry in memory; a full chunk is written to the file. That write may fail without harm: the entry stays in
  // memory and the next Flush tells. REQUIRES: Load() was OK.
  void Append(ByteSpan entry);
  // Copies entry `number` into `into`. REQUIRES: number < count().
  absl::Status Read(uint64_t number, std::span<std::byte> into);

  // How many entries from the first on `is_low(entry)` holds for. REQUIRES: it holds for a prefix of the entries.
  template <typename IsLow>
  absl::StatusOr<uint64_t> PartitionPoint(const IsLow& is_low);

  // Keeps the first `count` entries. On error they are dropped in memory all the same, and Flush cuts the file.
  absl::Status Truncate(uint64_t count);
  absl::Status Flush();  // makes the file hold exactly the entries; not an fsync
  // To fsync. REQUIRES: Load() was OK.
  std::shared_ptr<File> file() const { return file_; }

  std::filesystem::path path() const { return name_.path(); }

  static constexpr size_t kEntryBytesMax = 16;

 private:
  static constexpr size_t kTailBytesMax = 4096;
  static constexpr uint64_t kSearchEntriesMax = 256;  // a search range this small is read in one go

  absl::Status Trim();
  absl::Status ReadFromFile(uint64_t number, std::span<std::byte> into);

  FileIo* io_;
  SegmentFile name_;
  size_t entry_bytes_;
  std::shared_ptr<File> file_;
  uint64_t count_ = 0;
  uint64_t file_count_ = 0;      // of them in the file
  std::vector<std::byte> tail_;  // the count_ - file_count_ entries behind those in the file
  bool trim_ = false;            // the file may hold more than file_count_ entries
};

template <typename IsLow>
absl::StatusOr<uint64_t> IndexFile::PartitionPoint(const IsLow& is_low) {
  if (absl::Status status = Load(); !status.ok()) return status;
  const auto search = [&](ByteSpan entries) {
    uint64_t low = 0, high = entries.size() / entry_bytes_;
    while (low < high) {
      const uint64_t middle = (low + high) / 2;
      if (is_low(entries.subspan(middle * entry_bytes_, entry_bytes_))) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  // Most lookups are near the end, so the tail goes first.
  if (const uint64_t in_tail = search(tail_); in_tail > 0) return file_count_ + in_tail;

  uint64_t low = 0, high = file_count_;
  while (high - low > kSearchEntriesMax) {
    const uint64_t middle = (low + high) / 2;
    std::byte entry[kEntryBytesMax];
    if (absl::Status status = ReadFromFile(middle, std::span(entry, entry_bytes_)); !status.ok()) return status;
    if (is_low(ByteSpan(entry, entry_bytes_))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::byte block[kSearchEntriesMax * kEntryBytesMax];
  const std::span<std::byte> entries(block, (high - low) * entry_bytes_);
  if (absl::Status status = ReadFromFile(low, entries); !status.ok()) return status;
  return low + search(entries);
}

}  // namespace slipstream
