// TopicFollower: partitions that are to lie in another log dir. What LogDirMoves asks for happens here, between two
// refreshes of the metadata, so that nobody else hands the partition from one thread to another meanwhile.
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "fetcher/topic_follower.h"
#include "log/status.h"

namespace slipstream {

// Where a partition's current log is used: by its fetcher thread, or here.
void TopicFollower::LookAt(const TopicPartition& partition, Look look) {
  asio::post(io_, [this, partition, look = std::move(look)]() mutable {
    if (!fetchers_->LookAt(partition, look)) look(logs_.Find(partition));
  });
}

void TopicFollower::SetLogDirWishes(LogDirWishes wishes) {
  withdraw_moves_ |= wishes.text() != wishes_.text();
  wishes_ = std::move(wishes);
  wishes_changed_ = true;
  moves_->ForgetGivenUp();
  refresh_sleep_.Interrupt();
}

// Moves that nobody wants any more end; but not those that a process before this one left, as it stops to want them
// only when it is told other wishes.
asio::awaitable<void> TopicFollower::WithdrawMoves() {
  for (const TopicPartition& partition : moves_->partitions())
    if (!wishes_.DirFor(partition)) co_await moves_->Cancel(partition);
}

asio::awaitable<void> TopicFollower::RequestMoves(std::vector<TopicPartition> partitions) {
  for (const TopicPartition& partition : partitions) {
    std::optional<std::filesystem::path> wanted = wishes_.DirFor(partition);
    const bool there = logs_.log_dir(partition).empty() || logs_.log_dir(partition) == wanted;
    if (!wanted || (there && !moves_->Moving(partition))) continue;
    const absl::Status requested = co_await moves_->Request(partition, *std::move(wanted));
    if (!requested.ok()) TellOf(partition, "cannot be moved", std::string(requested.message()));
  }
}

std::chrono::nanoseconds TopicFollower::UntilMovesAreDue(std::chrono::nanoseconds at_most) const {
  constexpr std::chrono::nanoseconds kLookAtMoves = std::chrono::milliseconds(50);
  return moves_->size() > 0 ? std::min(at_most, kLookAtMoves) : at_most;
}

asio::awaitable<void> TopicFollower::TendMoves() {
  if (std::exchange(wishes_changed_, false)) {
    if (std::exchange(withdraw_moves_, false)) co_await WithdrawMoves();
    // Whether they are followed now or not. Without wishes no start looks at all there is.
    if (!wishes_.empty()) co_await RequestMoves(logs_.partitions());
  }
  if (!wishes_due_.empty()) co_await RequestMoves(std::exchange(wishes_due_, {}));
  if (moves_->size() == 0) co_return;
  co_await moves_->Tend();
  // A refresh that is wanted does not wait for all of them. Nor do they wait for the time when none is: a partition may
  // be without a leader for days.
  constexpr size_t kFinishedBeforeRefresh = 16;
  size_t finished = 0;
  for (const TopicPartition& partition : moves_->Ready()) {
    if (stopping_ || (refreshes_.wanted() && finished >= kFinishedBeforeRefresh)) break;
    co_await FinishMove(partition);
    ++finished;
  }
}

asio::awaitable<void> TopicFollower::FinishMove(TopicPartition partition) {
  const auto found = followed_.find(partition);
  const bool assigned = found != followed_.end() && found->second.assigned;
  if (assigned) {
    std::vector<TopicPartition> names{partition};
    co_await fetchers_->Remove(std::move(names));
    found->second.assigned = false;  // nothing changes followed_ meanwhile
  }
  co_await moves_->Finish(partition);
  if (!assigned) co_return;
  if (logs_.Find(partition) == nullptr) {
    refreshes_.Want();  // which makes a current log of the future one
    co_return;
  }
  const Followed& followed = found->second;
  const Move back{partition, followed.topic_id, followed.leader, followed.endpoint};
  LeaderGroups groups;
  if (const absl::Status prepared = Prepare(back, groups); !prepared.ok()) EndWith(prepared);
  for (auto& [leader, partitions] : groups) co_await fetchers_->Add(leader.first, leader.second, std::move(partitions));
}

}  // namespace slipstream
