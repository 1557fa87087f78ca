// TopicFollower: from the cluster's metadata to partitions at their leaders' fetchers.
#include <absl/strings/str_cat.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

#include "fetcher/leader_news.h"
#include "fetcher/topic_follower.h"
#include "log/status.h"

namespace slipstream {
namespace {

// Their logs are made together, and are fetched while those of the next are made.
constexpr size_t kMovesAtOnce = 1000;

constexpr std::chrono::seconds kAbsenceMin{1};
// The copy would go with it: another broker has been asked meanwhile, if there is one.
constexpr std::chrono::seconds kOtherTopicMin = kBrokerPatience + std::chrono::seconds(1);

// False also when one of both is not known.
bool IsOfAnotherTopic(const PartitionLog* log, Uuid topic_id) {
  const std::optional<Uuid> known = log == nullptr ? std::nullopt : log->topic_id();
  return known && !topic_id.IsZero() && *known != topic_id;
}

}  // namespace

bool TopicFollower::Wanted(const std::string& name, const TopicMetadata& topic) const {
  if (topic.internal && config_.exclude_internal_topics) return false;
  return std::any_of(topics_.begin(), topics_.end(),
                     [&](const std::regex& pattern) { return std::regex_match(name, pattern); });
}

asio::awaitable<absl::Status> TopicFollower::Reconcile() {
  const ClusterMetadata metadata = cluster_.metadata();  // a copy: refreshed while we wait for hand-overs
  const std::vector<Move> moves = PlanMoves(metadata);
  std::vector<TopicPartition> taken;
  for (const Move& move : moves)
    if (followed_[move.partition].assigned) taken.push_back(move.partition);
  if (!taken.empty()) co_await fetchers_->Remove(std::move(taken));  // all at once: a leader may have had thousands
  for (const Move& move : moves) {
    // Of another topic of that name: what is being moved goes with the log (OpenLog).
    if (IsOfAnotherTopic(logs_.Find(move.partition), move.topic_id)) co_await moves_->Cancel(move.partition);
  }
  for (size_t begun = 0; begun < moves.size() && !stopping_; begun += kMovesAtOnce) {
    const absl::Status started =
        co_await StartMoves(std::span(moves).subspan(begun, std::min(kMovesAtOnce, moves.size() - begun)));
    if (!started.ok()) co_return started;
    co_await asio::post(io_, asio::use_awaitable);  // a signal to stop is heard
  }
  if (stopping_) co_return absl::OkStatus();
  co_await LetGoOfDeleted(metadata);
  if (wishes_.empty()) co_return absl::OkStatus();
  for (const Move& move : moves) wishes_due_.push_back(move.partition);
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> TopicFollower::StartMoves(std::span<const Move> moves) {
  std::vector<NewLog> wanted;
  for (const Move& move : moves)
    wanted.push_back({move.partition, move.topic_id, wishes_.DirFor(move.partition).value_or("")});
  logs_.CreateMissing(wanted);
  LeaderGroups groups;
  for (const Move& move : moves) {
    const absl::Status prepared = Prepare(move, groups);
    if (!prepared.ok()) co_return prepared;
  }
  for (auto& [leader, partitions] : groups) co_await fetchers_->Add(leader.first, leader.second, std::move(partitions));
  co_return absl::OkStatus();
}

std::vector<TopicFollower::Move> TopicFollower::PlanMoves(const ClusterMetadata& metadata) {
  std::vector<Move> moves;
  for (const auto& [name, topic] : metadata.topics) {
    if (topic.error != KafkaError::kNone || !Wanted(name, topic)) continue;
    found_topics_ = true;
    for (const auto& [partition, leader] : topic.partitions) {
      const auto endpoint = metadata.brokers.find(leader.leader);
      Move move{{name, partition},
                topic.topic_id,
                leader,
                endpoint == metadata.brokers.end() ? Endpoint{} : endpoint->second};
      if (IsDue(move)) moves.push_back(std::move(move));
    }
  }
  return moves;
}

// Partitions that the cluster no longer knows: the copy stays, the fetching ends.
asio::awaitable<void> TopicFollower::LetGoOfDeleted(const ClusterMetadata& metadata) {
  const Clock::TimePoint now = config_.fetcher.clock->Now();
  std::vector<TopicPartition> gone;
  for (auto& [partition, followed] : followed_) {
    if (metadata.LeaderOf(partition)) {
      followed.absent = {};
      continue;
    }
    followed.absent.Again(now);
    if (followed.absent.Believed(now, kAbsenceMin)) gone.push_back(partition);
    refreshes_.Want();
  }
  for (const TopicPartition& partition : gone) {
    const auto followed = followed_.find(partition);
    if (followed->second.progress->CaughtUp()) {
      TellOf(partition, "deleted at the source; the copy is kept as it is", "");
    } else {
      constexpr char kLost[] = "deleted at the source before all of it was copied";
      TellOf(partition, absl::StrCat(kLost, "; the copy is kept as it is"), "");
      if (until_caught_up_ && config_.fetcher.gap_policy == GapPolicy::kStop)
        incomplete_.Update(absl::OutOfRangeError(absl::StrCat(partition.ToString(), ": gap: ", kLost)));
    }
    followed_.erase(followed);
  }
  if (!gone.empty()) co_await fetchers_->Remove(std::move(gone));
}

bool TopicFollower::IsDue(const Move& move) {
  Followed& followed = followed_[move.partition];
  if (followed.progress == nullptr) followed.progress = std::make_shared<PartitionProgress>();
  // No leader at the moment: whoever has it goes on trying, and the next refresh tells more.
  if (move.endpoint.host.empty()) {
    refreshes_.Want();
    // One that is fetched already has a lost leader, which is told with all that it led.
    if (!followed.assigned && !std::exchange(followed.leaderless_told, true))
      TellOf(move.partition, "has no leader at the moment, waiting for one", "");
    return false;
  }
  followed.leaderless_told = false;
  if (!IsCertain(move, followed)) {
    refreshes_.Want();
    return false;
  }
  if (!followed.assigned || followed.topic_id != move.topic_id) return true;
  return IsNews({followed.leader, followed.endpoint}, {move.leader, move.endpoint});
}

// On the word that a topic was made anew its copy is dropped, or the run ends.
bool TopicFollower::IsCertain(const Move& move, Followed& followed) {
  if (!IsOfAnotherTopic(logs_.Find(move.partition), move.topic_id)) {
    followed.other_topic = {};
    return true;
  }
  if (std::exchange(followed.other_id, move.topic_id) != move.topic_id) followed.other_topic = {};
  const Clock::TimePoint now = config_.fetcher.clock->Now();
  followed.other_topic.Again(now);
  return followed.other_topic.Believed(now, kOtherTopicMin);
}

// REQUIRES: no fetcher has the partition.
absl::Status TopicFollower::Prepare(const Move& move, LeaderGroups& groups) {
  Followed& followed = followed_[move.partition];
  // What was published of another topic says nothing of this one.
  if (followed.assigned && followed.topic_id != move.topic_id)
    followed.progress = std::make_shared<PartitionProgress>();
  followed.assigned = false;
  const absl::StatusOr<PartitionLog*> log = OpenLog(move.partition, move.topic_id);
  if (!log.ok()) return OnLogNotOpened(move.partition, log.status());
  followed.progress->health.store(PartitionHealth::kFetching);
  followed.progress->leader_high_watermark.store(-1);
  followed.offline = false;
  followed.topic_id = move.topic_id;
  followed.leader = move.leader;
  followed.endpoint = move.endpoint;
  // Before checkpoints speak of it: they would else say that it starts and ends at 0 until its fetcher has begun.
  followed.progress->Publish(**log, config_.fetcher.flush_mode);
  followed.assigned = true;
  groups[{move.leader.leader, move.endpoint}].push_back(
      {move.partition, move.topic_id, move.leader.leader_epoch, *log, followed.progress});
  return absl::OkStatus();
}

absl::StatusOr<PartitionLog*> TopicFollower::OpenLog(const TopicPartition& partition, Uuid topic_id) {
  absl::StatusOr<PartitionLog*> log = logs_.GetOrCreate(partition, Uuid{});
  if (!log.ok()) return log;
  const std::optional<Uuid> known = (*log)->topic_id();
  // At once, not with the first batch: to a broker that boots from here a directory without an id is a stray (LOG-49).
  if (!known) return logs_.GetOrCreate(partition, topic_id);
  if (!IsOfAnotherTopic(*log, topic_id)) return log;
  // Deleted and made again under the same name: none of what we hold is in the new topic (INV-16).
  const std::string what =
      absl::StrCat(partition.ToString(), ": gap: the topic was created anew at the source (topic id ",
                   topic_id.ToString(), ", the copy has ", known->ToString(), ")");
  if (config_.fetcher.gap_policy == GapPolicy::kStop) return absl::OutOfRangeError(what);
  notice_(NoticeKind::kEvent, absl::StrCat(what, "; the copy was dropped"));
  SLIP_RETURN_IF_ERROR(logs_.Delete(partition));
  return logs_.GetOrCreate(partition, topic_id);
}

}  // namespace slipstream
