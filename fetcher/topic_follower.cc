#include "fetcher/topic_follower.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

#include "log/in_range.h"
#include "log/status.h"
#include "session/remote_leader_endpoint.h"

namespace slipstream {
namespace {

// What happens to one partition often happens to its neighbours: so long is waited for them, to tell it in one line.
constexpr std::chrono::milliseconds kJoinNotices{200};

absl::StatusOr<std::vector<std::regex>> CompilePatterns(const std::vector<std::string>& topics) {
  std::vector<std::regex> patterns;
  for (const std::string& pattern : topics) {
    try {
      patterns.emplace_back(pattern);
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("topic '", pattern, "' is not a regular expression: ", error.what()));
    }
  }
  return patterns;
}

std::string OffsetRange(const Gap& gap) { return absl::StrCat("offsets ", gap.from.value, " to ", gap.to.value - 1); }

}  // namespace

// From the fetcher threads to the control thread.
class TopicFollower::Events final : public FetchEvents {
 public:
  explicit Events(TopicFollower& follower) : follower_(follower) {}

  void OnLeaderInDoubt(BrokerId, const std::string&) override {
    asio::post(follower_.io_, [this] {
      follower_.refreshes_.Want();
      follower_.refresh_sleep_.Interrupt();
    });
  }
  void OnLeaderLost(BrokerId leader, const absl::Status& why) override {
    asio::post(follower_.io_, [this, leader, why] { follower_.OnLeaderLost(leader, why); });
  }
  void OnLeaderReached(BrokerId leader, const Endpoint& endpoint) override {
    asio::post(follower_.io_,
               [this, leader, endpoint] { follower_.TellOfLeader(follower_.leaders_.OnReached(leader, endpoint)); });
  }
  void OnTruncated(const TopicPartition& partition, Offset from, Offset to, bool below_high_watermark) override {
    const std::string what = below_high_watermark
                                 ? "truncated below the high watermark, the leader lost records in an unclean election"
                                 : "truncated";
    TellOf(partition, what, absl::StrCat("from offset ", from.value, " to ", to.value));
  }
  absl::Status PersistOffsets(const std::vector<LogOffsets>& offsets) override {
    return follower_.logs_.WriteCheckpoints(offsets);
  }
  void OnGap(const TopicPartition& partition, Gap gap, std::optional<Offset> restarted_at) override {
    const std::string lost = absl::StrCat(partition.ToString(), ": gap: ", OffsetRange(gap),
                                          gap.copied ? " were lost at the source, whose log ends below the copy"
                                                     : " were deleted at the source before they were copied");
    if (restarted_at) {
      Tell(absl::StrCat(lost, "; restarted at offset ", restarted_at->value));
    } else {
      End(absl::OutOfRangeError(lost));
    }
  }
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) override {
    if (absl::IsOutOfRange(why)) return;  // a gap, told already
    asio::post(follower_.io_,
               [this, partition, why, for_good] { follower_.OnPartitionFailed(partition, why, for_good); });
  }
  void OnNotice(const std::string& text) override { Tell(text); }

 private:
  void Tell(std::string text) {
    asio::post(follower_.io_, [this, text = std::move(text)] { follower_.notice_(NoticeKind::kEvent, text); });
  }
  void TellOf(const TopicPartition& partition, std::string what, std::string detail) {
    asio::post(follower_.io_, [this, partition, what = std::move(what), detail = std::move(detail)] {
      follower_.TellOf(partition, what, detail);
    });
  }
  void End(absl::Status why) {
    asio::post(follower_.io_, [this, why = std::move(why)] { follower_.EndWith(why); });
  }

  TopicFollower& follower_;
};

absl::Status FollowConfig::Validate() const {
  SLIP_RETURN_IF_ERROR(CompilePatterns(topics).status());
  SLIP_RETURN_IF_ERROR(client.Validate());
  SLIP_RETURN_IF_ERROR(fetcher.Validate());
  // Else a leader that has nothing new looks dead.
  if (fetcher.replica_fetch_wait_max >= client.request_timeout)
    return absl::InvalidArgumentError(
        absl::StrCat("replica.fetch.wait.max.ms = ", fetcher.replica_fetch_wait_max.count(),
                     ", must be below request.timeout.ms = ", client.request_timeout.count()));
  // Else the answers that were asked for are refused.
  if (fetcher.replica_fetch_response_max_bytes >= client.response_bytes_max)
    return absl::InvalidArgumentError(
        absl::StrCat("replica.fetch.response.max.bytes = ", fetcher.replica_fetch_response_max_bytes,
                     ", must be below response.max.bytes = ", client.response_bytes_max));
  SLIP_RETURN_IF_ERROR(
      CheckInRange("fetch.version.max", fetch_version_max, FetchRequest::kVersionMin, FetchRequest::kVersionMax));
  SLIP_RETURN_IF_ERROR(CheckInRange("num.replica.alter.log.dirs.threads", num_replica_alter_log_dirs_threads, 1, 64));
  return CheckInRange("replica.high.watermark.checkpoint.interval.ms", checkpoint_interval.count(), 10, 3'600'000);
}

