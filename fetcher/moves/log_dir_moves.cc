#include "fetcher/moves/log_dir_moves.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "fetcher/moves/local_leader_endpoint.h"
#include "log/directory_health.h"
#include "log/status.h"

namespace slipstream {
namespace {

// The partition is not followed while its future log fetches what came last: what takes longer is tried again later.
constexpr std::chrono::seconds kFinishWithin{2}, kAgainAfter{10};
constexpr std::chrono::milliseconds kFinishLook{2};
constexpr int kFailuresMax = 5;  // for want of room or descriptors: then it is given up

FetcherConfig ConfigOfMoves(FetcherConfig config, ByteRateLimit* rate_limit) {
  config.replica_id = BrokerId{};
  config.num_replica_fetchers = 1;                                 // per "leader": a thread is one
  config.gap_policy = GapPolicy::kRestart;                         // the current log decides what there is,
  config.retention_check_interval = std::chrono::hours(24 * 365);  // and where it starts
  config.rate_limit = rate_limit;
  config.follower_throttle = nullptr;  // RQ-10: they have a bound of their own, and know no list
  return config;
}

}  // namespace

// From the threads that fetch to the control thread. Leaders here are logs of this process: they are never lost.
class LogDirMoves::Events final : public FetchEvents {
 public:
  Events(asio::io_context& io, LogDirMoves& moves) : io_(io), moves_(moves) {}

  void OnLeaderInDoubt(BrokerId, const std::string&) override {}
  void OnLeaderLost(BrokerId, const absl::Status&) override {}
  void OnLeaderReached(BrokerId, const Endpoint&) override {}
  void OnTruncated(const TopicPartition&, Offset, Offset, bool) override {}
  // No checkpoint speaks of a future log that is being fetched (LogManager::GetOrCreateFuture).
  absl::Status PersistOffsets(const std::vector<LogOffsets>&) override { return absl::OkStatus(); }
  void OnGap(const TopicPartition&, Gap, std::optional<Offset>) override {}
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) override {
    asio::post(io_, [this, partition, why, for_good] { moves_.OnFailed(partition, why, for_good); });
  }
  void OnNotice(const std::string& text) override {
    asio::post(io_, [this, text] { moves_.OnNotice(text); });
  }
  void OnUnreadable(const TopicPartition& partition, const absl::Status& why) {
    asio::post(io_, [this, partition, why] { moves_.OnUnreadable(partition, why); });
  }

 private:
  asio::io_context& io_;
  LogDirMoves& moves_;
};

LogDirMoves::LogDirMoves(asio::io_context& io, LogManager& logs, LogOwner& owner, FetcherConfig config, int32_t threads,
                         ByteRateLimit* rate_limit, Tell tell, TellAtLarge tell_at_large)
    : logs_(logs),
      clock_(*config.clock),
      threads_(threads),
      tell_(std::move(tell)),
      tell_at_large_(std::move(tell_at_large)),
      events_(std::make_unique<Events>(io, *this)),
      fetchers_(
          io, ConfigOfMoves(config, rate_limit),
          [&owner, clock = config.clock, events = events_.get()](asio::io_context& thread_io, BrokerId,
                                                                 const Endpoint&) {
            return std::make_unique<LocalLeaderEndpoint>(
                thread_io, owner, *clock, [events](const TopicPartition& partition, const absl::Status& why) {
                  events->OnUnreadable(partition, why);
                });
          },
          *events_, counters_, "mover"),
      pause_(io.get_executor(), clock_) {
  for (auto& [partition, log_dir] : logs_.futures()) moves_[partition].log_dir = std::move(log_dir);
}

LogDirMoves::~LogDirMoves() = default;

void LogDirMoves::Stop() {
  stopping_ = true;
  pause_.Interrupt();
}

void LogDirMoves::Close() {
  Stop();
  fetchers_.Close();
}

asio::awaitable<absl::Status> LogDirMoves::Request(TopicPartition partition, std::filesystem::path log_dir) {
  const auto found = moves_.find(partition);
  if (found != moves_.end() && found->second.log_dir == log_dir && found->second.given_up.ok())
    co_return absl::OkStatus();
  const auto vain = given_up_.find(partition);
  if (vain != given_up_.end() && vain->second == log_dir) co_return absl::OkStatus();
  co_await Cancel(partition);
  if (logs_.log_dir(partition) == log_dir) co_return absl::OkStatus();
  SLIP_CO_RETURN_IF_ERROR(logs_.GetOrCreateFuture(partition, log_dir).status());
  moves_[partition].log_dir = std::move(log_dir);
  co_return absl::OkStatus();
}

