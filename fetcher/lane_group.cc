#include "fetcher/lane_group.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace slipstream {

LaneGroup::LaneGroup(asio::io_context& io, const MakeLeader& make_leader, IoQueue& queue, const FetcherConfig& config,
                     FetchEvents& events, FetchCounters& counters)
    : io_(io), cleaner_(config.compaction), ended_(io.get_executor()) {
  const FetchLane::Shared shared{io, queue, config, events, counters, cleaner_};
  for (size_t i = 0; i < kLaneKinds; ++i) {
    leaders_[i] = make_leader();
    lanes_[i] = std::make_unique<FetchLane>(
        shared, *leaders_[i], static_cast<LaneKind>(i),
        [this](std::unique_ptr<FollowedPartition> partition) { At(partition->lane).Adopt(std::move(partition)); });
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

const FetchLane* LaneGroup::LaneOf(const TopicPartition& partition) const {
  const auto holder = std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->Holds(partition); });
  return holder == lanes_.end() ? nullptr : holder->get();
}

FetchLane& LaneGroup::HomeOf(const TopicPartition& partition) {
  const auto holder = std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->Holds(partition); });
  return holder == lanes_.end() ? At(LaneKind::kIdle) : **holder;
}

void LaneGroup::Add(InitialFetchState initial) { HomeOf(initial.partition).Add(std::move(initial)); }

void LaneGroup::Remove(const std::vector<TopicPartition>& partitions, const std::function<void()>& removed) {
  std::array<std::vector<TopicPartition>, kLaneKinds> by_lane;
  for (const TopicPartition& partition : partitions)
    by_lane[static_cast<size_t>(HomeOf(partition).kind())].push_back(partition);
  // All lanes are asked, also for nothing: each answer counts.
  const auto to_answer = std::make_shared<size_t>(kLaneKinds);
  for (size_t i = 0; i < kLaneKinds; ++i) {
    lanes_[i]->Remove(std::move(by_lane[i]), [to_answer, removed] {
      if (--*to_answer == 0) removed();
    });
  }
}

}  // namespace slipstream
