// TopicFollower: what the log dirs it copies into bring about, and their checkpoints.
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>

#include "fetcher/topic_follower.h"
#include "log/directory_health.h"
#include "log/status.h"

namespace slipstream {

// What befalls a log or its disk concerns one partition, or one log dir: the others go on (INV-20, INV-23). The next
// refresh of the metadata tries again.
absl::Status TopicFollower::OnLogNotOpened(const TopicPartition& partition, const absl::Status& why) {
  if (absl::IsOutOfRange(why)) return why;  // a gap, under the policy that stops there
  const bool of_the_disk = IsDiskFailure(why) || absl::IsNotFound(why);
  if (until_caught_up_ && !of_the_disk) return Annotate(why, partition.ToString());  // it would never end
  Followed& followed = followed_[partition];
  LookForOfflineDirectories();
  followed.offline = IsDiskFailure(why) && !told_offline_.empty();
  followed.progress->health.store(PartitionHealth::kFailed);
  if (followed.trouble != why.message()) TellOf(partition, absl::StrCat(why.message(), "; will be retried"), "");
  followed.trouble = std::string(why.message());
  return absl::OkStatus();
}

void TopicFollower::OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) {
  LookForOfflineDirectories();
  const auto found = followed_.find(partition);
  if (found == followed_.end() || Offline(partition, found->second)) return;  // told with its log dir
  const std::string name = partition.ToString();
  absl::string_view what = why.message();
  absl::ConsumePrefix(&what, absl::StrCat(name, ": "));  // logs name themselves, other parts do not
  // A full disk, a batch that our settings refuse or of a format that is none of ours, a log that only a restart can
  // help: no waiting ends it.
  const bool in_vain =
      for_good || absl::IsResourceExhausted(why) || absl::IsInvalidArgument(why) || absl::IsUnimplemented(why);
  if (in_vain && until_caught_up_) {
    EndWith(absl::Status(why.code(), absl::StrCat(name, ": ", what)));
    return;
  }
  // Once for all tries, until something was copied in between.
  Followed& followed = found->second;
  const int64_t end = followed.progress->log_end_offset.load();
  const std::string trouble = absl::StrCat(end, ": ", what);
  const absl::string_view prospect = for_good ? "; only a restart can help" : "; will be retried";
  if (followed.trouble != trouble) TellOf(partition, absl::StrCat(what, prospect), "");
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

std::string TopicFollower::NoteOffline(const LogManager::OfflineDirectory& directory) {
  told_offline_.push_back(directory.path);
  std::string line = absl::StrCat(directory.path.native(), " is offline: ", directory.cause.message());
  offline_cause_.Update(absl::UnavailableError(line));
  return line;
}

void TopicFollower::LookForOfflineDirectories() {
  for (const LogManager::OfflineDirectory& directory : logs_.offline_directories()) {
    if (std::ranges::find(told_offline_, directory.path) != told_offline_.end()) continue;
    const std::string line = NoteOffline(directory);
    // The last one's cause is the end of the run, and told as such.
    if (logs_.any_online())
      notice_(NoticeKind::kEvent, absl::StrCat(line, "; what lies there is copied again only after a restart"));
  }
  if (!logs_.any_online()) EndWith(offline_cause_);
}

bool TopicFollower::Offline(const TopicPartition& partition, const Followed& followed) const {
  return followed.offline || (followed.assigned && logs_.IsOffline(partition));
}

std::vector<LogOffsets> TopicFollower::PublishedOffsets() const {
  std::vector<LogOffsets> offsets;
  for (const auto& [partition, followed] : followed_)
    if (followed.assigned) offsets.push_back(followed.progress->Published(partition));
  return offsets;
}

asio::awaitable<void> TopicFollower::WriteCheckpoints() {
  checkpointing_ = true;
  while (!stopping_) {
    co_await checkpoint_sleep_.For(config_.checkpoint_interval);
    if (stopping_) break;
    OnCheckpointsWritten(logs_.WriteCheckpoints([this] { return PublishedOffsets(); }));
    logs_.Maintain(config_.fetcher.clock->WallTime());
  }
  checkpointing_ = false;
  checkpoints_ended_.NotifyAll();
}

}  // namespace slipstream