absl::StatusOr<std::unique_ptr<TopicFollower>> TopicFollower::Create(asio::io_context& io, LogManager& logs,
                                                                     FollowConfig config, NoticeSink notice) {
  SLIP_RETURN_IF_ERROR(config.Validate());
  SLIP_ASSIGN_OR_RETURN(std::vector<std::regex> topics, CompilePatterns(config.topics));
  return std::unique_ptr<TopicFollower>(
      new TopicFollower(io, logs, std::move(config), std::move(topics), std::move(notice)));
}

TopicFollower::TopicFollower(asio::io_context& io, LogManager& logs, FollowConfig config,
                             std::vector<std::regex> topics, NoticeSink notice)
    : io_(io),
      logs_(logs),
      config_(std::move(config)),
      topics_(std::move(topics)),
      notice_(std::move(notice)),
      cluster_(io, config_.bootstrap, config_.client),
      events_(std::make_unique<Events>(*this)),
      wishes_(config_.log_dir_wishes),
      refresh_sleep_(io.get_executor(), *config_.fetcher.clock),
      refresh_pause_(io.get_executor(), *config_.fetcher.clock),
      checkpoint_sleep_(io.get_executor()),
      checkpoints_ended_(io.get_executor()),
      join_timer_(io.get_executor()) {
  const auto make_leader = [client = config_.client, replica = config_.fetcher.replica_id,
                            version_max = static_cast<int16_t>(config_.fetch_version_max)](
                               asio::io_context& thread_io, BrokerId leader, const Endpoint& endpoint) {
    return std::make_unique<RemoteLeaderEndpoint>(thread_io, leader, endpoint, replica, client, version_max);
  };
  fetchers_ = std::make_unique<FetcherManager>(io, config_.fetcher, make_leader, *events_, counters_);
  LogOwner& current_logs = *this;
  moves_ = std::make_unique<LogDirMoves>(
      io, logs_, current_logs, config_.fetcher, config_.num_replica_alter_log_dirs_threads, config_.move_rate_limit,
      [this](const TopicPartition& partition, const std::string& what) { TellOf(partition, what, ""); },
      [this](const std::string& what) { notice_(NoticeKind::kEvent, what); });
  for (const LogManager::OfflineDirectory& directory : logs_.offline_directories()) NoteOffline(directory);
}

TopicFollower::~TopicFollower() = default;

asio::awaitable<absl::Status> TopicFollower::Run(bool until_caught_up) {
  until_caught_up_ = until_caught_up;
  absl::Status status = co_await cluster_.Bootstrap();
  if (status.ok()) status = logs_.BelongToCluster(cluster_.metadata().cluster_id);
  if (status.ok() && !stopping_) {
    asio::co_spawn(io_, WriteCheckpoints(), RethrowException{});
    status = co_await Reconcile();
  }
  if (status.ok() && until_caught_up && !found_topics_ && !stopping_)
    status = absl::NotFoundError(
        absl::StrCat("no topic of the cluster matches '", absl::StrJoin(config_.topics, "' or '"), "'"));
  if (status.ok() && !found_topics_ && !stopping_) notice_(NoticeKind::kEvent, "no topic of the cluster matches yet");
  if (status.ok()) status = co_await Follow();
  const bool told_to_stop = stopping_;
  stopping_ = true;
  cluster_.Close();
  moves_->Close();  // block until the last write is done
  fetchers_->Close();
  checkpoint_sleep_.Interrupt();
  while (checkpointing_) co_await checkpoints_ended_.Wait();
  co_await asio::post(io_, asio::use_awaitable);  // after what the fetchers told to the end
  TellJoined();
  if (!failure_.ok()) co_return failure_;
  if (!told_to_stop && !status.ok()) co_return status;
  if (!incomplete_.ok()) co_return incomplete_;
  co_return offline_cause_;
}

void TopicFollower::TellOf(const TopicPartition& partition, const std::string& what, const std::string& detail) {
  const bool first = joiner_.empty();
  joiner_.Add(partition, what, detail);
  if (!first) return;
  join_timer_.expires_after(kJoinNotices);
  join_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) TellJoined();
  });
}

void TopicFollower::TellJoined() {
  for (const std::string& line : joiner_.Take()) notice_(NoticeKind::kEvent, line);
}

void TopicFollower::TellOfLeader(const std::optional<std::string>& line) {
  if (line) notice_(NoticeKind::kLeader, *line);
}

void TopicFollower::OnLeaderLost(BrokerId leader, const absl::Status& why) {
  const std::optional<std::string> line = leaders_.OnLost(leader, PartitionsOf(leader), why);
  if (!line) return;  // known already
  TellOfLeader(line);
  refreshes_.WantAfterNews();
  refresh_sleep_.Interrupt();
  refresh_pause_.Interrupt();
}

void TopicFollower::TellOfLeadersDoneWith() {
  std::set<BrokerId> leading;
  for (const auto& [partition, followed] : followed_)
    if (followed.assigned) leading.insert(followed.leader.leader);
  for (const std::string& line : leaders_.OnLeadersChanged(leading)) TellOfLeader(line);
}

