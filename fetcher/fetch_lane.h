// One fetch session over some of a fetcher thread's partitions: truncates, fetches, appends, again and again.
// FT-03..FT-43. Its rounds are one coroutine; beside them run, on the same thread, the fetch under way, the appends of
// one answer, questions to the leader, flushes and removals. Nothing of it is touched by another thread; counters are
// read.
//
// The order of one round, where the follower's offset is no proof of what it holds (replica id -1):
//   (1) answer N is judged, its batch headers are walked, fetch offsets move;  (2) fetch N+1 leaves;
//   (3) the records of N are checked and written while the leader works;       (4) then answer N+1 is looked at.
// A write that fails in (3) takes its partition out of the session, so that its part of answer N+1 is ignored (FT-30).
#pragma once

#include <absl/container/flat_hash_set.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fetcher/answer_size.h"
#include "fetcher/lane_answers.h"
#include "fetcher/lane_appends.h"
#include "fetcher/lane_context.h"
#include "fetcher/lane_flushes.h"
#include "fetcher/lane_moves.h"
#include "fetcher/lane_partitions.h"
#include "fetcher/lane_questions.h"
#include "fetcher/lane_quota.h"
#include "fetcher/lane_removals.h"
#include "fetcher/lane_run.h"
#include "fetcher/lane_truncation.h"
#include "fetcher/lane_upkeep.h"

namespace slipstream {

class FetchLane {
 public:
  // `leader` and `neighbours` outlive the lane. nullptr: it is alone and keeps every partition, whatever that is up to.
  FetchLane(const LaneShared& shared, LeaderEndpoint& leader, LaneKind kind, LaneNeighbours* neighbours);
  ~FetchLane();

  // Until Stop. Returns, or throws, with no operation in flight.
  asio::awaitable<void> Run();
  void Stop() { run_.Stop(); }

  // A partition already there with the same leader epoch and topic id stays as it is (FT-03). REQUIRES: no Remove of it
  // waits for its `removed`.
  void Add(InitialFetchState initial);
  // Takes effect at once unless an answer is being written: the leader is never waited for. `removed` runs once nothing
  // touches the logs any more. Unknown partitions count as removed.
  void Remove(std::vector<TopicPartition> partitions, std::function<void()> removed);

  // From its neighbours, at any time, but for Adopt: it !Holds that one's name.
  void Adopt(std::unique_ptr<FollowedPartition> partition);
  bool CallQuietOnes() { return moves_.CallQuietOnes(); }  // true: there are some, and with the next answer they leave
  bool TakeCleaner();                                      // true: it has something for it to do, and has begun
  bool fetch_under_way() const { return run_.in_flight != nullptr; }
  bool Holds(const TopicPartition& partition) const { return partitions_.Holds(partition); }
  PartitionLog* LogOf(const TopicPartition& partition) {  // nullptr: not here
    FollowedPartition* const held = partitions_.Find(partition);
    return held == nullptr ? nullptr : &held->log();
  }
  bool IsHomeOf(const TopicPartition& partition) const { return Holds(partition) || names_to_add_.contains(partition); }
  size_t size() const { return partitions_.size(); }
  LaneKind kind() const { return lane_.kind; }
  const LeaderEndpoint& leader() const { return lane_.leader; }

 private:
  using TimePoint = LanePartitions::TimePoint;
  struct Removal {
    std::vector<TopicPartition> partitions;
    std::function<void()> removed;
    std::vector<const PartitionLog*> flushing;  // of those taken out already: the last one's end is the removal's
  };

  // --- what to fetch
  void ApplyCommands();
  void StartPartition(InitialFetchState initial);
  void LetGoOf(FollowedPartition& partition);
  void OnFlushEnded(const PartitionLog* log);

  // --- one round
  asio::awaitable<void> RunRounds();     // until it is over
  asio::awaitable<void> DoLeaderWork();  // what needs no question, or comes before one
  asio::awaitable<void> WaitForFetch(std::chrono::nanoseconds until_due);  // there is nothing to fetch, or not yet
  asio::awaitable<void> TakeAnswer();  // of the fetch that is under way; begins the next one where it may
  bool CommandsWait() const { return !to_add_.empty() || !to_remove_.empty(); }
  // Ahead of the writes only as a consumer does it: a replica's fetch offset is the leader's proof of what it holds,
  // and so is anyone's who promised to ask past nothing that a power cut could take.
  bool MayFetchAhead() const {
    return lane_.config.replica_id < BrokerId{0} && lane_.config.flush_mode == FlushMode::kCached;
  }
  // What is in sync goes before what catches up, but not beyond the rate for long.
  ByteRateLimit::Duration Overdraft() const {
    return lane_.kind == LaneKind::kBulk ? ByteRateLimit::Duration::zero() : ByteRateLimit::kOverdraft;
  }
  std::chrono::nanoseconds WaitForRate() const;
  bool StartFetch();  // false: there is nothing to fetch, or not yet
  asio::awaitable<void> FetchInto(FetchExchange& exchange);
  void OnAnswer();
  asio::awaitable<void> OnTransportError(absl::Status why);
  asio::awaitable<void> PauseAfterFailure(std::string why);
  asio::awaitable<void> Idle(std::chrono::nanoseconds at_most);

  LaneContext lane_;
  AnswerSize answer_size_;
  LanePartitions partitions_;
  LaneRun run_;
  LaneTruncation truncation_;
  LaneFlushes flushes_;
  LaneRemovals removals_;
  LaneMoves moves_;
  LaneQuota quota_;
  LaneUpkeep upkeep_;
  LaneQuestions questions_;
  LaneAppends appends_;
  LaneAnswers answers_;

  std::vector<InitialFetchState> to_add_;
  absl::flat_hash_set<TopicPartition> names_to_add_;  // of to_add_
  std::vector<Removal> to_remove_;
  std::vector<Removal> removals_under_way_;  // all is taken out, some still flush

  std::array<FetchExchange, 2> exchanges_;  // one is written from while the other is received
  size_t next_exchange_ = 0;
  absl::Status fetch_status_;  // of the fetch that came back
  bool answered_ = false;
  int transport_failures_ = 0;   // in a row
  bool between_rounds_ = false;  // nothing of ours runs: commands may take effect
  bool without_work_ = false;    // it sleeps for want of something to fetch
};

}  // namespace slipstream
