// TopicFollower: from the cluster's metadata to partitions at their leaders' fetchers.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "fetcher/topic_follower.h"

namespace slipstream {

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
    // One that is fetched already has a lost leader, which is told with all that it led.
    if (!followed.assigned && !std::exchange(followed.leaderless_told, true))
      TellOf(partition, "has no leader at the moment, waiting for one", "");
    co_return absl::OkStatus();
  }
  followed.leaderless_told = false;
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
  // Before checkpoints speak of it: they would else say that it starts and ends at 0 until its fetcher has begun.
  followed.progress->Publish(**log, config_.fetcher.flush_mode);
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

}  // namespace slipstream
