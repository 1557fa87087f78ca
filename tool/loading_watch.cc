#include "tool/loading_watch.h"

#include <absl/strings/str_cat.h>

namespace slipstream {

absl::Status LoadingWatch::OnLoaded(const LoadProgress& progress, TimePoint now) {
  const std::lock_guard serialised(mutex_);
  if (now >= next_) {
    next_ = now + kEvery;
    tell_(absl::StrCat(progress.log_dir.string(), ": ", progress.loaded, " of ", progress.partitions,
                       " partitions are loaded"));
  }
  if (!interrupted_()) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("interrupted while ", progress.log_dir.string(), " was recovered: ",
                                           progress.loaded, " of ", progress.partitions, " partitions were loaded"));
}

}  // namespace slipstream
