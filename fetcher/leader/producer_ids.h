// Gives every idempotent producer an id that no other ever had. Nothing is stored: each start draws its own block of
// ids at random, 2^42 blocks of 2^20, so that two starts do not meet.
#pragma once

#include <cstdint>
#include <random>

namespace slipstream {

class ProducerIds {
 public:
  explicit ProducerIds(uint64_t seed) : random_(seed) { DrawBlock(); }

  int64_t Next() {
    if (left_ == 0) DrawBlock();
    --left_;
    return next_++;
  }

 private:
  static constexpr int kBlockBits = 20;
  static constexpr int kBlockNumberBits = 42;

  void DrawBlock() {
    next_ = static_cast<int64_t>((random_() >> (64 - kBlockNumberBits)) << kBlockBits);
    left_ = int64_t{1} << kBlockBits;
  }

  std::mt19937_64 random_;
  int64_t next_ = 0;
  int64_t left_ = 0;
};

}  // namespace slipstream
