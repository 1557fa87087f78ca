#include "fetcher/topic_follower.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

#include "log/clock.h"
#include "log/in_range.h"
#include "log/status.h"
#include "session/backoff.h"
#include "session/remote_leader_endpoint.h"

namespace slipstream {
namespace {

// Between two refreshes that doubt asked for (retry.backoff.ms): doubles up to the second while doubt lasts.
constexpr std::chrono::milliseconds kRefreshPause{100}, kRefreshPauseMax{1000};

// What happens to one partition often happens to its neighbours: so long is waited for them, to tell it in one line.
constexpr std::chrono::milliseconds kJoinNotices{200};

std::string OffsetRange(const Gap& gap) { return absl::StrCat("offsets ", gap.from.value, " to ", gap.to.value - 1); }

}  // namespace

// From the fetcher threads to the control thread.
class TopicFollower::Events final : public FetchEvents {
 public:
  explicit Events(TopicFollower& follower) : follower_(follower) {}

  void OnLeaderInDoubt(BrokerId, const std::string&) override {
    asio::post(follower_.io_, [this] {
      follower_.refresh_wanted_ = true;
      follower_.refresh_sleep_.Interrupt();
    });
  }
  void OnLeaderLost(BrokerId leader, const absl::Status& why) override {
    asio::post(follower_.io_, [this, leader, why] {
      follower_.TellOfLeader(follower_.leaders_.OnLost(leader, follower_.PartitionsOf(leader), why));
    });
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
  absl::Status PersistOffsets(const LogOffsets& offsets) override {
    return follower_.logs_.WriteCheckpoints({offsets});
  }
  void OnGap(const TopicPartition& partition, Gap gap, bool restarted) override {
    const std::string lost = absl::StrCat(partition.ToString(), ": gap: ", OffsetRange(gap),
                                          " were deleted at the source before they were copied");
    if (restarted) {
      Tell(absl::StrCat(lost, "; restarted at offset ", gap.to.value));
    } else {
      End(absl::OutOfRangeError(lost));
    }
  }
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why) override {
    if (absl::IsOutOfRange(why)) return;  // a gap, told already
    asio::post(follower_.io_, [this, partition, why] { follower_.OnPartitionFailed(partition, why); });
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
  SLIP_RETURN_IF_ERROR(client.Validate());
  SLIP_RETURN_IF_ERROR(fetcher.Validate());
  // Else a leader that has nothing new looks dead.
  if (fetcher.replica_fetch_wait_max >= client.request_timeout)
    return absl::InvalidArgumentError(
        absl::StrCat("replica.fetch.wait.max.ms = ", fetcher.replica_fetch_wait_max.count(),
                     ", must be below request.timeout.ms = ", client.request_timeout.count()));
  return CheckInRange("replica.high.watermark.checkpoint.interval.ms", checkpoint_interval.count(), 10, 3'600'000);
}

absl::StatusOr<std::unique_ptr<TopicFollower>> TopicFollower::Create(asio::io_context& io, LogManager& logs,
                                                                     FollowConfig config, NoticeSink notice) {
  SLIP_RETURN_IF_ERROR(config.client.Validate());
  SLIP_RETURN_IF_ERROR(config.fetcher.Validate());
  std::vector<std::regex> topics;
  for (const std::string& pattern : config.topics) {
    try {
      topics.emplace_back(pattern);
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--topic '", pattern, "' is not a regular expression: ", error.what()));
    }
  }
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
      refresh_sleep_(io.get_executor()),
      refresh_pause_(io.get_executor()),
      checkpoint_sleep_(io.get_executor()),
      checkpoints_ended_(io.get_executor()),
      join_timer_(io.get_executor()) {
  const auto make_leader = [client = config_.client, replica = config_.fetcher.replica_id](
                               asio::io_context& thread_io, BrokerId leader, const Endpoint& endpoint) {
    return std::make_unique<RemoteLeaderEndpoint>(thread_io, leader, endpoint, replica, client);
  };
  fetchers_ = std::make_unique<FetcherManager>(io, config_.fetcher, make_leader, *events_, counters_);
  for (const LogManager::OfflineDirectory& directory : logs_.offline_directories()) NoteOffline(directory);
}

TopicFollower::~TopicFollower() = default;

asio::awaitable<absl::Status> TopicFollower::Run(bool until_caught_up) {
  until_caught_up_ = until_caught_up;
  absl::Status status = co_await cluster_.Bootstrap();
  if (status.ok()) status = logs_.BelongToCluster(cluster_.metadata().cluster_id);
  if (status.ok() && !stopping_) {
    asio::co_spawn(io_, WriteCheckpoints(), asio::detached);
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
  fetchers_->Close();  // blocks until the last write is done
  checkpoint_sleep_.Interrupt();
  while (checkpointing_) co_await checkpoints_ended_.Wait();
  co_await asio::post(io_, asio::use_awaitable);  // after what the fetchers told to the end
  TellJoined();
  if (!failure_.ok()) co_return failure_;
  if (!told_to_stop && !status.ok()) co_return status;
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
  cluster_.Close();
}

asio::awaitable<absl::Status> TopicFollower::Follow() {
  while (!stopping_) {
    if (!refresh_wanted_) {
      refreshes_in_a_row_ = 0;
      co_await refresh_sleep_.For(config_.client.metadata_max_age);
    }
    if (stopping_) break;
    refresh_wanted_ = false;
    const absl::Status refreshed = co_await cluster_.Refresh();
    if (stopping_) break;
    refresh_failures_ = refreshed.ok() ? 0 : refresh_failures_ + 1;
    TellOfLeader(leaders_.OnMetadata(refresh_failures_, refreshed));
    if (refreshed.ok()) {
      const absl::Status reconciled = co_await Reconcile();
      if (!reconciled.ok()) co_return reconciled;
      TellOfLeadersDoneWith();
    } else {
      refresh_wanted_ = true;
    }
    fetchers_->Tend();
    // Doubts come in bursts, and a leader election takes a moment.
    const uint32_t no_jitter = 20;
    const auto pause = BackoffAfter(++refreshes_in_a_row_, kRefreshPause, kRefreshPauseMax, no_jitter);
    co_await refresh_pause_.For(pause);
  }
  co_return absl::OkStatus();
}

bool TopicFollower::Wanted(const std::string& name, const TopicMetadata& topic) const {
  if (topic.internal && config_.exclude_internal_topics) return false;
  return std::any_of(topics_.begin(), topics_.end(),
                     [&](const std::regex& pattern) { return std::regex_match(name, pattern); });
}

asio::awaitable<absl::Status> TopicFollower::Reconcile() {
  LeaderGroups groups;
  const ClusterMetadata metadata = cluster_.metadata();  // a copy: refreshed while we wait for hand-overs
  for (const auto& [name, topic] : metadata.topics) {
    if (topic.error != KafkaError::kNone || !Wanted(name, topic)) continue;
    found_topics_ = true;
    for (const auto& [partition, leader] : topic.partitions) {
      const auto endpoint = metadata.brokers.find(leader.leader);
      const bool led = endpoint != metadata.brokers.end();
      TopicPartition wanted{name, partition};
      Endpoint leader_endpoint = led ? endpoint->second : Endpoint{};
      const absl::Status prepared =
          co_await Prepare(std::move(wanted), topic.topic_id, leader, std::move(leader_endpoint), &groups);
      if (!prepared.ok()) co_return prepared;
    }
  }
  for (auto& [leader, partitions] : groups) co_await fetchers_->Add(leader.first, leader.second, std::move(partitions));
  co_await LetGoOfDeleted(metadata);
  co_return absl::OkStatus();
}

// Partitions that the cluster no longer knows: the copy stays, the fetching ends. One answer is not enough, it may come
// from a broker that has only just started (KAFKA-13127).
asio::awaitable<void> TopicFollower::LetGoOfDeleted(const ClusterMetadata& metadata) {
  constexpr int kAbsencesMin = 3;
  std::vector<TopicPartition> gone;
  for (auto& [partition, followed] : followed_) {
    followed.absences = metadata.LeaderOf(partition) ? 0 : followed.absences + 1;
    if (followed.absences >= kAbsencesMin) gone.push_back(partition);
    if (followed.absences > 0) refresh_wanted_ = true;
  }
  for (const TopicPartition& partition : gone) {
    TellOf(partition, "deleted at the source; the copy is kept as it is", "");
    followed_.erase(partition);
  }
  if (!gone.empty()) co_await fetchers_->Remove(std::move(gone));
}

asio::awaitable<absl::Status> TopicFollower::Prepare(TopicPartition partition, Uuid topic_id, PartitionLeader leader,
                                                     Endpoint endpoint, LeaderGroups* groups) {
  Followed& followed = followed_[partition];
  if (followed.progress == nullptr) followed.progress = std::make_shared<PartitionProgress>();
  // No leader at the moment: whoever has it goes on trying, and the next refresh tells more.
  if (endpoint.host.empty()) {
    refresh_wanted_ = true;
    co_return absl::OkStatus();
  }
  const bool same_topic = followed.assigned && followed.topic_id == topic_id;
  const bool same = same_topic && followed.leader.leader == leader.leader &&
                    followed.leader.leader_epoch == leader.leader_epoch && followed.endpoint == endpoint;
  if (same) co_return absl::OkStatus();
  // Metadata of a broker that is behind: epochs only grow.
  if (same_topic && leader.leader_epoch < followed.leader.leader_epoch) co_return absl::OkStatus();
  if (followed.assigned) {
    std::vector<TopicPartition> taken;
    taken.push_back(partition);
    co_await fetchers_->Remove(std::move(taken));
  }
  if (followed.assigned && !same_topic) {
    // What was published of the old topic says nothing of the new one.
    followed.progress = std::make_shared<PartitionProgress>();
    followed.assigned = false;
  }
  const absl::StatusOr<PartitionLog*> log = co_await OpenLog(partition, topic_id);
  if (!log.ok()) co_return OnLogNotOpened(partition, log.status());
  if (!followed.assigned) followed.progress->health.store(PartitionHealth::kFetching);
  followed.offline = false;
  followed.topic_id = topic_id;
  followed.leader = leader;
  followed.endpoint = endpoint;
  followed.assigned = true;
  (*groups)[{leader.leader, endpoint}].push_back({partition, topic_id, leader.leader_epoch, *log, followed.progress});
  co_return absl::OkStatus();
}

asio::awaitable<absl::StatusOr<PartitionLog*>> TopicFollower::OpenLog(TopicPartition partition, Uuid topic_id) {
  absl::StatusOr<PartitionLog*> log = logs_.GetOrCreate(partition, Uuid{});
  if (!log.ok()) co_return log;
  const std::optional<Uuid> known = (*log)->topic_id();
  // At once, not with the first batch: to a broker that boots from here a directory without an id is a stray (LOG-49).
  if (!known) co_return logs_.GetOrCreate(partition, topic_id);
  if (topic_id.IsZero() || *known == topic_id) co_return log;
  // Deleted and made again under the same name: none of what we hold is in the new topic (INV-16).
  const std::string what =
      absl::StrCat(partition.ToString(), ": gap: the topic was created anew at the source (topic id ",
                   topic_id.ToString(), ", the copy has ", known->ToString(), ")");
  if (config_.fetcher.gap_policy == GapPolicy::kStop) co_return absl::OutOfRangeError(what);
  notice_(NoticeKind::kEvent, absl::StrCat(what, "; the copy was dropped"));
  const absl::Status deleted = logs_.Delete(partition);
  if (!deleted.ok()) co_return deleted;
  co_return logs_.GetOrCreate(partition, topic_id);
}

// What a disk brings about concerns one partition, or one log dir: the others go on (INV-20, INV-23). The next refresh
// of the metadata tries again.
absl::Status TopicFollower::OnLogNotOpened(const TopicPartition& partition, const absl::Status& why) {
  const bool no_room = absl::IsResourceExhausted(why);
  if (!no_room && !IsDiskFailure(why) && !absl::IsNotFound(why)) return why;
  if (no_room && until_caught_up_) return Annotate(why, partition.ToString());
  Followed& followed = followed_[partition];
  LookForOfflineDirectories();
  followed.offline = IsDiskFailure(why) && !offline_.empty();
  followed.progress->health.store(PartitionHealth::kFailed);
  if (followed.trouble != why.message()) TellOf(partition, absl::StrCat(why.message(), "; will be retried"), "");
  followed.trouble = std::string(why.message());
  return absl::OkStatus();
}

void TopicFollower::OnPartitionFailed(const TopicPartition& partition, const absl::Status& why) {
  LookForOfflineDirectories();
  const auto found = followed_.find(partition);
  if (found == followed_.end() || Offline(partition, found->second)) return;  // told with its log dir
  if (absl::IsResourceExhausted(why) && until_caught_up_) {
    EndWith(Annotate(why, partition.ToString()));
    return;
  }
  // Once for all tries, until something was copied in between.
  Followed& followed = found->second;
  const int64_t end = followed.progress->log_end_offset.load();
  const std::string trouble = absl::StrCat(end, ": ", why.message());
  if (followed.trouble != trouble) TellOf(partition, absl::StrCat(why.message(), "; will be retried"), "");
  followed.trouble = trouble;
}

void TopicFollower::OnCheckpointsWritten(const absl::Status& written) {
  LookForOfflineDirectories();
  if (absl::IsResourceExhausted(written) && !until_caught_up_) {
    if (checkpoint_trouble_ != written.message())
      notice_(NoticeKind::kEvent, absl::StrCat("checkpoints: ", written.message(), "; will be retried"));
    checkpoint_trouble_ = std::string(written.message());
  } else if (!written.ok()) {
    EndWith(Annotate(written, "checkpoints"));
  } else {
    checkpoint_trouble_.clear();
  }
}

void TopicFollower::EndWith(const absl::Status& why) {
  failure_.Update(why);
  Stop();
}

std::string TopicFollower::NoteOffline(const LogManager::OfflineDirectory& directory) {
  offline_.push_back(directory.path);
  std::string line = absl::StrCat(directory.path.native(), " is offline: ", directory.cause.message());
  offline_cause_.Update(absl::UnavailableError(line));
  return line;
}

void TopicFollower::LookForOfflineDirectories() {
  for (const LogManager::OfflineDirectory& directory : logs_.offline_directories()) {
    if (std::ranges::find(offline_, directory.path) != offline_.end()) continue;
    const std::string line = NoteOffline(directory);
    // The last one's cause is the end of the run, and told as such.
    if (logs_.any_online())
      notice_(NoticeKind::kEvent, absl::StrCat(line, "; what lies there is copied again only after a restart"));
  }
  if (!logs_.any_online()) EndWith(offline_cause_);
}

bool TopicFollower::Offline(const TopicPartition& partition, const Followed& followed) const {
  if (followed.offline || offline_.empty() || !followed.assigned) return followed.offline;
  const PartitionLog* const log = logs_.Find(partition);
  return log != nullptr && std::ranges::find(offline_, log->directory().parent_path()) != offline_.end();
}

std::vector<LogOffsets> TopicFollower::PublishedOffsets() const {
  std::vector<LogOffsets> offsets;
  for (const auto& [partition, followed] : followed_) {
    if (!followed.assigned) continue;
    const PartitionProgress& progress = *followed.progress;
    const Offset first_dirty{progress.first_dirty_offset.load()};
    offsets.push_back({partition, Offset{progress.log_start_offset.load()}, Offset{progress.high_watermark.load()},
                       Offset{progress.recovery_point.load()}, Offset{progress.log_end_offset.load()},
                       progress.log_start_in_segment.load(),
                       first_dirty >= Offset{0} ? std::optional(first_dirty) : std::nullopt});
  }
  return offsets;
}

asio::awaitable<void> TopicFollower::WriteCheckpoints() {
  checkpointing_ = true;
  while (!stopping_) {
    co_await checkpoint_sleep_.For(config_.checkpoint_interval);
    if (stopping_) break;
    OnCheckpointsWritten(logs_.WriteCheckpoints([this] { return PublishedOffsets(); }));
    logs_.Maintain(SystemClock().WallTime());
  }
  checkpointing_ = false;
  checkpoints_ended_.NotifyAll();
}

FollowSnapshot TopicFollower::Snapshot() const {
  FollowSnapshot snapshot;
  snapshot.partitions = followed_.size();
  for (const auto& [partition, followed] : followed_) {
    const PartitionProgress& progress = *followed.progress;
    snapshot.caught_up += progress.CaughtUp() ? 1 : 0;
    snapshot.lag += std::max<int64_t>(0, progress.Lag());
    const PartitionHealth health = progress.health.load();
    snapshot.delayed += health == PartitionHealth::kDelayed ? 1 : 0;
    snapshot.failed += health == PartitionHealth::kFailed ? 1 : 0;
  }
  snapshot.bytes = counters_.bytes.load(std::memory_order_relaxed);
  snapshot.records = counters_.records.load(std::memory_order_relaxed);
  snapshot.truncations = counters_.truncations.load(std::memory_order_relaxed);
  snapshot.truncated_offsets = counters_.truncated_offsets.load(std::memory_order_relaxed);
  return snapshot;
}

bool TopicFollower::CaughtUp() const {
  if (!found_topics_) return false;
  return std::all_of(followed_.begin(), followed_.end(), [this](const auto& entry) {
    return entry.second.progress->CaughtUp() || Offline(entry.first, entry.second);
  });
}

}  // namespace slipstream
