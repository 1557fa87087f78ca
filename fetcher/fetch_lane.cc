#include "fetcher/fetch_lane.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "log/check.h"
#include "session/backoff.h"

namespace slipstream {
namespace {

constexpr int16_t kFetchVersionByName = 12;
constexpr std::chrono::milliseconds kTransportBackoff{50};
constexpr std::chrono::milliseconds kTransportBackoffMax{1000};
// With nothing to fetch but what is beyond its quota: time alone brings the rate down.
constexpr std::chrono::milliseconds kQuotaLook{50};

}  // namespace

FetchLane::FetchLane(const Shared& shared, LeaderEndpoint& leader, LaneKind kind, LaneNeighbours* neighbours)
    : io_(shared.io),
      leader_(leader),
      queue_(shared.queue),
      config_(shared.config),
      events_(shared.events),
      counters_(shared.counters),
      lane_counters_(shared.lane_counters[static_cast<size_t>(kind)]),
      cleaner_(shared.cleaner),
      leader_reached_(shared.leader_reached),
      kind_(kind),
      limits_(LimitsOf(kind, config_)),
      neighbours_(neighbours),
      answer_size_(limits_.response_start_bytes, limits_.response_max_bytes),
      progress_(io_.get_executor()),
      idle_(io_.get_executor(), *config_.clock) {
  for (FetchExchange& exchange : exchanges_)
    exchange.landing = [this](const FetchableTopicResponse& topic, int32_t index) { return LandingOf(topic, index); };
}

FetchLane::~FetchLane() {
  SLIP_CHECK(appends_running_ == 0 && in_flight_ == nullptr && !asking_runs_ && remote_reads_.empty() &&
             flushing_.empty());
}

// An exception, ours or a coroutine's, leaves only once nothing runs any more that knows this lane.
asio::awaitable<void> FetchLane::Run() {
  try {
    co_await RunRounds();
  } catch (...) {
    failure_ = std::current_exception();
    between_rounds_ = false;
  }
  if (failure_) StopWaiting();
  while (asking_runs_ || !remote_reads_.empty() || appends_running_ > 0 || !flushing_.empty() ||
         (in_flight_ != nullptr && !answered_))
    co_await progress_.Wait();
  in_flight_ = nullptr;
  if (BeingCompacted() != nullptr) cleaner_.Stop();
  ApplyCommands();  // whoever waits for a removal gets it
  between_rounds_ = true;
  if (failure_) std::rethrow_exception(failure_);
}

asio::awaitable<void> FetchLane::RunRounds() {
  while (!stopping_ && !failure_) {
    ApplyCommands();
    HandOverLeaving();
    MaintainSomeLogs();
    CompactSomeLogs();
    if (in_flight_ == nullptr && !leader_work_.empty()) co_await DoLeaderWork();
    if (stopping_) break;
    if (!to_add_.empty() || !to_remove_.empty()) continue;  // came meanwhile: a fetch begun now would hold them up
    const TimePoint now = config_.clock->Now();
    const TimePoint due = WakeDelayed(now);
    if (in_flight_ == nullptr && !leader_work_.empty()) continue;  // woken just now, or the leader was not reached
    StartAsking();
    if (in_flight_ == nullptr && AwaitsArrivals()) {
      co_await Idle(arrivals_until_ - now);
      continue;
    }
    if (in_flight_ == nullptr && !StartFetch()) {
      std::chrono::nanoseconds pause = std::min<std::chrono::nanoseconds>(due - now, config_.replica_fetch_backoff);
      if (const std::chrono::nanoseconds wait = WaitForRate(); wait.count() > 0) {
        pause = std::min(pause, wait);
      } else if (!quota_hold_.left_out().empty()) {
        pause = std::min<std::chrono::nanoseconds>(pause, kQuotaLook);
      }
      without_work_ = true;
      co_await Idle(pause);
      without_work_ = false;
      continue;
    }
    between_rounds_ = true;
    answer_size_.OnWaiting(config_.clock->Now());
    while (!answered_) co_await progress_.Wait();
    between_rounds_ = false;
    FetchExchange& exchange = *std::exchange(in_flight_, nullptr);
    answered_ = false;
    if (failure_) break;
    if (!fetch_status_.ok()) {
      co_await OnTransportError(fetch_status_);
      continue;
    }
    OnAnswer();
    const bool usable = Judge(exchange);
    if (usable) transport_failures_ = 0;
    const bool undisturbed = leader_work_.empty() && to_add_.empty() && to_remove_.empty() && !AwaitsArrivals();
    if (MayFetchAhead() && usable && undisturbed) StartFetch();
    StartAppends();
    while (appends_running_ > 0) co_await progress_.Wait();
    exchange.frame.reset();
    if (!usable) co_await PauseAfterFailure("fetch session refused");
  }
}

void FetchLane::EndWith(std::exception_ptr thrown) {
  failure_ = std::move(thrown);
  StopWaiting();
}

void FetchLane::StopWaiting() {
  leader_.Close();  // a fetch may wait there
  if (remote_reader_) remote_reader_->Stop();
}

void FetchLane::Stop() {
  stopping_ = true;
  StopWaiting();
  idle_.Interrupt();
}

void FetchLane::Add(InitialFetchState initial) {
  names_to_add_.insert(initial.partition);
  to_add_.push_back(std::move(initial));
  if (between_rounds_) ApplyCommands();
  idle_.Interrupt();
}

void FetchLane::Remove(std::vector<TopicPartition> partitions, std::function<void()> removed) {
  to_remove_.push_back({std::move(partitions), std::move(removed), {}});
  if (between_rounds_) ApplyCommands();
  idle_.Interrupt();
}

void FetchLane::ApplyCommands() {
  SLIP_CHECK_EQ(appends_running_, 0u);
  for (Removal& removal : std::exchange(to_remove_, {})) {
    for (const TopicPartition& name : removal.partitions) {
      if (names_to_add_.erase(name) > 0)
        std::erase_if(to_add_, [&](const InitialFetchState& initial) { return initial.partition == name; });
      FollowedPartition* partition = Find(name);
      if (partition == nullptr) continue;
      if (Flushing(partition->log())) removal.flushing.push_back(&partition->log());
      LetGoOf(*partition);
      Release(*partition);
    }
    if (removal.flushing.empty()) {
      removal.removed();
    } else {
      removals_under_way_.push_back(std::move(removal));
    }
  }
  names_to_add_.clear();
  for (InitialFetchState& initial : std::exchange(to_add_, {})) StartPartition(std::move(initial));
}

void FetchLane::LetGoOf(FollowedPartition& partition) {
  if (cleaner_.log() == &partition.log()) cleaner_.Stop();
  Undeclare(partition);
}

void FetchLane::DropLeaderWork(FollowedPartition& partition) {
  for (auto* list : {&leader_work_, &to_ask_, &asking_}) std::erase(*list, &partition);
  for (RemoteRead& read : remote_reads_)
    if (read.partition == &partition) read.partition = nullptr;
}

void FetchLane::StartPartition(InitialFetchState initial) {
  if (FollowedPartition* present = Find(initial.partition)) {
    if (present->state.current_leader_epoch == initial.leader_epoch && present->initial.topic_id == initial.topic_id &&
        !present->state.failed)
      return;
    LetGoOf(*present);
    Release(*present);
  }
  auto partition = std::make_unique<FollowedPartition>();
  partition->initial = std::move(initial);
  partition->state.current_leader_epoch = partition->initial.leader_epoch;
  partition->state.fetch_offset = partition->log().log_end_offset();
  partition->truncation_fallback = partition->log().high_watermark();
  Publish(*partition);
  RequireLeaderWork(*partition, LeaderWork::kLookUpEpoch);
  Hold(std::move(partition));
}

FollowedPartition* FetchLane::Find(const TopicPartition& partition) {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void FetchLane::Declare(FollowedPartition& partition) {
  if (partition.lane != kind_) return;  // about to leave: whoever takes it asks for it
  FetchPartitionData data;
  data.topic_id = partition.initial.topic_id;
  data.fetch_offset = partition.state.fetch_offset;
  data.log_start_offset = config_.replica_id < BrokerId{0} ? Offset{-1} : partition.log().log_start_offset();
  data.partition_max_bytes = PartitionBytesMax(partition);
  data.current_leader_epoch = partition.state.current_leader_epoch;
  data.last_fetched_epoch = partition.state.last_fetched_epoch.value_or(LeaderEpoch{});
  session_.Set(partition.name(), data);
  WatchForQuota(partition);
}

void FetchLane::DeclareLogStart(FollowedPartition& partition) {
  if (config_.replica_id >= BrokerId{0} && session_.Wants(partition.name())) Declare(partition);
}

void FetchLane::Undeclare(FollowedPartition& partition) {
  session_.Remove(partition.name());
  quota_hold_.Forget(partition);
}

void FetchLane::RequireLeaderWork(FollowedPartition& partition, LeaderWork work) {
  Undeclare(partition);
  partition.work = work;
  EnqueueWork(partition);
}

void FetchLane::EnqueueWork(FollowedPartition& partition) {
  const bool asks = partition.work == LeaderWork::kResetOffset || partition.work == LeaderWork::kLowerTarget ||
                    partition.work == LeaderWork::kRebuild;
  (asks ? to_ask_ : leader_work_).push_back(&partition);
}

FetchLane::TimePoint FetchLane::WakeDelayed(TimePoint now) {
  TimePoint due = TimePoint::max();
  std::erase_if(delayed_, [&](FollowedPartition* partition) {
    if (partition->state.Delayed(now)) {
      due = std::min(due, *partition->state.delayed_until);
      return false;
    }
    partition->state.delayed_until.reset();
    partition->initial.progress->health.store(PartitionHealth::kFetching);
    if (partition->work != LeaderWork::kNone) {
      EnqueueWork(*partition);
      due = now;
    } else {
      Declare(*partition);
    }
    return true;
  });
  return due;
}

void FetchLane::Delay(FollowedPartition& partition, std::chrono::milliseconds wait) {
  Undeclare(partition);
  // Its work is taken up again once its time has come, and not before.
  DropLeaderWork(partition);
  partition.state.Delay(config_.clock->Now(), wait);
  partition.initial.progress->health.store(partition.state.failed ? PartitionHealth::kFailed
                                                                  : PartitionHealth::kDelayed);
  if (std::find(delayed_.begin(), delayed_.end(), &partition) == delayed_.end()) delayed_.push_back(&partition);
}

void FetchLane::BackOff(FollowedPartition& partition) {
  Delay(partition, BackoffAfter(partition.state.failures + 1, config_.replica_fetch_backoff,
                                config_.failed_partition_backoff_max, kNoJitter));
}

void FetchLane::MarkFailed(FollowedPartition& partition, const absl::Status& why) {
  partition.state.failed = true;
  counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  BackOff(partition);
  events_.OnPartitionFailed(partition.name(), why, !partition.log().failure().ok());
}

std::chrono::nanoseconds FetchLane::WaitForRate() const {
  if (config_.rate_limit == nullptr) return std::chrono::nanoseconds(0);
  return config_.rate_limit->Wait(config_.clock->Now(), Overdraft());
}

bool FetchLane::StartFetch() {
  if (WaitForRate().count() > 0) return false;
  ApplyQuota();
  if (session_.Idle() || OnlyLeftOut()) return false;
  lane_counters_.requests.fetch_add(1, std::memory_order_relaxed);
  in_flight_ = &exchanges_[next_exchange_];
  next_exchange_ = 1 - next_exchange_;
  answered_ = false;
  asio::co_spawn(io_, FetchInto(*in_flight_), [this](std::exception_ptr thrown) {
    if (thrown) failure_ = std::move(thrown);
    answered_ = true;
    progress_.NotifyAll();
  });
  return true;
}

asio::awaitable<void> FetchLane::FetchInto(FetchExchange& exchange) {
  const absl::StatusOr<bool> topic_ids = co_await leader_.SupportsTopicIds();
  if (topic_ids.ok()) {
    FetchRequest& request = exchange.request;
    request.max_wait_ms = session_.WantsNone() ? 0 : static_cast<int32_t>(limits_.wait_max.count());
    request.min_bytes = config_.replica_fetch_min_bytes;
    request.max_bytes = answer_size_.bytes();
    if (config_.rate_limit != nullptr) {
      const int64_t allowed = config_.rate_limit->BytesNow(config_.clock->Now(), Overdraft());
      request.max_bytes = static_cast<int32_t>(std::clamp<int64_t>(allowed, 1, request.max_bytes));
    }
    session_.Build(request, *topic_ids);
    counters_.fetches.fetch_add(1, std::memory_order_relaxed);
    fetch_status_ = co_await leader_.Fetch(
        exchange, session_.built_with_topic_ids() ? FetchRequest::kVersionMax : kFetchVersionByName);
  } else {
    fetch_status_ = topic_ids.status();
  }
}

void FetchLane::OnAnswer() {
  if (std::exchange(leader_reached_, true)) return;
  events_.OnLeaderReached(leader_.broker_id(), leader_.endpoint());
}

asio::awaitable<void> FetchLane::OnTransportError(absl::Status why) {
  answer_size_.OnFailure();
  // A connection that broke is made anew at once: only when that fails too is the leader lost. Silence is waited for
  // long enough the first time.
  if (!stopping_ && (transport_failures_ > 0 || absl::IsDeadlineExceeded(why))) {
    leader_reached_ = false;
    events_.OnLeaderLost(leader_.broker_id(), why);
  }
  co_await PauseAfterFailure(std::string(why.message()));
}

asio::awaitable<void> FetchLane::PauseAfterFailure(std::string why) {
  session_.OnSendError();
  if (stopping_) co_return;
  counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  events_.OnLeaderInDoubt(leader_.broker_id(), why);
  ++transport_failures_;
  const std::chrono::milliseconds pause =
      BackoffAfter(transport_failures_, kTransportBackoff, kTransportBackoffMax, kNoJitter);
  co_await Idle(pause);
}

asio::awaitable<void> FetchLane::Idle(std::chrono::nanoseconds at_most) {
  if (!to_add_.empty() || !to_remove_.empty()) co_return;  // came while nobody slept here
  between_rounds_ = true;
  if (!stopping_) co_await idle_.For(at_most);
  between_rounds_ = false;
}

}  // namespace slipstream
