#include "fetcher/fetch_lane.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

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

FetchLane::FetchLane(const LaneShared& shared, LeaderEndpoint& leader, LaneKind kind, LaneNeighbours* neighbours)
    : lane_{shared,    shared.thread_counters[static_cast<size_t>(kind)], leader, kind, LimitsOf(kind, shared.config),
            neighbours},
      answer_size_(lane_.limits.response_start_bytes, lane_.limits.response_max_bytes),
      partitions_(lane_, answer_size_),
      run_(lane_,
           [this] {
             lane_.leader.Close();  // a fetch may wait there
             questions_.StopReading();
           }),
      truncation_(lane_, partitions_),
      flushes_(lane_, partitions_, run_, [this](const PartitionLog* log) { OnFlushEnded(log); }),
      removals_(lane_, run_),
      moves_(lane_, partitions_, flushes_, removals_),
      quota_(lane_, partitions_),
      upkeep_(lane_, partitions_, removals_, run_),
      questions_(lane_, partitions_, truncation_, run_),
      appends_(lane_, partitions_, truncation_, flushes_, run_),
      answers_(lane_, answer_size_, partitions_, quota_, moves_, appends_) {
  for (FetchExchange& exchange : exchanges_)
    exchange.landing = [this](const FetchableTopicResponse& topic, int32_t index) {
      return answers_.LandingOf(topic, index);
    };
}

FetchLane::~FetchLane() {
  SLIP_CHECK(appends_.running() == 0 && run_.in_flight == nullptr && !questions_.UnderWay() && !flushes_.RunsAny() &&
             !removals_.Runs());
}

// An exception, ours or a coroutine's, leaves only once nothing runs any more that knows this lane.
asio::awaitable<void> FetchLane::Run() {
  try {
    co_await RunRounds();
  } catch (...) {
    run_.Fail(std::current_exception());
    between_rounds_ = false;
  }
  removals_.Stop();
  while (questions_.UnderWay() || appends_.running() > 0 || flushes_.RunsAny() || removals_.Runs() ||
         (fetch_under_way() && !answered_))
    co_await run_.progress.Wait();
  run_.in_flight = nullptr;
  upkeep_.Stop();
  ApplyCommands();  // whoever waits for a removal gets it
  between_rounds_ = true;
  if (run_.failure()) std::rethrow_exception(run_.failure());
}

asio::awaitable<void> FetchLane::RunRounds() {
  LeaderWorkQueue& work = partitions_.work();
  while (!run_.over()) {
    ApplyCommands();
    moves_.HandOverLeaving();
    SLIP_CHECK_EQ(appends_.running(), 0u);
    if (upkeep_.MaintenanceDue()) co_await upkeep_.MaintainSomeLogs();
    upkeep_.CompactSomeLogs();
    if (!fetch_under_way() && work.HasWork()) co_await DoLeaderWork();
    if (run_.stopping()) break;
    if (CommandsWait()) continue;  // came meanwhile: a fetch begun now would hold them up
    const TimePoint now = lane_.Now();
    const TimePoint due = partitions_.WakeDelayed(now);
    if (!fetch_under_way() && work.HasWork()) continue;  // woken just now, or the leader was not reached
    questions_.StartAsking();
    if (!fetch_under_way() && moves_.AwaitsArrivals()) {
      co_await Idle(moves_.arrivals_until() - now);
    } else if (!fetch_under_way() && !StartFetch()) {
      co_await WaitForFetch(due - now);
    } else {
      co_await TakeAnswer();
    }
  }
}

asio::awaitable<void> FetchLane::WaitForFetch(std::chrono::nanoseconds until_due) {
  std::chrono::nanoseconds pause = std::min<std::chrono::nanoseconds>(until_due, lane_.config.replica_fetch_backoff);
  if (const std::chrono::nanoseconds wait = WaitForRate(); wait.count() > 0) {
    pause = std::min(pause, wait);
  } else if (quota_.LeavesOut()) {
    pause = std::min<std::chrono::nanoseconds>(pause, kQuotaLook);
  }
  without_work_ = true;
  co_await Idle(pause);
  without_work_ = false;
}

