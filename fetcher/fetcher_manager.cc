#include "fetcher/fetcher_manager.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/post.hpp>

#include <algorithm>

#include "fetcher/fetcher_id.h"

namespace slipstream {

FetcherManager::FetcherManager(asio::io_context& io, FetcherConfig config, LeaderEndpointFactory make_leader,
                               FetchEvents& events, FetchCounters& counters, std::string name)
    : io_(io),
      config_(config),
      make_leader_(std::move(make_leader)),
      name_(std::move(name)),
      events_(events),
      counters_(counters) {}

FetcherManager::~FetcherManager() { Close(); }

void FetcherManager::Start(const Key& key, Slot& slot, const Endpoint& endpoint) {
  const std::string name =
      absl::StrCat(name_, "-", key.fetcher_id, "-", key.leader.value);  // FM-17, cut to what a thread name holds
  slot.thread = std::make_unique<FetcherThread>(name, key.leader, endpoint, make_leader_, config_, events_, counters_);
  slot.requests = slot.bytes = OneMinuteRate(config_.clock->Now());
  std::vector<InitialFetchState> partitions;
  for (const auto& [partition, initial] : slot.partitions) partitions.push_back(initial);
  if (!partitions.empty()) slot.thread->AddPartitions(std::move(partitions));
}

asio::awaitable<void> FetcherManager::Add(BrokerId leader, Endpoint endpoint,
                                          std::vector<InitialFetchState> partitions) {
  std::vector<TopicPartition> to_move;
  std::map<Key, std::vector<InitialFetchState>> groups;
  for (InitialFetchState& initial : partitions) {
    const Key key{leader, FetcherIdOf(initial.partition, config_.num_replica_fetchers)};
    const auto owner = owner_.find(initial.partition);
    if (owner != owner_.end() && owner->second != key) to_move.push_back(initial.partition);
    groups[key].push_back(std::move(initial));
  }
  if (!to_move.empty()) co_await Remove(std::move(to_move));
  for (auto& [key, group] : groups) {
    Slot& slot = threads_[key];
    for (const InitialFetchState& initial : group) {
      slot.partitions[initial.partition] = initial;
      owner_[initial.partition] = key;
    }
    if (slot.thread == nullptr) {
      Start(key, slot, endpoint);
    } else if (slot.thread->endpoint() != endpoint) {
      // The leader moved: a new thread takes over all of the old one's partitions, unlike Kafka (FM-04).
      slot.thread.reset();
      Start(key, slot, endpoint);
    } else {
      slot.thread->AddPartitions(std::move(group));
    }
  }
}

asio::awaitable<void> FetcherManager::Remove(std::vector<TopicPartition> partitions) {
  std::map<Key, std::vector<TopicPartition>> groups;
  for (TopicPartition& partition : partitions) {
    const auto owner = owner_.find(partition);
    if (owner == owner_.end()) continue;
    threads_[owner->second].partitions.erase(partition);
    groups[owner->second].push_back(partition);
    leaving_.insert(partition);
    owner_.erase(owner);
  }
  // Lives as long as the last callback: a thread may still call it while this coroutine is being destroyed.
  struct Waiting {
    explicit Waiting(asio::io_context& io) : event(io.get_executor()) {}
    AsyncEvent event;
    size_t outstanding = 0;
  };
  const auto waiting = std::make_shared<Waiting>(io_);
  for (auto& [key, group] : groups) {
    ++waiting->outstanding;
    threads_[key].thread->RemovePartitions(group, [&io = io_, waiting] {
      asio::post(io, [waiting] {
        if (--waiting->outstanding == 0) waiting->event.NotifyAll();
      });
    });
  }
  while (waiting->outstanding > 0) co_await waiting->event.Wait();
  for (const auto& [key, group] : groups)
    for (const TopicPartition& partition : group) leaving_.erase(partition);
}

bool FetcherManager::LookAt(const TopicPartition& partition, LogOwner::Look& look) {
  if (const auto owner = owner_.find(partition); owner != owner_.end()) {
    threads_[owner->second].thread->LookAt(partition, std::move(look));
  } else if (leaving_.contains(partition)) {
    look(nullptr);
  } else {
    return false;
  }
  return true;
}

asio::awaitable<void> FetcherManager::Resize(int32_t num_replica_fetchers) {
  config_.num_replica_fetchers = num_replica_fetchers;
  std::vector<TopicPartition> names;
  std::map<std::pair<BrokerId, Endpoint>, std::vector<InitialFetchState>> moved;
  for (const auto& [key, slot] : threads_) {
    for (const auto& [partition, initial] : slot.partitions) {
      if (FetcherIdOf(partition, num_replica_fetchers) == key.fetcher_id) continue;
      names.push_back(partition);
      moved[{key.leader, slot.thread->endpoint()}].push_back(initial);
    }
  }
  co_await Remove(std::move(names));
  for (auto& [leader, partitions] : moved) co_await Add(leader.first, leader.second, std::move(partitions));
  Tend();
}

void FetcherManager::Tend() {
  for (auto& [key, slot] : threads_) {
    if (!slot.thread->dead()) continue;
    const Endpoint endpoint = slot.thread->endpoint();
    slot.thread.reset();
    Start(key, slot, endpoint);
  }
  for (auto& [key, slot] : threads_) {
    if (slot.partitions.empty()) slot.thread->Stop();
  }
  std::erase_if(threads_, [](const auto& entry) { return entry.second.partitions.empty(); });
}

void FetcherManager::Close() {
  for (auto& [key, slot] : threads_) slot.thread->Stop();
  threads_.clear();
  owner_.clear();
}

size_t FetcherManager::dead_thread_count() const {
  size_t count = 0;
  for (const auto& [key, slot] : threads_) count += slot.thread->dead() ? 1 : 0;
  return count;
}

FetcherThreadMetrics FetcherManager::MetricsOf(Slot& slot) const {
  const FetcherThread& thread = *slot.thread;
  FetcherThreadMetrics metrics{
      .name = thread.name(), .leader = thread.leader(), .endpoint = thread.endpoint(), .dead = thread.dead()};
  uint64_t requests = 0, bytes = 0;
  for (size_t i = 0; i < kLaneKinds; ++i) {
    const LaneCounters& counted = thread.lane_counters()[i];
    LaneMetrics& lane = metrics.lanes[i];
    lane = {.kind = static_cast<LaneKind>(i),
            .partitions = counted.partitions,
            .left_out = counted.left_out,
            .requests = counted.requests,
            .bytes = counted.bytes};
    requests += lane.requests;
    bytes += lane.bytes;
  }
  const Clock::TimePoint now = config_.clock->Now();
  metrics.requests_per_second = slot.requests.Update(requests, now);
  metrics.bytes_per_second = slot.bytes.Update(bytes, now);
  return metrics;
}

FetcherMetrics FetcherManager::Metrics() {
  FetcherMetrics metrics{.dead_threads = dead_thread_count()};
  for (auto& [key, slot] : threads_) {
    for (const auto& [partition, initial] : slot.partitions) {
      metrics.max_lag = std::max(metrics.max_lag, initial.progress->Lag());
      metrics.failed_partitions += initial.progress->health.load() == PartitionHealth::kFailed ? 1 : 0;
    }
    metrics.threads.push_back(MetricsOf(slot));
  }
  if (!metrics.threads.empty())
    metrics.min_fetch_rate =
        std::ranges::min(metrics.threads, {}, &FetcherThreadMetrics::requests_per_second).requests_per_second;
  return metrics;
}

}  // namespace slipstream
