#include "fetcher/lane_removals.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <string>

namespace slipstream {

void LaneRemovals::Start(PartitionLog& log, DeletedFiles files) {
  if (files.paths.empty()) return;
  waiting_.push_back({&log, std::move(files)});
  if (!running_) Run();
}

bool LaneRemovals::Holds(const PartitionLog& log) const {
  return current_.log == &log ||
         std::ranges::any_of(waiting_, [&](const Removal& removal) { return removal.log == &log; });
}

void LaneRemovals::LetGoOf(const PartitionLog& log) {
  if (current_.log == &log) GiveBack(current_);
  std::erase_if(waiting_, [&](Removal& removal) {
    if (removal.log != &log) return false;
    GiveBack(removal);
    return true;
  });
}

void LaneRemovals::Stop() {
  GiveBack(current_);
  for (Removal& removal : waiting_) GiveBack(removal);
  waiting_.clear();
}

void LaneRemovals::Run() {
  running_ = true;
  asio::co_spawn(lane_.io, RunAll(), [this](std::exception_ptr thrown) {
    if (thrown) run_.Fail(std::move(thrown));
    running_ = false;
    if (!waiting_.empty() && !run_.over()) Run();  // came since its end
    run_.progress.NotifyAll();
  });
}

asio::awaitable<void> LaneRemovals::RunAll() {
  while (!waiting_.empty()) {
    current_ = std::move(waiting_.back());
    waiting_.pop_back();
    absl::Status removed;
    while (removed.ok() && !current_.files.paths.empty()) removed = co_await current_.files.RemoveOne(lane_.queue);
    // That a log dir is offline is told once, by whoever looks for that.
    if (!removed.ok() && !current_.files.health->offline()) lane_.events.OnNotice(std::string(removed.message()));
    GiveBack(current_);
  }
}

void LaneRemovals::GiveBack(Removal& removal) {
  if (removal.log != nullptr) std::exchange(removal.log, nullptr)->RemoveLater(removal.files.paths);
  removal.files.paths.clear();
}

}  // namespace slipstream
