// Follower: from who leads to which lane has the partition (FM-01..FM-07), as the topic follower and the fetcher
// manager do it over threads.
#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include "log/check.h"
#include "tests/sim/follower.h"

namespace slipstream::sim {
namespace {

constexpr std::chrono::milliseconds kHandOverWithin{3}, kRefreshWithin{200};

}  // namespace

void Follower::RefreshSoon() {
  if (std::exchange(refreshing_, true)) return;
  scheduler_.After(random_.WaitUpTo(kRefreshWithin), [this, process = process_] {
    refreshing_ = false;
    if (process == process_ && Running()) Refresh();
  });
}

void Follower::Refresh() {
  for (Followed& followed : followed_) {
    const Leadership heard = model_.Ask(followed.name.partition);
    if (heard.epoch <= followed.wanted.epoch) continue;  // known, or of a broker that is behind
    followed.wanted = heard;
    Assign(followed);
  }
}

void Follower::Assign(Followed& followed) {
  trace_.Tell(followed.name.ToString(), ": heard of epoch ", followed.wanted.epoch.value, ", leader ",
              followed.wanted.leader);
  switch (followed.place) {
    case Place::kComing:
    case Place::kLeaving: return;  // what comes next goes by what is wanted then
    case Place::kNowhere: Give(followed); return;
    case Place::kHeld: break;
  }
  const bool same_fetcher = followed.holder->broker == followed.wanted.leader;
  if (same_fetcher && random_.Chance({1, 2})) {
    Give(followed);
  } else {
    LetGo(followed);
  }
}

void Follower::LetGo(Followed& followed) {
  followed.place = Place::kLeaving;
  scheduler_.After(random_.WaitUpTo(kHandOverWithin), [this, &followed, process = process_] {
    if (process != process_ || !Running()) return;
    followed.holder->lanes->Remove({followed.name}, [this, &followed, process] {
      if (process != process_ || followed.place != Place::kLeaving) return;
      trace_.Tell(followed.name.ToString(), ": let go");
      followed.place = Place::kComing;
      followed.holder = nullptr;
      lane_watch_.OnLetGo(followed.name);
      scheduler_.After(random_.WaitUpTo(kHandOverWithin), [this, &followed, process] {
        if (process == process_ && Running()) Give(followed);
      });
    });
  });
}

void Follower::Give(Followed& followed) {
  const absl::StatusOr<PartitionLog*> log = directory_->GetOrCreate(followed.name, model_.topic_id());
  if (!log.ok()) {
    followed.place = Place::kNowhere;
    followed.wanted = {};  // so that the next refresh tries again
    return;
  }
  SLIP_CHECK(followed.log == nullptr || followed.log == *log);
  followed.log = *log;
  if (followed.progress == nullptr) followed.progress = std::make_shared<PartitionProgress>();
  followed.progress->Publish(**log, config_.flush_mode);
  followed.place = Place::kHeld;
  followed.holder = &FetcherTo(followed.wanted.leader);
  followed.current_epoch = followed.wanted.epoch;
  trace_.Tell(followed.name.ToString(), ": given to the fetcher of broker ", followed.wanted.leader, ", log end ",
              followed.log->log_end_offset().value);
  followed.holder->lanes->Add(
      {followed.name, model_.topic_id(), followed.wanted.epoch, followed.log, followed.progress});
}

Follower::Fetcher& Follower::FetcherTo(int32_t broker) {
  const auto [at, added] = fetchers_.try_emplace(broker);
  Fetcher& fetcher = at->second;
  if (!added) return fetcher;
  fetcher.broker = broker;
  fetcher.queue = std::make_unique<SimQueue>(
      options_, random_, scheduler_, trace_, disk_full_,
      [this, &fetcher](const std::filesystem::path& file) { return MayTouch(fetcher, file); });
  fetcher.lanes = std::make_unique<LaneGroup>(
      scheduler_.io(),
      [&] { return std::make_unique<SimLeader>(model_, broker, options_, random_, scheduler_, trace_, *this); },
      *fetcher.queue, config_, *this, counters_, fetcher.lane_counters);
  asio::co_spawn(scheduler_.io(), fetcher.lanes->Run(), [&fetcher](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
    fetcher.ended = true;
  });
  return fetcher;
}

bool Follower::MayTouch(const Fetcher& fetcher, const std::filesystem::path& file) const {
  const std::string directory = file.parent_path().filename();
  for (const Followed& followed : followed_)
    if (followed.name.ToString() == directory) return followed.holder == &fetcher;
  return true;
}

void Follower::WriteCheckpoints() {
  std::vector<LogOffsets> published;
  for (const Followed& followed : followed_)
    if (followed.progress != nullptr) published.push_back(followed.progress->Published(followed.name));
  const absl::Status written = directory_->WriteCheckpoints(published);
  if (!written.ok()) OnNotice(std::string(written.message()));
  if (!written.ok() && directory_->health().offline()) EndSoon(Options::Ms(1000));
}

}  // namespace slipstream::sim