asio::awaitable<void> LogDirMoves::Cancel(TopicPartition partition) {
  if (moves_.contains(partition)) co_await End(partition, absl::CancelledError("it is no longer wanted"));
}

bool LogDirMoves::HasSource(const TopicPartition& partition) const {
  return logs_.Find(partition) != nullptr && !logs_.IsOffline(partition);
}

int32_t LogDirMoves::FreeThread() const {
  for (int32_t thread = 0; thread < threads_; ++thread) {
    const bool busy = std::ranges::any_of(moves_, [thread](const auto& move) { return move.second.thread == thread; });
    if (!busy) return thread;
  }
  return -1;
}

asio::awaitable<void> LogDirMoves::Tend() {
  GiveUpThoseToOfflineDirs();
  for (const TopicPartition& partition : partitions()) {
    Move& move = moves_.at(partition);
    if (!move.given_up.ok()) {
      given_up_[partition] = move.log_dir;
      co_await End(partition, move.given_up);
    } else if (move.thread >= 0 && !HasSource(partition)) {
      TellOfTrouble(partition, absl::UnavailableError("the log dir that it lies in is offline"));
      std::vector<TopicPartition> names{partition};
      co_await fetchers_.Remove(std::move(names));
      move.thread = -1;
    } else if (move.thread < 0 && HasSource(partition) && move.due <= clock_.Now() && !stopping_) {
      if (const int32_t thread = FreeThread(); thread >= 0) co_await Begin(partition, thread);
    }
  }
  fetchers_.Tend();
}

// Those too that wait for a thread, or have copied all and write nothing: no append of theirs tells of it.
void LogDirMoves::GiveUpThoseToOfflineDirs() {
  for (const LogManager::OfflineDirectory& directory : logs_.offline_directories())
    for (auto& [partition, move] : moves_)
      if (move.log_dir == directory.path) move.given_up.Update(directory.cause);
}

std::vector<TopicPartition> LogDirMoves::partitions() const {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, move] : moves_) partitions.push_back(partition);
  return partitions;
}

asio::awaitable<void> LogDirMoves::Begin(TopicPartition partition, int32_t thread) {
  Move& move = moves_.at(partition);
  const absl::Status made = logs_.GetOrCreateFuture(partition, move.log_dir).status();
  if (!made.ok()) {
    move.due = clock_.Now() + kAgainAfter;
    TellOfTrouble(partition, made);
    co_return;
  }
  tell_(partition, absl::StrCat("moving to ", move.log_dir.native()));
  move.thread = thread;
  co_await Fetch(partition);
}

asio::awaitable<void> LogDirMoves::Fetch(TopicPartition partition) {
  const Move& move = moves_.at(partition);
  PartitionLog* const future = logs_.FindFuture(partition);
  // No leader epoch: the current log is there or it is not, whoever leads the partition (AD-05).
  std::vector<InitialFetchState> initial{
      {partition, future->topic_id().value_or(Uuid{}), LeaderEpoch{}, future, move.progress}};
  const Endpoint here{"this process", 0};
  co_await fetchers_.Add(BrokerId{move.thread}, here, std::move(initial));
}

void LogDirMoves::OnFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) {
  const auto found = moves_.find(partition);
  if (found == moves_.end()) return;
  Move& move = found->second;
  const Offset end{move.progress->log_end_offset.load()};
  move.failures = end == move.failed_at ? move.failures + 1 : 1;
  move.failed_at = end;
  const bool in_vain = absl::IsResourceExhausted(why) && move.failures >= kFailuresMax;
  if (for_good || IsDiskFailure(why) || in_vain) {
    move.given_up = why;
  } else {
    TellOfTrouble(partition, why);
  }
}

void LogDirMoves::OnUnreadable(const TopicPartition& partition, const absl::Status& why) {
  const auto found = moves_.find(partition);
  if (found == moves_.end()) return;
  if (absl::IsFailedPrecondition(why)) {
    found->second.given_up = why;
  } else {
    TellOfTrouble(partition, why);
  }
}

