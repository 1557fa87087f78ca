// Whether a log directory's disk can still be trusted. Shared by the logs of the directory: the first of them whose
// disk fails takes all of them offline (LOG-143, INV-20). Thread-safe.
#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <mutex>

namespace slipstream {

class DirectoryHealth {
 public:
  // The first cause is kept. Nothing brings the directory back but opening it anew, with recovery.
  void TakeOffline(const absl::Status& cause) {
    const std::lock_guard guard(mutex_);
    if (cause_.ok()) cause_ = cause;
    offline_.store(true, std::memory_order_release);
  }
  bool offline() const { return offline_.load(std::memory_order_acquire); }
  absl::Status cause() const {
    const std::lock_guard guard(mutex_);
    return cause_;
  }

 private:
  std::atomic<bool> offline_ = false;
  mutable std::mutex mutex_;
  absl::Status cause_;
};

// True for what a failing disk answers: EIO, EROFS and the like. Not for a disk that is full, nor for a file that
// somebody took away (REL-47): those cost one partition.
inline bool IsDiskFailure(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsPermissionDenied(status);
}

}  // namespace slipstream
