// The file that a heap backend's snapshot is: all states but offset checkpoints. Big-endian: version (i16), CRC-32C of
// all that follows (u32), states (i32); a state: name, kind (i8), entries (i32); an entry: key, expiry in ms (i64, 0:
// never), value. Names, keys and values follow their length (i32); keys rise.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "log/bytes.h"
#include "log/io/file_io.h"
#include "log/state/state_backend.h"

namespace slipstream {

inline constexpr char kHeapSnapshotFile[] = "heap-states";

using HeapEntries = absl::btree_map<std::string, StateValue>;

struct HeapState {
  StateSpec spec;
  HeapEntries entries;
  bool operator==(const HeapState&) const = default;
};

// Builds the content of the file, state by state.
class HeapSnapshotEncoder {
 public:
  void Add(const StateSpec& spec, const HeapEntries& entries);
  // kResourceExhausted: more than a file may hold; such state belongs into RocksDB.
  absl::StatusOr<std::string> Finish() &&;

 private:
  std::string body_;  // behind the CRC, without the number of states
  int32_t states_ = 0;
};

// kDataLoss says what is wrong: cut, another version, a CRC that does not match, counts that do not fit.
absl::StatusOr<std::vector<HeapState>> DecodeHeapSnapshot(ByteSpan content);

// kNotFound: there is none in the directory. kDataLoss names the file.
absl::StatusOr<std::vector<HeapState>> ReadHeapSnapshot(FileIo& io, const std::filesystem::path& directory);
// Replaces the file atomically, makes the directory when it is missing; durable on return.
absl::Status WriteHeapSnapshot(FileIo& io, const std::filesystem::path& directory, const std::string& content);

}  // namespace slipstream
