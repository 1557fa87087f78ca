// What happened in a simulation, in order: a hash over all of it, the last events in words, and the first thing that
// must not have happened.
#pragma once

#include <absl/strings/str_cat.h>

#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>

#include "tests/support/virtual_clock.h"

namespace slipstream::sim {

struct Violation {
  std::string rule;  // "INV-02"
  std::string what;
};

// `clock` outlives it. `echo`: all events are printed as they happen.
class Trace {
 public:
  Trace(VirtualClock& clock, bool echo) : clock_(clock), echo_(echo) {}

  template <typename... Parts>
  void Tell(const Parts&... parts) {
    Add(absl::StrCat(parts...));
  }
  // The first one counts: what comes after it may only follow from it.
  void Report(std::string rule, std::string what) {
    Tell("!! ", rule, ": ", what);
    if (!violation_) violation_ = Violation{std::move(rule), std::move(what)};
  }
  const std::optional<Violation>& violation() const { return violation_; }

  uint64_t hash() const { return hash_; }  // INV-28
  uint64_t events() const { return events_; }
  const std::deque<std::string>& last_events() const { return last_; }

 private:
  static constexpr size_t kKept = 80;

  void Add(const std::string& event) {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now().time_since_epoch());
    std::string line = absl::StrCat(at.count(), " ", event);
    for (const char c : line) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 0x100000001b3;  // FNV-1a
    ++events_;
    if (echo_) std::printf("  %s\n", line.c_str());
    last_.push_back(std::move(line));
    if (last_.size() > kKept) last_.pop_front();
  }

  VirtualClock& clock_;
  const bool echo_;
  uint64_t hash_ = 0xcbf29ce484222325;
  uint64_t events_ = 0;
  std::deque<std::string> last_;
  std::optional<Violation> violation_;
};

}  // namespace slipstream::sim
