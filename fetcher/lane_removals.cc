#include "fetcher/lane_removals.h"

#include <boost/asio/co_spawn.hpp>

#include <string>

namespace slipstream {

void LaneRemovals::Start(const FollowedPartition& partition, DeletedFiles files) {
  if (files.paths.empty()) return;
  waiting_.push_back({partition.name(), std::move(files)});
  if (std::exchange(running_, true)) return;
  asio::co_spawn(lane_.io, RunAll(), [this](std::exception_ptr thrown) {
    if (thrown) run_.Fail(std::move(thrown));
    running_ = false;
    run_.progress.NotifyAll();
  });
}

void LaneRemovals::Stop() {
  for (const Removal& removal : std::exchange(waiting_, {})) GiveBack(removal);
}

asio::awaitable<void> LaneRemovals::RunAll() {
  while (!waiting_.empty()) {
    Removal removal = std::move(waiting_.back());
    waiting_.pop_back();
    absl::Status removed;
    while (removed.ok() && !removal.files.paths.empty() && !run_.over())
      removed = co_await removal.files.RemoveOne(lane_.queue);
    GiveBack(removal);
    if (!removed.ok()) lane_.events.OnNotice(std::string(removed.message()));
  }
}

void LaneRemovals::GiveBack(const Removal& removal) {
  FollowedPartition* const partition = partitions_.Find(removal.partition);
  if (partition != nullptr) partition->log().RemoveLater(removal.files.paths);
}

}  // namespace slipstream
