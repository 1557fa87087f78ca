// Follower: its processes, how they end and what is left of the disk.
#include "tests/sim/follower.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <cstdio>

#include "log/check.h"

namespace slipstream::sim {
namespace {

constexpr uint64_t kNever = uint64_t{1} << 62;

}  // namespace

Follower::Follower(const Options& options, Random& random, Scheduler& scheduler, Trace& trace, Model& model)
    : options_(options),
      random_(random),
      scheduler_(scheduler),
      trace_(trace),
      model_(model),
      rate_limit_(options.bytes_per_second == 0
                      ? nullptr
                      : std::make_unique<ByteRateLimit>(options.bytes_per_second, scheduler.now())),
      throttle_(BrokerId{kReplicaId}, {}, scheduler.now()),
      config_([&] {
        FetcherConfig config = options.Fetcher();
        config.clock = &scheduler.clock();
        config.rate_limit = rate_limit_.get();
        config.follower_throttle = &throttle_;
        return config;
      }()),
      directory_config_{.log_dir = "/disk/logs",
                        .log = options.Log(),
                        .num_recovery_threads = 1,
                        .num_sync_threads = 1,
                        .cluster_id = "simulated",
                        .clock = &scheduler.clock()},
      disk_(std::make_unique<SimulatedDisk>()),
      began_at_(scheduler.now()),
      lane_watch_(trace) {
  SLIP_CHECK(config_.Validate().ok());
  SLIP_CHECK(disk_->CreateDirectories("/disk").ok() && disk_->SyncDirectory("/").ok());
  for (int32_t i = 0; i < options.partitions; ++i) followed_.push_back({.name = {"orders", i}});
  if (options.quota_bytes_per_second > 0) {
    throttle_.SetBound(options.quota_bytes_per_second);
    ListThrottled("*");
  }
}

void Follower::ListThrottled(absl::string_view replicas) {
  ThrottledReplicas listed(BrokerId{kReplicaId});
  SLIP_CHECK(listed.Update("orders", replicas).ok());
  throttle_.SetReplicas(std::move(listed));
}

Follower::~Follower() {
  disk_->CrashAfter(0);
  StopFetchers();
  fetchers_.clear();
}

void Follower::Every(std::chrono::milliseconds mean, std::function<void()> act) {
  if (mean.count() == 0) return;
  scheduler_.After(random_.WaitUpTo(2 * mean), [this, mean, act = std::move(act)] {
    if (healed_) return;
    if (Running()) act();
    Every(mean, act);
  });
}

void Follower::Start() {
  StartProcess();
  Every(options_.crash_every, [this] { Crash(); });
  Every(options_.clean_stop_every, [this] { ending_ = Ending::kCleanStop; });
  Every(options_.disk_full_every, [this] { FillDisk(); });
  Every(options_.disk_error_every, [this] { FailDisk(); });
  Every(options_.quota_change_every, [this] {
    const auto partition = random_.Between(0, options_.partitions - 1);
    ListThrottled(random_.Chance({1, 2}) ? "*" : absl::StrCat(partition, ":", kReplicaId));
  });
}

void Follower::Crash() {
  const Ending how = random_.Chance(options_.power_cut) ? Ending::kPowerCut : Ending::kKill;
  const bool between_calls = random_.Chance({1, 3});
  if (between_calls) {
    ending_ = how;
    return;
  }
  CrashWithin(40, Options::Ms(300));
}

// In the middle of what it does next; or soon, if it does nothing.
void Follower::CrashWithin(uint64_t calls, std::chrono::milliseconds time) {
  armed_ = true;
  disk_->CrashAfter(1 + random_.Below(calls));
  scheduler_.After(random_.WaitUpTo(time), [this, process = process_] {
    if (process == process_ && Running()) disk_->CrashAfter(0);
  });
}

void Follower::FillDisk() {
  trace_.Tell("the disk is full");
  disk_full_ = true;
  scheduler_.After(random_.WaitUpTo(Options::Ms(3000)), [this] { disk_full_ = false; });
}

void Follower::FailDisk() {
  armed_ = true;
  disk_->FailCall(random_.Below(30), absl::UnavailableError("input/output error"));
}

void Follower::EndSoon(std::chrono::milliseconds within) {
  scheduler_.After(random_.WaitUpTo(within), [this, process = process_] {
    if (process == process_ && Running()) ending_ = Ending::kPowerCut;
  });
}

void Follower::Repeat(std::chrono::milliseconds mean, void (Follower::*act)()) {
  scheduler_.After(random_.WaitUpTo(2 * mean), [this, mean, act, process = process_] {
    if (process != process_ || !Running()) return;
    (this->*act)();
    Repeat(mean, act);
  });
}

void Follower::StartSoon() {
  scheduler_.After(random_.WaitUpTo(options_.away_max), [this] {
    if (directory_ == nullptr) StartProcess();
  });
}

void Follower::StartProcess() {
  ++process_;
  const bool dies_in_recovery = options_.crash_every.count() > 0 && !healed_ && random_.Chance({1, 6});  // F18
  if (dies_in_recovery) disk_->CrashAfter(random_.Below(150));
  absl::StatusOr<std::unique_ptr<LogDirectory>> opened = LogDirectory::Open(*disk_, directory_config_);
  trace_.Tell("process ", process_, " starts: ", opened.ok() ? "ok" : std::string(opened.status().message()));
  if (!opened.ok()) {
    if (!disk_->crashed() && !disk_->failed_one())
      trace_.Report("INV-18", absl::StrCat("the log dir does not open: ", opened.status().message()));
    const bool killed = disk_->crashed() && !disk_->failed_one() && !random_.Chance(options_.power_cut);
    LeaveDisk(killed ? Ending::kKill : Ending::kPowerCut);
    StartSoon();
    return;
  }
  directory_ = *std::move(opened);
  Disarm();
  for (Followed& followed : followed_) Recovered(followed);
  recovered_ = true;
  Refresh();
  Repeat(options_.metadata_every, &Follower::Refresh);
  Repeat(options_.checkpoint_every, &Follower::WriteCheckpoints);
}

void Follower::StopFetchers() {
  stopping_ = true;
  for (auto& [broker, fetcher] : fetchers_) {
    fetcher.queue->Hurry();
    fetcher.lanes->Stop();
  }
  const auto all_ended = [this] {
    return std::ranges::all_of(fetchers_, [](const auto& entry) { return entry.second.ended; });
  };
  while (!all_ended() && scheduler_.RunOneReady()) {
    for (Followed& followed : followed_) Look(followed);
  }
  if (!all_ended()) {
    for (const std::string& event : trace_.last_events()) std::fprintf(stderr, "  %s\n", event.c_str());
  }
  SLIP_CHECK(all_ended());  // FM-18: a lane that is stopped ends
}

void Follower::EndProcess(Ending ending) {
  between_calls_ = !disk_->crashed();
  trace_.Tell("process ", process_,
              ending == Ending::kCleanStop ? " stops"
              : ending == Ending::kKill    ? " is killed"
                                           : " loses power");
  if (ending != Ending::kCleanStop) disk_->CrashAfter(0);
  StopFetchers();
  fetchers_.clear();
  lane_watch_.OnProcessEnd();
  if (ending == Ending::kCleanStop) ending = StopCleanly();
  directory_.reset();
  stopping_ = false;
  for (Followed& followed : followed_) {
    followed.place = Place::kNowhere;
    followed.holder = nullptr;
    followed.log = nullptr;
    followed.progress.reset();
    followed.wanted = {};
    followed.current_epoch = {};
  }
  if (ending == Ending::kCleanStop) disk_->CrashAfter(0);  // nothing comes after it
  LeaveDisk(ending);
  StartSoon();
}

// It may have died on the way, or die in the middle of it (F19).
Follower::Ending Follower::StopCleanly() {
  Disarm();
  const bool dies = options_.crash_every.count() > 0 && !healed_ && random_.Chance({1, 6});
  if (dies && !disk_->crashed()) disk_->CrashAfter(random_.Below(60));
  const absl::Status closed = directory_->Close();
  if (!disk_->crashed() && !disk_->failed_one()) {
    if (!closed.ok()) trace_.Report("INV-17", absl::StrCat("the log dir does not close: ", closed.message()));
    return Ending::kCleanStop;
  }
  between_calls_ = false;
  const bool cut = disk_->failed_one() || random_.Chance(options_.power_cut);
  trace_.Tell("process ", process_, cut ? " loses power while it stops" : " is killed while it stops");
  return cut ? Ending::kPowerCut : Ending::kKill;
}

// As the next process finds it.
void Follower::LeaveDisk(Ending ending) {
  if (ending == Ending::kPowerCut) {
    // Nothing but a random part leaves holes below what is there.
    constexpr Survives kHow[] = {Survives::kNothing,    Survives::kEverything,  Survives::kRandomPart,
                                 Survives::kRandomPart, Survives::kRandomPart,  Survives::kTornAt512,
                                 Survives::kTornAt4096, Survives::kTornAnywhere};
    disk_ = disk_->AfterPowerCut(random_.Pick(kHow), random_.Next());
    failure_told_ = false;
  } else {
    disk_->Restart();
  }
  // One that lost what a process before it wrote, lost it for the next as well.
  if (last_ending_ != Ending::kPowerCut || recovered_) last_ending_ = ending;
  recovered_ = false;
}

void Follower::Observe() {
  if (!Running()) return;
  if (!disk_->crashed())
    for (Followed& followed : followed_) Look(followed);
  LookAtLanes();
  if (disk_->failed_one() && !std::exchange(failure_told_, true)) trace_.Tell("failed: ", disk_->failed_call());
  // Whoever is dead does not stop cleanly any more.
  const bool dies = ending_ == Ending::kKill || ending_ == Ending::kPowerCut;
  if (disk_->crashed() && !dies)
    ending_ = disk_->failed_one() || random_.Chance(options_.power_cut) ? Ending::kPowerCut : Ending::kKill;
  if (ending_ == Ending::kNone) return;
  // A disk that failed once may have lost what was written: nothing but a power cut shows what it still has.
  const Ending how = disk_->failed_one() ? Ending::kPowerCut : std::exchange(ending_, Ending::kNone);
  ending_ = Ending::kNone;
  EndProcess(how);
}

// What was set to fail or to die does not.
void Follower::Disarm() {
  disk_->FailCall(kNever, absl::OkStatus());
  if (!disk_->crashed()) disk_->CrashAfter(kNever);
  armed_ = false;
}

void Follower::Heal() {
  healed_ = true;
  disk_full_ = false;
  Disarm();
  const bool broken = Running() && (disk_->failed_one() || directory_->health().offline());
  if (broken) ending_ = Ending::kPowerCut;
}

}  // namespace slipstream::sim
