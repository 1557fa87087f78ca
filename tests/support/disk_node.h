// What a simulated disk is made of, and what a power cut leaves of it.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace slipstream {

// What a power cut leaves of the changes that no fsync covered.
enum class Survives {
  kNothing,
  kEverything,
  kRandomPart,       // some changes whole, some in 512-byte sectors, some sizes without their data (F33, F34, F35)
  kNamesInAnyOrder,  // all data, and of the changes to names each for itself: without a journal nothing orders them
  kTornAt512,        // everything, but the last write ends early, at a multiple of 512 (F28)
  kTornAt4096,       // ... of 4096
  kTornAnywhere      // ... in the middle of a sector
};

struct DataChange {
  uint64_t number = 0;  // of a write, counted over the whole disk; 0: the size is set
  uint64_t at = 0;      // where the bytes go, or the size
  std::string bytes;

  void ApplyTo(std::string& content) const;
};

// A file or a directory: as the process sees it, as it is for sure after a power cut, and the changes in between.
struct DiskNode {
  using Names = absl::btree_map<std::string, std::shared_ptr<DiskNode>>;
  struct NameChange {
    std::string removed, added;  // empty: none; both: a rename
    std::shared_ptr<DiskNode> node;

    void ApplyTo(Names& all) const;
  };

  bool is_directory = false;
  std::string content, durable;
  std::vector<DataChange> unsynced;
  Names names, durable_names;
  std::vector<NameChange> unsynced_names;
};

// A tree of its own, all of it durable. The same seed gives the same tree. `last_write`: the number of the disk's last.
std::shared_ptr<DiskNode> AfterPowerCut(const DiskNode& root, Survives survives, uint64_t seed, uint64_t last_write);

}  // namespace slipstream