// Such as a batch that is damaged on the disk, with each try.
void LogDirMoves::OnNotice(const std::string& text) {
  if (text == last_notice_) return;
  last_notice_ = text;
  tell_at_large_(absl::StrCat("moves between log dirs: ", text));
}

// Once for all tries.
void LogDirMoves::TellOfTrouble(const TopicPartition& partition, const absl::Status& why) {
  Move& move = moves_.at(partition);
  if (move.trouble == why.message()) return;
  move.trouble = std::string(why.message());
  tell_(partition, absl::StrCat("moving to ", move.log_dir.native(), ": ", why.message(), "; will be retried"));
}

asio::awaitable<void> LogDirMoves::End(TopicPartition partition, absl::Status why) {
  std::vector<TopicPartition> names{partition};
  co_await fetchers_.Remove(std::move(names));
  const auto found = moves_.find(partition);
  tell_(partition, absl::StrCat("move to ", found->second.log_dir.native(), " ended: ", why.message()));
  moves_.erase(found);
  // Without a current log it may be all there is.
  if (logs_.Find(partition) == nullptr || logs_.FindFuture(partition) == nullptr) co_return;
  if (const absl::Status deleted = logs_.DeleteFuture(partition); !deleted.ok())
    tell_(partition, absl::StrCat("what was copied stays: ", deleted.message()));
}

bool LogDirMoves::AnyWithoutTrouble() const {
  return std::ranges::any_of(moves_, [this](const auto& entry) {
    return entry.second.progress->health.load() == PartitionHealth::kFetching && HasSource(entry.first);
  });
}

std::vector<TopicPartition> LogDirMoves::Ready() const {
  std::vector<TopicPartition> ready;
  for (const auto& [partition, move] : moves_) {
    const bool fetching = move.thread >= 0 && move.progress->health.load() == PartitionHealth::kFetching;
    const bool has_all = fetching && move.given_up.ok() && move.progress->Lag() == 0;
    if (has_all && move.due <= clock_.Now()) ready.push_back(partition);
  }
  return ready;
}

asio::awaitable<void> LogDirMoves::Finish(TopicPartition partition) {
  const PartitionLog* const current = logs_.Find(partition);
  if (current == nullptr) co_return;  // Tend parks the move
  Move& move = moves_.at(partition);
  move.due = clock_.Now() + kAgainAfter;
  absl::Status finished = co_await AwaitRest(partition, current->log_end_offset());
  if (finished.ok()) {
    std::vector<TopicPartition> names{partition};
    co_await fetchers_.Remove(std::move(names));
    finished = HasAll(*current, *logs_.FindFuture(partition)) ? logs_.PromoteFuture(partition).status()
                                                              : absl::AbortedError("the current log was cut meanwhile");
    const bool goes_on = !finished.ok() && logs_.Find(partition) != nullptr;
    if (goes_on) co_await Fetch(partition);
  }
  if (finished.ok()) {
    tell_(partition, absl::StrCat("moved to ", move.log_dir.native()));
  } else if (!stopping_) {
    TellOfTrouble(partition, finished);
  }
  if (logs_.FindFuture(partition) == nullptr || logs_.Find(partition) == nullptr) moves_.erase(partition);
}

asio::awaitable<absl::Status> LogDirMoves::AwaitRest(TopicPartition partition, Offset end) {
  const std::shared_ptr<PartitionProgress> progress = moves_.at(partition).progress;
  const Clock::TimePoint give_up_at = clock_.Now() + kFinishWithin;
  while (Offset{progress->log_end_offset.load()} < end) {
    if (stopping_) co_return absl::CancelledError("stopping");
    if (clock_.Now() >= give_up_at || progress->health.load() != PartitionHealth::kFetching)
      co_return absl::DeadlineExceededError(
          absl::StrCat("the future log ends at ", progress->log_end_offset.load(), ", the current one at ", end.value));
    co_await pause_.For(kFinishLook);
  }
  co_return absl::OkStatus();
}

// Of what the current log still has, which may begin above what was copied.
bool LogDirMoves::HasAll(const PartitionLog& current, const PartitionLog& future) const {
  const Offset end = current.log_end_offset();
  if (future.log_end_offset() != end || future.log_start_offset() > current.log_start_offset()) return false;
  const Offset last = end + -1;  // offsets may be those of another leader's records
  return current.log_start_offset() == end ||
         current.epochs().EpochForOffset(last) == future.epochs().EpochForOffset(last);
}

}  // namespace slipstream
