#include "fetcher/fetcher_thread.h"

#include <absl/strings/str_cat.h>
#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <exception>

#include "fetcher/lane_group.h"
#include "log/io/io_ring.h"

namespace slipstream {
namespace {

constexpr std::chrono::seconds kShortLife{1};

}  // namespace

struct FetcherThread::Work {
  Work(FetcherThread& thread, const LeaderEndpointFactory& make_leader)
      : queue(MakeIoQueue(thread.io_)),
        lanes(
            thread.io_, [&] { return make_leader(thread.io_, thread.leader_, thread.endpoint_); }, *queue,
            thread.config_, thread.events_, thread.counters_, thread.lane_counters_) {}

  std::unique_ptr<IoQueue> queue;
  LaneGroup lanes;
};

FetcherThread::FetcherThread(std::string name, BrokerId leader, Endpoint endpoint,
                             const LeaderEndpointFactory& make_leader, const FetcherConfig& config, FetchEvents& events,
                             FetchCounters& counters)
    : name_(std::move(name)),
      leader_(leader),
      endpoint_(std::move(endpoint)),
      config_(config),
      events_(events),
      counters_(counters) {
  thread_ = std::thread([this, make_leader] { Main(make_leader); });
}

FetcherThread::~FetcherThread() {
  Stop();
  Join();
}

void FetcherThread::Main(const LeaderEndpointFactory& make_leader) {
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  const auto keep_running = asio::make_work_guard(io_);
  const Clock::TimePoint began = config_.clock->Now();
  try {
    Work work(*this, make_leader);
    work_ = &work;
    std::exception_ptr failure;
    asio::co_spawn(io_, work.lanes.Run(), [&](std::exception_ptr thrown) {
      failure = std::move(thrown);
      io_.stop();
    });
    io_.run();
    work_ = nullptr;
    if (failure) std::rethrow_exception(failure);
    return;
  } catch (const std::exception& error) {
    work_ = nullptr;
    events_.OnNotice(absl::StrCat("fetcher thread ", name_, " died: ", error.what()));
    dead_.store(true, std::memory_order_release);
    // A look at the metadata makes another one (Tend); at once, unless that would go on without end.
    if (config_.clock->Now() - began >= kShortLife) events_.OnLeaderInDoubt(leader_, "its fetcher thread died");
  }
  // Removals are still answered until Stop: whoever waits for one must not wait for ever.
  io_.restart();
  io_.run();
}

void FetcherThread::AddPartitions(std::vector<InitialFetchState> partitions) {
  asio::post(io_, [this, partitions = std::move(partitions)]() mutable {
    if (work_ == nullptr) return;
    for (InitialFetchState& partition : partitions) work_->lanes.Add(std::move(partition));
  });
}

void FetcherThread::RemovePartitions(std::vector<TopicPartition> partitions, std::function<void()> removed) {
  asio::post(io_, [this, partitions = std::move(partitions), removed = std::move(removed)] {
    if (work_ == nullptr) {
      removed();
    } else {
      work_->lanes.Remove(partitions, removed);
    }
  });
}

void FetcherThread::LookAt(const TopicPartition& partition, LogOwner::Look look) {
  asio::post(io_, [this, partition, look = std::move(look)] {
    look(work_ == nullptr ? nullptr : work_->lanes.LogOf(partition));
  });
}

void FetcherThread::Stop() {
  asio::post(io_, [this] {
    if (work_ != nullptr) {
      work_->lanes.Stop();
    } else {
      io_.stop();
    }
  });
}

void FetcherThread::Join() {
  if (!thread_.joinable()) return;
  thread_.join();
  io_.restart();
  io_.poll();  // what was posted after the loop ended: removals
}

}  // namespace slipstream
