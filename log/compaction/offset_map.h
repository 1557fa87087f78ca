// Where the newest record of each key lies, for one round of compaction: bounded memory, however many keys there are.
// Plain data; one thread.
//
// Keys are known by their digest alone, and two keys with the same one would lose the older key's record. So the digest
// is 128 bits of SHA-256 behind a secret salt of this map: by chance two of 2^32 keys meet with odds of 2^-65, and
// whoever may choose the keys cannot search for a pair.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "log/bytes.h"
#include "log/offset.h"

namespace slipstream {

class OffsetMap {
 public:
  static constexpr uint64_t kEntryBytes = 24;

  // Room for `keys`, or for as many as fit `bytes_max` at `load_factor`, in (0, 1), when those are fewer; at least one.
  OffsetMap(uint64_t keys, uint64_t bytes_max, double load_factor);
  ~OffsetMap();

  // False: the key is new and there is no room for it. REQUIRES: offsets rise.
  bool Put(ByteSpan key, Offset offset);
  std::optional<Offset> Find(ByteSpan key) const;

  uint64_t size() const { return size_; }
  uint64_t size_max() const { return size_max_; }

 private:
  struct Entry {
    uint64_t high = 0, low = 0;  // of the digest
    Offset offset;               // -1: free
  };
  struct Hasher;

  size_t SlotOf(ByteSpan key, Entry& wanted) const;  // of the key's entry, or of the free one where it would be

  std::unique_ptr<Hasher> hasher_;
  std::vector<Entry> entries_;  // open addressing, probed linearly; at least one is free
  uint64_t size_ = 0, size_max_;
};

}  // namespace slipstream
