// What a person is told while log dirs are loaded, when that takes long, and how a signal ends it.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>

#include "log/log_directory.h"

namespace slipstream {

class LoadingWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `interrupted` and `tell` are called on any thread, one at a time.
  LoadingWatch(std::function<bool()> interrupted, std::function<void(const std::string& line)> tell, TimePoint now)
      : interrupted_(std::move(interrupted)), tell_(std::move(tell)), next_(now + kEvery) {}

  LoadWatch watch() {  // not longer than this
    return [this](const LoadProgress& progress) { return OnLoaded(progress, std::chrono::steady_clock::now()); };
  }
  // kCancelled once it was interrupted.
  absl::Status OnLoaded(const LoadProgress& progress, TimePoint now);

 private:
  static constexpr std::chrono::seconds kEvery{2};

  const std::function<bool()> interrupted_;
  const std::function<void(const std::string& line)> tell_;
  std::mutex mutex_;  // of log dirs that are loaded beside each other
  TimePoint next_;    // a line
};

}  // namespace slipstream
