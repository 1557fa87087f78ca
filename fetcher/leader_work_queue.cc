#include "fetcher/leader_work_queue.h"

#include <algorithm>
#include <utility>

namespace slipstream {

void LeaderWorkQueue::Enqueue(FollowedPartition& partition) {
  const bool asks = partition.work == LeaderWork::kResetOffset || partition.work == LeaderWork::kLowerTarget ||
                    partition.work == LeaderWork::kRebuild;
  (asks ? to_ask_ : work_).push_back(&partition);
}

void LeaderWorkQueue::Drop(FollowedPartition& partition) {
  for (auto* list : {&work_, &to_ask_, &asking_}) std::erase(*list, &partition);
  std::ranges::replace(reading_, &partition, nullptr);
}

FollowedPartition* LeaderWorkQueue::Take(LeaderWork work) {
  const auto found = std::find_if(work_.rbegin(), work_.rend(), [work](const auto* p) { return p->work == work; });
  if (found == work_.rend()) return nullptr;
  FollowedPartition* const partition = *found;
  work_.erase(std::next(found).base());
  return partition;
}

// All whose epochs are to be looked up, in one; else the one that has waited longest for its offsets.
bool LeaderWorkQueue::BeginQuestion() {
  std::erase_if(to_ask_, [this](FollowedPartition* partition) {
    const bool look_up = partition->work == LeaderWork::kLookUpEpoch;
    if (look_up) asking_.push_back(partition);
    return look_up;
  });
  if (asking_.empty() && !to_ask_.empty()) {
    asking_.push_back(to_ask_.front());
    to_ask_.erase(to_ask_.begin());
  }
  return !asking_.empty();
}

std::vector<FollowedPartition*> LeaderWorkQueue::TakeAsked() { return std::exchange(asking_, {}); }

FollowedPartition* LeaderWorkQueue::TakeOnlyAsked() {
  if (asking_.empty()) return nullptr;
  FollowedPartition* const asked = asking_.front();
  asking_.clear();
  return asked;
}

FollowedPartition* LeaderWorkQueue::EndReading(Reading reading) {
  FollowedPartition* const read = *reading;
  reading_.erase(reading);
  return read;
}

}  // namespace slipstream