asio::awaitable<void> FetchLane::TakeAnswer() {
  between_rounds_ = true;
  answer_size_.OnWaiting(lane_.Now());
  while (!answered_) co_await run_.progress.Wait();
  between_rounds_ = false;
  FetchExchange& exchange = *std::exchange(run_.in_flight, nullptr);
  answered_ = false;
  if (run_.failure()) co_return;
  if (!fetch_status_.ok()) {
    co_await OnTransportError(fetch_status_);
    co_return;
  }
  OnAnswer();
  const bool usable = answers_.Judge(exchange.response);
  if (usable) transport_failures_ = 0;
  const bool undisturbed = !partitions_.work().HasWork() && !CommandsWait() && !moves_.AwaitsArrivals();
  if (MayFetchAhead() && usable && undisturbed) StartFetch();
  appends_.Start();
  while (appends_.running() > 0) co_await run_.progress.Wait();
  exchange.frame.reset();
  if (!usable) co_await PauseAfterFailure("fetch session refused");
}

void FetchLane::Add(InitialFetchState initial) {
  names_to_add_.insert(initial.partition);
  to_add_.push_back(std::move(initial));
  if (between_rounds_) ApplyCommands();
  run_.idle.Interrupt();
}

void FetchLane::Remove(std::vector<TopicPartition> partitions, std::function<void()> removed) {
  to_remove_.push_back({std::move(partitions), std::move(removed), {}});
  if (between_rounds_) ApplyCommands();
  run_.idle.Interrupt();
}

void FetchLane::Adopt(std::unique_ptr<FollowedPartition> partition) {
  SLIP_CHECK(!Holds(partition->name()));
  FollowedPartition& adopted = *partition;
  moves_.Hold(std::move(partition));
  partitions_.Declare(adopted);
  upkeep_.OnAdopted(adopted);
  // A pause after a failure is slept to its end.
  if (without_work_ || moves_.AwaitsArrivals()) run_.idle.Interrupt();
  moves_.OnArrival();
}

bool FetchLane::TakeCleaner() { return between_rounds_ && !run_.over() && upkeep_.TakeCleaner(); }