size_t TopicFollower::PartitionsOf(BrokerId leader) const {
  return static_cast<size_t>(std::ranges::count_if(followed_, [leader](const auto& entry) {
    return entry.second.assigned && entry.second.leader.leader == leader;
  }));
}

void TopicFollower::Stop() {
  stopping_ = true;
  refresh_sleep_.Interrupt();
  refresh_pause_.Interrupt();
  moves_->Stop();
  cluster_.Close();
}

void TopicFollower::Resize(int32_t num_replica_fetchers) {
  wanted_fetchers_ = num_replica_fetchers;
  refresh_sleep_.Interrupt();
}

asio::awaitable<absl::Status> TopicFollower::Follow() {
  Clock& clock = *config_.fetcher.clock;
  while (!stopping_) {
    co_await AwaitRefresh();
    if (stopping_) break;
    if (wanted_fetchers_) co_await fetchers_->Resize(*std::exchange(wanted_fetchers_, std::nullopt));
    if (stopping_) break;
    if (refreshes_.TakeTurnToAnother(clock.Now())) cluster_.TurnToAnother();
    refreshes_.Begin(clock.Now());
    const absl::Status refreshed = co_await cluster_.Refresh();
    const Clock::TimePoint ended = clock.Now();
    if (stopping_) break;
    if (refreshed.ok()) {
      const absl::Status reconciled = co_await Reconcile();
      if (!reconciled.ok()) co_return reconciled;
      TellOfLeadersDoneWith();
      // Dead brokers stay in the metadata until their sessions have ended, and fetchers try them ever less often.
      if (leaders_.AnyLost()) refreshes_.Want();
    }
    fetchers_->Tend();
    const std::chrono::nanoseconds pause = refreshes_.End(refreshed.ok(), ended);
    TellOfLeader(leaders_.OnMetadata(refreshes_.failures(), refreshed));
    co_await Pause(pause);
    refreshes_.EndPause();
  }
  co_return absl::OkStatus();
}

asio::awaitable<void> TopicFollower::Pause(std::chrono::nanoseconds pause) {
  Clock& clock = *config_.fetcher.clock;
  const Clock::TimePoint end = clock.Now() + pause;
  for (;;) {
    const std::chrono::nanoseconds left = end - clock.Now();
    if (stopping_ || left.count() <= 0) co_return;
    if (!co_await refresh_pause_.For(UntilMovesAreDue(left))) co_return;
    if (moves_->size() > 0) co_await TendMoves();
  }
}

asio::awaitable<void> TopicFollower::AwaitRefresh() {
  Clock& clock = *config_.fetcher.clock;
  const Clock::TimePoint due = clock.Now() + config_.client.metadata_max_age;
  for (;;) {
    co_await TendMoves();
    if (wishes_changed_ && !stopping_) continue;  // told meanwhile
    const std::chrono::nanoseconds left = due - clock.Now();
    if (stopping_ || refreshes_.wanted() || wanted_fetchers_ || left.count() <= 0) co_return;
    co_await refresh_sleep_.For(UntilMovesAreDue(left));
  }
}

void TopicFollower::EndWith(const absl::Status& why) {
  failure_.Update(why);
  Stop();
}

FollowSnapshot TopicFollower::Snapshot() const {
  FollowSnapshot snapshot;
  snapshot.partitions = followed_.size();
  for (const auto& [partition, followed] : followed_) {
    const PartitionProgress& progress = *followed.progress;
    const PartitionHealth health = progress.health.load();
    const int64_t lag = progress.Lag();
    const bool known = followed.assigned && lag >= 0 && !leaders_.IsLost(followed.leader.leader);
    snapshot.awaiting_leader += !known && health == PartitionHealth::kFetching ? 1 : 0;
    snapshot.caught_up += known && progress.CaughtUp() ? 1 : 0;
    snapshot.lag += known ? lag : 0;
    snapshot.delayed += health == PartitionHealth::kDelayed ? 1 : 0;
    snapshot.failed += health == PartitionHealth::kFailed ? 1 : 0;
  }
  snapshot.moving = moves_->size();
  snapshot.bytes = counters_.bytes.load(std::memory_order_relaxed);
  snapshot.records = counters_.records.load(std::memory_order_relaxed);
  snapshot.truncations = counters_.truncations.load(std::memory_order_relaxed);
  snapshot.truncated_offsets = counters_.truncated_offsets.load(std::memory_order_relaxed);
  return snapshot;
}

FollowMetrics TopicFollower::Metrics() {
  const SharedFollowerThrottle* const throttle = config_.fetcher.follower_throttle;
  return {.fetchers = fetchers_->Metrics(),
          .movers = moves_->Metrics(),
          .throttled_byte_rate = throttle == nullptr ? 0 : throttle->byte_rate(config_.fetcher.clock->Now())};
}

bool TopicFollower::CaughtUp() const {
  if (!found_topics_) return false;
  return std::all_of(followed_.begin(), followed_.end(), [this](const auto& entry) {
    return entry.second.progress->CaughtUp() || Offline(entry.first, entry.second);
  });
}

}  // namespace slipstream
