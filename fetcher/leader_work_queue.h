// Which partitions of a lane wait for a word with the leader, and how far each is. Plain lists; the partitions outlive
// their places here.
#pragma once

#include <list>
#include <vector>

#include "fetcher/followed_partition.h"

namespace slipstream {

class LeaderWorkQueue {
 public:
  using Reading = std::list<FollowedPartition*>::iterator;

  // By its `work`: behind the questions, or with what needs none.
  void Enqueue(FollowedPartition& partition);
  void Ask(FollowedPartition& partition) { to_ask_.push_back(&partition); }
  // What is under way for it does not count any more.
  void Drop(FollowedPartition& partition);

  // What needs no question, or comes before one.
  bool HasWork() const { return !work_.empty(); }
  FollowedPartition* Take(LeaderWork work);  // nullptr: there is none of this sort

  // One question at a time: while the leader is asked, those whom it is about may be let go of.
  bool HasQuestions() const { return !to_ask_.empty(); }
  bool BeginQuestion();  // false: there is none
  const std::vector<FollowedPartition*>& asking() const { return asking_; }
  std::vector<FollowedPartition*> TakeAsked();
  FollowedPartition* TakeOnlyAsked();  // nullptr: let go of meanwhile

  // Their states are being read from remote storage, beside the questions.
  bool HasReadings() const { return !reading_.empty(); }
  Reading BeginReading(FollowedPartition& partition) { return reading_.insert(reading_.end(), &partition); }
  FollowedPartition* EndReading(Reading reading);  // nullptr: let go of meanwhile

 private:
  std::vector<FollowedPartition*> work_;    // out of the session until it is done
  std::vector<FollowedPartition*> to_ask_;  // wait for a question's turn
  std::vector<FollowedPartition*> asking_;  // taken out of to_ask_ while the leader is asked about them
  std::list<FollowedPartition*> reading_;   // nullptr: let go of meanwhile
};

}  // namespace slipstream