void FetchLane::ApplyCommands() {
  SLIP_CHECK_EQ(appends_.running(), 0u);
  for (Removal& removal : std::exchange(to_remove_, {})) {
    for (const TopicPartition& name : removal.partitions) {
      if (names_to_add_.erase(name) > 0)
        std::erase_if(to_add_, [&](const InitialFetchState& initial) { return initial.partition == name; });
      FollowedPartition* partition = partitions_.Find(name);
      if (partition == nullptr) continue;
      if (flushes_.Runs(partition->log())) removal.flushing.push_back(&partition->log());
      LetGoOf(*partition);
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
  upkeep_.LetGoOf(partition);
  partitions_.Undeclare(partition);
  moves_.Release(partition);
}

void FetchLane::StartPartition(InitialFetchState initial) {
  if (FollowedPartition* present = partitions_.Find(initial.partition)) {
    if (present->state.current_leader_epoch == initial.leader_epoch && present->initial.topic_id == initial.topic_id &&
        !present->state.failed)
      return;
    LetGoOf(*present);
  }
  auto partition = std::make_unique<FollowedPartition>();
  partition->initial = std::move(initial);
  partition->state.current_leader_epoch = partition->initial.leader_epoch;
  partition->state.fetch_offset = partition->log().log_end_offset();
  partition->truncation_fallback = partition->log().high_watermark();
  partitions_.Publish(*partition);
  partitions_.RequireLeaderWork(*partition, LeaderWork::kLookUpEpoch);
  moves_.Hold(std::move(partition));
}

void FetchLane::OnFlushEnded(const PartitionLog* log) {
  if (between_rounds_) moves_.HandOverLeaving();  // one that waited for this
  std::erase_if(removals_under_way_, [log](Removal& removal) {
    std::erase(removal.flushing, log);
    if (!removal.flushing.empty()) return false;
    removal.removed();
    return true;
  });
}

asio::awaitable<void> FetchLane::DoLeaderWork() {
  between_rounds_ = true;  // connects when needed
  const absl::StatusOr<bool> truncation_on_fetch = co_await lane_.leader.SupportsTruncationOnFetch();
  between_rounds_ = false;
  if (!truncation_on_fetch.ok()) {
    co_await OnTransportError(truncation_on_fetch.status());
    co_return;
  }
  truncation_.SetTruncationOnFetch(*truncation_on_fetch);
  LeaderWorkQueue& work = partitions_.work();
  std::vector<FollowedPartition*> told;
  while (FollowedPartition* partition = work.Take(LeaderWork::kTruncate)) told.push_back(partition);
  truncation_.Apply(told);
  while (!run_.stopping()) {
    FollowedPartition* const partition = work.Take(LeaderWork::kLookUpEpoch);
    if (partition == nullptr) break;
    const absl::Status durable = co_await truncation_.MakeDurable(*partition);
    if (!durable.ok()) {
      partitions_.MarkFailed(*partition, durable);
    } else if (truncation_.BeginFetching(*partition)) {
      work.Ask(*partition);
    }
  }
}

std::chrono::nanoseconds FetchLane::WaitForRate() const {
  if (lane_.config.rate_limit == nullptr) return std::chrono::nanoseconds(0);
  return lane_.config.rate_limit->Wait(lane_.Now(), Overdraft());
}

bool FetchLane::StartFetch() {
  if (WaitForRate().count() > 0) return false;
  quota_.Apply();
  if (partitions_.session().Idle() || quota_.OnlyLeftOut()) return false;
  lane_.lane_counters.requests.fetch_add(1, std::memory_order_relaxed);
  run_.in_flight = &exchanges_[next_exchange_];
  next_exchange_ = 1 - next_exchange_;
  answered_ = false;
  asio::co_spawn(lane_.io, FetchInto(*run_.in_flight), [this](std::exception_ptr thrown) {
    if (thrown) run_.Fail(std::move(thrown));
    answered_ = true;
    run_.progress.NotifyAll();
  });
  return true;
}

asio::awaitable<void> FetchLane::FetchInto(FetchExchange& exchange) {
  const absl::StatusOr<bool> topic_ids = co_await lane_.leader.SupportsTopicIds();
  if (topic_ids.ok()) {
    FetchSession& session = partitions_.session();
    FetchRequest& request = exchange.request;
    request.max_wait_ms = session.WantsNone() ? 0 : static_cast<int32_t>(lane_.limits.wait_max.count());
    request.min_bytes = lane_.config.replica_fetch_min_bytes;
    request.max_bytes = answer_size_.bytes();
    if (lane_.config.rate_limit != nullptr) {
      const int64_t allowed = lane_.config.rate_limit->BytesNow(lane_.Now(), Overdraft());
      request.max_bytes = static_cast<int32_t>(std::clamp<int64_t>(allowed, 1, request.max_bytes));
    }
    session.Build(request, *topic_ids);
    lane_.counters.fetches.fetch_add(1, std::memory_order_relaxed);
    fetch_status_ = co_await lane_.leader.Fetch(
        exchange, session.built_with_topic_ids() ? FetchRequest::kVersionMax : kFetchVersionByName);
  } else {
    fetch_status_ = topic_ids.status();
  }
}

void FetchLane::OnAnswer() {
  if (std::exchange(lane_.leader_reached, true)) return;
  lane_.events.OnLeaderReached(lane_.leader.broker_id(), lane_.leader.endpoint());
}

asio::awaitable<void> FetchLane::OnTransportError(absl::Status why) {
  answer_size_.OnFailure();
  // A connection that broke is made anew at once: only when that fails too is the leader lost. Silence is waited for
  // long enough the first time.
  if (!run_.stopping() && (transport_failures_ > 0 || absl::IsDeadlineExceeded(why))) {
    lane_.leader_reached = false;
    lane_.events.OnLeaderLost(lane_.leader.broker_id(), why);
  }
  co_await PauseAfterFailure(std::string(why.message()));
}

asio::awaitable<void> FetchLane::PauseAfterFailure(std::string why) {
  partitions_.session().OnSendError();
  if (run_.stopping()) co_return;
  lane_.counters.fetch_errors.fetch_add(1, std::memory_order_relaxed);
  lane_.events.OnLeaderInDoubt(lane_.leader.broker_id(), why);
  ++transport_failures_;
  const std::chrono::milliseconds pause =
      BackoffAfter(transport_failures_, kTransportBackoff, kTransportBackoffMax, kNoJitter);
  co_await Idle(pause);
}

asio::awaitable<void> FetchLane::Idle(std::chrono::nanoseconds at_most) {
  if (CommandsWait()) co_return;  // came while nobody slept here
  between_rounds_ = true;
  if (!run_.stopping()) co_await run_.idle.For(at_most);
  between_rounds_ = false;
}

}  // namespace slipstream
