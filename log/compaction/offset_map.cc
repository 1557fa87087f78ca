#include "log/compaction/offset_map.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "log/check.h"
#include "log/uuid.h"

namespace slipstream {
namespace {

template <auto kFree>
struct Freer {
  void operator()(auto* what) const { kFree(what); }
};

}  // namespace

struct OffsetMap::Hasher {
  std::unique_ptr<EVP_MD, Freer<EVP_MD_free>> algorithm{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>> context{EVP_MD_CTX_new()};
  std::array<Uuid, 2> salt{Uuid::Random(), Uuid::Random()};

  Entry Digest(ByteSpan key) const {
    std::array<std::byte, EVP_MAX_MD_SIZE> digest;
    // None of these fails but for want of memory.
    SLIP_CHECK(EVP_DigestInit_ex(context.get(), algorithm.get(), nullptr) == 1);
    SLIP_CHECK(EVP_DigestUpdate(context.get(), salt.data(), sizeof(salt)) == 1);
    SLIP_CHECK(EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1);
    SLIP_CHECK(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
    return {ReadBigEndian<uint64_t>(digest, 0), ReadBigEndian<uint64_t>(digest, 8), Offset{}};
  }
};

OffsetMap::OffsetMap(uint64_t keys, uint64_t bytes_max, double load_factor) : hasher_(std::make_unique<Hasher>()) {
  SLIP_CHECK(load_factor > 0 && load_factor < 1);
  SLIP_CHECK(hasher_->algorithm != nullptr && hasher_->context != nullptr);
  const double by_memory = static_cast<double>(bytes_max) / kEntryBytes;
  const double by_keys = std::ceil(static_cast<double>(keys) / load_factor);
  const auto slots = static_cast<uint64_t>(std::max(2.0, std::min(by_memory, by_keys)));
  entries_.resize(slots);
  size_max_ = std::clamp<uint64_t>(static_cast<uint64_t>(static_cast<double>(slots) * load_factor), 1, slots - 1);
}

OffsetMap::~OffsetMap() = default;

size_t OffsetMap::SlotOf(ByteSpan key, Entry& wanted) const {
  wanted = hasher_->Digest(key);
  size_t slot = wanted.high % entries_.size();
  for (;;) {
    const Entry& entry = entries_[slot];
    if (entry.offset < Offset{0} || (entry.high == wanted.high && entry.low == wanted.low)) return slot;
    if (++slot == entries_.size()) slot = 0;
  }
}

bool OffsetMap::Put(ByteSpan key, Offset offset) {
  Entry wanted;
  Entry& entry = entries_[SlotOf(key, wanted)];
  if (entry.offset < Offset{0}) {
    if (size_ == size_max_) return false;
    ++size_;
    entry = wanted;
  }
  entry.offset = offset;
  return true;
}

std::optional<Offset> OffsetMap::Find(ByteSpan key) const {
  Entry wanted;
  const Entry& entry = entries_[SlotOf(key, wanted)];
  if (entry.offset < Offset{0}) return std::nullopt;
  return entry.offset;
}

}  // namespace slipstream
