// Changes to any states of one backend that take effect together. Plain data.
#pragma once

#include <absl/strings/string_view.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "log/offset.h"

namespace slipstream {

// A state that has been opened. -1: none.
struct StateId {
  int32_t value = -1;
  auto operator<=>(const StateId&) const = default;
};

inline constexpr Timestamp kNeverExpires{0};

struct StateValue {
  std::string bytes;
  Timestamp expires_at = kNeverExpires;  // gone once the clock shows this
  bool operator==(const StateValue&) const = default;
};

inline bool HasExpired(Timestamp expires_at, Timestamp now) { return expires_at != kNeverExpires && now >= expires_at; }

class StateBatch {
 public:
  struct Key {
    StateId state;
    std::string key;
    auto operator<=>(const Key&) const = default;
  };
  enum class Operation {
    kPut,     // the value is `value`
    kAppend,  // `value` goes behind what is there, and its expiry becomes that of the whole
    kDelete,
  };
  struct Change {
    Operation operation = Operation::kDelete;
    StateValue value;
  };

  void Put(StateId state, std::string key, StateValue value);
  void Append(StateId state, std::string key, StateValue value);
  void Delete(StateId state, std::string key);

  // What the calls amount to: one change per key, in order of state and key. So a backend never meets an Append behind
  // a change of the same batch.
  const std::map<Key, Change>& changes() const { return changes_; }

 private:
  std::map<Key, Change> changes_;
};

}  // namespace slipstream
