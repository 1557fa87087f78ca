#include "fetcher/lane_group.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace slipstream {

LaneGroup::LaneGroup(asio::io_context& io, const MakeLeader& make_leader, IoQueue& queue, const FetcherConfig& config,
                     FetchEvents& events, FetchCounters& counters, ThreadCounters& lane_counters)
    : io_(io), cleaner_(config.compaction), ended_(io.get_executor()) {
  const LaneShared shared{io, queue, config, events, counters, lane_counters, cleaner_, leader_reached_};
  LaneNeighbours* const neighbours = this;
  for (size_t i = 0; i < kLaneKinds; ++i) {
    leaders_[i] = make_leader();
    lanes_[i] = std::make_unique<FetchLane>(shared, *leaders_[i], static_cast<LaneKind>(i), neighbours);
  }
}

asio::awaitable<void> LaneGroup::Run() {
  for (const std::unique_ptr<FetchLane>& lane : lanes_) {
    ++running_;
    asio::co_spawn(io_, lane->Run(), [this](std::exception_ptr thrown) {
      if (thrown && !failure_) failure_ = std::move(thrown);
      if (failure_) Stop();
      --running_;
      ended_.NotifyAll();
    });
  }
  while (running_ > 0) co_await ended_.Wait();
  if (failure_) std::rethrow_exception(failure_);
}

void LaneGroup::Stop() {
  for (const std::unique_ptr<FetchLane>& lane : lanes_) lane->Stop();
}

FetchLane* LaneGroup::HomeOf(const TopicPartition& partition) const {
  const auto home = std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->IsHomeOf(partition); });
  return home == lanes_.end() ? nullptr : home->get();
}

// Where it is about to begin it is the only one, so its home tells where it is.
const FetchLane* LaneGroup::LaneOf(const TopicPartition& partition) const {
  const FetchLane* const home = HomeOf(partition);
  return home != nullptr && home->Holds(partition) ? home : nullptr;
}

PartitionLog* LaneGroup::LogOf(const TopicPartition& partition) {
  FetchLane* const home = HomeOf(partition);
  return home == nullptr ? nullptr : home->LogOf(partition);
}

void LaneGroup::Add(InitialFetchState initial) {
  FetchLane* home = HomeOf(initial.partition);
  // A new one would wait for the idle lane's long poll if there is one under way; the tail comes round soon.
  if (home == nullptr) home = &At(IdleIsFetching() ? LaneKind::kTail : LaneKind::kIdle);
  home->Add(std::move(initial));
}

void LaneGroup::Remove(const std::vector<TopicPartition>& partitions, const std::function<void()>& removed) {
  std::array<std::vector<TopicPartition>, kLaneKinds> by_lane;
  for (const TopicPartition& partition : partitions)
    if (const FetchLane* const home = HomeOf(partition))
      by_lane[static_cast<size_t>(home->kind())].push_back(partition);
  const auto asked =
      static_cast<size_t>(std::ranges::count_if(by_lane, [](const auto& some) { return !some.empty(); }));
  if (asked == 0) {
    removed();
    return;
  }
  const auto to_answer = std::make_shared<size_t>(asked);
  for (size_t i = 0; i < kLaneKinds; ++i) {
    if (by_lane[i].empty()) continue;
    lanes_[i]->Remove(std::move(by_lane[i]), [to_answer, removed] {
      if (--*to_answer == 0) removed();
    });
  }
}

void LaneGroup::HandOver(std::unique_ptr<FollowedPartition> partition) {
  FetchLane& lane = At(partition->lane);
  lane.Adopt(std::move(partition));
}

bool LaneGroup::OfferCleaner(LaneKind from) {
  for (size_t step = 1; step < kLaneKinds; ++step)
    if (lanes_[(static_cast<size_t>(from) + step) % kLaneKinds]->TakeCleaner()) return true;
  return false;
}

}  // namespace slipstream
