// Kafka's 128-bit ids (topics, directories): zero means none; printed as URL-safe base64 without padding.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace slipstream {

struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const Uuid&) const = default;
  bool IsZero() const { return high == 0 && low == 0; }
  std::string ToString() const;                               // 22 characters
  static absl::StatusOr<Uuid> Parse(absl::string_view text);  // kInvalidArgument unless 22 characters of base64url
  // Random (version 4), never one of Kafka's reserved ids and never printed with a leading '-' (LOG-55).
  static Uuid Random();

  template <typename H>
  friend H AbslHashValue(H h, const Uuid& id) {
    return H::combine(std::move(h), id.high, id.low);
  }
};

}  // namespace slipstream
