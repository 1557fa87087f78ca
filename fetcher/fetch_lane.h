// One fetch session over some of a fetcher thread's partitions: truncates, fetches, appends, again and again.
// FT-03..FT-43. Runs as one coroutine on the thread; nothing of it is shared.
//
// The order of one round, where the follower's offset is no proof of what it holds (replica id -1):
//   (1) answer N is judged, its batch headers are walked, fetch offsets move;  (2) fetch N+1 leaves;
//   (3) the records of N are checked and written while the leader works;       (4) then answer N+1 is looked at.
// A write that fails in (3) takes its partition out of the session, so that its part of answer N+1 is ignored (FT-30).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "fetcher/answer_size.h"
#include "fetcher/fetch_events.h"
#include "fetcher/fetcher_config.h"
#include "fetcher/fetcher_metrics.h"
#include "fetcher/followed_partition.h"
#include "fetcher/lane_choice.h"
#include "fetcher/lane_neighbours.h"
#include "fetcher/offset_reset.h"
#include "fetcher/quota_hold.h"
#include "fetcher/tier/remote_state_reader.h"
#include "fetcher/tier/tier_questions.h"
#include "log/async_event.h"
#include "log/compaction/log_cleaner.h"
#include "log/io/file_io.h"
#include "session/fetch_session.h"
#include "session/leader_endpoint.h"

namespace slipstream {

class FetchLane {
 public:
  // What the lanes of a thread share; all of it outlives them.
  struct Shared {
    asio::io_context& io;
    IoQueue& queue;
    const FetcherConfig& config;
    FetchEvents& events;
    FetchCounters& counters;
    ThreadCounters& lane_counters;
    LogCleaner& cleaner;
    bool& leader_reached;  // and told so, since it was lost last
  };

  // `leader` and `neighbours` outlive the lane. nullptr: it is alone and keeps every partition, whatever that is up to.
  FetchLane(const Shared& shared, LeaderEndpoint& leader, LaneKind kind, LaneNeighbours* neighbours);
  ~FetchLane();

  // Until Stop. Returns, or throws, with no operation in flight.
  asio::awaitable<void> Run();
  void Stop();

  // A partition already there with the same leader epoch and topic id stays as it is (FT-03).
  void Add(InitialFetchState initial);
  // Takes effect at once unless an answer is being written: the leader is never waited for. `removed` runs once nothing
  // touches the logs any more. Unknown partitions count as removed.
  void Remove(std::vector<TopicPartition> partitions, std::function<void()> removed);

  // From its neighbours, at any time, but for Adopt: it !Holds that one's name.
  void Adopt(std::unique_ptr<FollowedPartition> partition);
  bool CallQuietOnes();  // true: there are some, and with the next answer they leave
  bool TakeCleaner();    // true: it has something for it to do, and has begun
  bool fetch_under_way() const { return in_flight_ != nullptr; }
  bool Holds(const TopicPartition& partition) const { return partitions_.contains(partition); }
  PartitionLog* LogOf(const TopicPartition& partition) {  // nullptr: not here
    FollowedPartition* const held = Find(partition);
    return held == nullptr ? nullptr : &held->log();
  }
  bool IsHomeOf(const TopicPartition& partition) const { return Holds(partition) || names_to_add_.contains(partition); }
  size_t size() const { return partitions_.size(); }
  LaneKind kind() const { return kind_; }
  const LeaderEndpoint& leader() const { return leader_; }

 private:
  using TimePoint = PartitionFetchState::TimePoint;
  struct Appended {  // one partition's part of an answer, accepted
    FollowedPartition* partition = nullptr;
    ByteSpan batches;
    uint64_t records = 0;
    uint64_t batch_count = 0;
    Offset leader_high_watermark, leader_log_start_offset;
    int failures_before = 0;  // in a row, of the partition
    absl::Status result;
    bool written = false;  // by AppendNow: only the fsync is left
    bool damaged = false;  // the error is of what the leader sent, not of our log or disk
  };
  struct Removal {
    std::vector<TopicPartition> partitions;
    std::function<void()> removed;
    std::vector<const PartitionLog*> flushing;  // of those taken out already: the last one's end is the removal's
  };

  // --- what to fetch
  void ApplyCommands();
  void StartPartition(InitialFetchState initial);
  void LetGoOf(FollowedPartition& partition);         // nobody works on its log any more
  void DropLeaderWork(FollowedPartition& partition);  // and the answers to its questions no longer count
  void Publish(FollowedPartition& partition) {
    partition.initial.progress->Publish(partition.log(), config_.flush_mode);
  }
  void Declare(FollowedPartition& partition);          // tells the session what to ask next
  void DeclareLogStart(FollowedPartition& partition);  // where it may have changed by itself (FT-20)
  void Undeclare(FollowedPartition& partition);
  void RequireLeaderWork(FollowedPartition& partition, LeaderWork work);
  void EnqueueWork(FollowedPartition& partition);
  TimePoint WakeDelayed(TimePoint now);  // back into the session; returns when the next one is due
  void Delay(FollowedPartition& partition, std::chrono::milliseconds wait);
  void BackOff(FollowedPartition& partition);  // a Delay that grows with the failures in a row
  void MarkFailed(FollowedPartition& partition, const absl::Status& why);

  // --- lanes: fetch_lane_moves.cc
  void Hold(std::unique_ptr<FollowedPartition> partition);
  std::unique_ptr<FollowedPartition> Release(FollowedPartition& partition);
  bool InTrouble(const FollowedPartition& partition) const;  // something keeps it out of the session
  bool MayBecomeIdle(const FollowedPartition& partition) const;
  void Place(FollowedPartition& partition, const LaneEvidence& seen);
  void Leave(FollowedPartition& partition, LaneKind to);
  void NoteActivity(FollowedPartition& partition);
  void LetQuietOnesLeave(TimePoint now);
  void HandOverLeaving();
  bool AwaitsArrivals() const { return config_.clock->Now() < arrivals_until_; }

  // --- replication quotas: fetch_lane_quota.cc
  bool IsListed(const FollowedPartition& partition) const;
  void CountForQuota(FollowedPartition& partition, uint64_t bytes);
  int32_t PartitionBytesMax(const FollowedPartition& partition) const;  // to ask for
  void WatchForQuota(FollowedPartition& partition);
  void ApplyQuota();
  void GoByNewList();
  void LeaveOutThrottled(TimePoint now);
  void BringBackSome();
  void BringBack(FollowedPartition& partition);
  bool OnlyLeftOut() const;

  // --- from time to time
  std::vector<TopicPartition> SortedNames() const;
  void MaintainSomeLogs();
  void CompactSomeLogs();
  void StartCompaction();
  FollowedPartition* BeingCompacted();                              // nullptr: none of ours
  FollowedPartition* TakeNext(std::vector<TopicPartition>& names);  // nullptr: it is gone

  // --- one round
  asio::awaitable<void> RunRounds();  // until stopping_ or failure_
  // Ahead of the writes only as a consumer does it: a replica's fetch offset is the leader's proof of what it holds,
  // and so is anyone's who promised to ask past nothing that a power cut could take.
  bool MayFetchAhead() const { return config_.replica_id < BrokerId{0} && config_.flush_mode == FlushMode::kCached; }
  // What is in sync goes before what catches up, but not beyond the rate for long.
  ByteRateLimit::Duration Overdraft() const {
    return kind_ == LaneKind::kBulk ? ByteRateLimit::Duration::zero() : ByteRateLimit::kOverdraft;
  }
  std::chrono::nanoseconds WaitForRate() const;
  bool StartFetch();  // false: there is nothing to fetch, or not yet
  asio::awaitable<void> FetchInto(FetchExchange& exchange);
  void OnAnswer();
  asio::awaitable<void> OnTransportError(absl::Status why);
  asio::awaitable<void> PauseAfterFailure(std::string why);
  asio::awaitable<void> Idle(std::chrono::nanoseconds at_most);
  // Where the records of an answer that is on its way will go (FetchExchange::landing).
  std::optional<FilePosition> LandingOf(const FetchableTopicResponse& topic, int32_t partition_index);
  bool Judge(FetchExchange& exchange);  // false: the session refused the answer
  void JudgePartition(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer);
  void DropAnswer(FollowedPartition& partition, const absl::Status& why);
  void Accept(FollowedPartition& partition, const FetchPartitionData& asked, const PartitionData& answer);
  void StartAppends();  // of what was accepted: they have ended when appends_running_ is 0
  // True: it has ended, see `result`. False: AppendOne writes it, or only syncs it when it is `written`.
  bool AppendNow(Appended& appended);
  absl::Status PrepareAppend(Appended& appended);
  asio::awaitable<void> AppendOne(Appended& appended);
  void FinishAppend(Appended& appended);

  // --- fsyncs that no record waits for: beside the rounds, which do not wait for them either
  void StartFlush(FollowedPartition& partition);
  void OnFlushed(const TopicPartition& name, const PartitionLog* log, const absl::Status& flushed);
  bool Flushing(const PartitionLog& log) const;

  // --- what needs the leader's word
  asio::awaitable<void> DoLeaderWork();
  FollowedPartition* TakeLeaderWork(LeaderWork work);  // nullptr: there is none of this sort
  asio::awaitable<absl::Status> MakeDurable(FollowedPartition& partition);
  bool BeginFetching(FollowedPartition& partition);
  void ResumeFetching(FollowedPartition& partition);
  void ApplyTruncation(FollowedPartition& partition);
  void DelayIfCutInVain(FollowedPartition& partition);
  absl::Status PersistOffsetsForCut(FollowedPartition& partition, const LogOffsets& offsets);
  absl::Status StartAnewAt(FollowedPartition& partition, Offset offset);
  bool CutTo(FollowedPartition& partition, Offset offset);  // false: failed, and marked so

  // --- questions to the leader: beside the rounds, which do not wait for them
  void StartAsking();
  asio::awaitable<void> AskLeader();
  bool TakeQuestion();                            // from to_ask_ to asking_; false: there is none
  asio::awaitable<absl::Status> LookUpEpochs();   // of asking_; an error is the transport's, here and below
  asio::awaitable<absl::Status> AskForOffsets();  // of the only one in asking_
  void ApplyReset(FollowedPartition& partition, const OffsetReset& reset);
  void OnQuestionLost(const absl::Status& why);
  void EndWith(std::exception_ptr thrown);  // by what runs beside the rounds
  void StopWaiting();                       // for the leader and for remote storage
  FollowedPartition* Find(const TopicPartition& partition);

  // --- what the leader has in remote storage only: fetch_lane_tier.cc
  struct RemoteRead {                        // of one partition's state, beside the rounds and the questions
    FollowedPartition* partition = nullptr;  // nullptr: let go of meanwhile
  };
  asio::awaitable<absl::Status> AskForTier();  // of the only one in asking_
  void OnTierRefused(FollowedPartition& partition, const TierAnswer& answer);
  void StartRemoteRead(FollowedPartition& partition, const TierAnswer& answer);
  void OnRemoteState(FollowedPartition& partition, absl::StatusOr<RemoteLogState> state);
  absl::Status RebuildFrom(FollowedPartition& partition, const RemoteLogState& state);

  asio::io_context& io_;
  LeaderEndpoint& leader_;
  IoQueue& queue_;
  const FetcherConfig& config_;
  FetchEvents& events_;
  FetchCounters& counters_;
  LaneCounters& lane_counters_;
  LogCleaner& cleaner_;
  bool& leader_reached_;
  const LaneKind kind_;
  const LaneLimits limits_;
  LaneNeighbours* const neighbours_;

  absl::flat_hash_map<TopicPartition, std::unique_ptr<FollowedPartition>> partitions_;
  std::vector<FollowedPartition*> delayed_;      // out of the session until their time comes
  std::vector<FollowedPartition*> leader_work_;  // out of the session until it is done
  std::vector<FollowedPartition*> to_ask_;       // of those, the ones that wait for a question's turn
  std::vector<FollowedPartition*> asking_;       // taken out of to_ask_ while the leader is asked about them
  std::vector<FollowedPartition*> leaving_;      // out of the session until they are handed over
  QuotaHold quota_hold_;
  uint64_t quota_changes_seen_ = 0;            // of the list
  std::list<FollowedPartition*> by_activity_;  // all of a tail's, the one without records for longest first
  bool quiet_called_ = false;                  // they may leave
  TimePoint arrivals_until_;                   // until then quiet ones of the tail may come, before the next fetch
  FetchSession session_;
  // Of the partitions that were asked about the ones whose remote storage is being read, and what reads it, made when
  // needed.
  std::list<RemoteRead> remote_reads_;
  std::optional<RemoteStateReader> remote_reader_;
  std::vector<TopicPartition> to_maintain_;  // of the round that is due
  TimePoint next_maintenance_ = TimePoint::min();
  std::vector<TopicPartition> to_compact_;  // as to_maintain_
  TimePoint next_compaction_ = TimePoint::min();
  std::vector<InitialFetchState> to_add_;
  absl::flat_hash_set<TopicPartition> names_to_add_;  // of to_add_
  std::vector<Removal> to_remove_;
  std::vector<Removal> removals_under_way_;    // all is taken out, some still flush
  std::vector<const PartitionLog*> flushing_;  // one fsync of each runs

  std::array<FetchExchange, 2> exchanges_;  // one is written from while the other is received
  size_t next_exchange_ = 0;
  FetchExchange* in_flight_ = nullptr;
  AnswerSize answer_size_;
  absl::Status fetch_status_;  // of the fetch that came back
  bool answered_ = false;
  std::vector<Appended> accepted_;  // of the answer at hand; memory reused
  size_t appends_running_ = 0;
  bool asking_runs_ = false;  // AskLeader
  int questions_lost_ = 0;    // in a row
  AsyncEvent progress_;       // an answer came, an append or the asking ended
  InterruptibleSleep idle_;
  bool truncation_on_fetch_ = true;
  int transport_failures_ = 0;   // in a row
  bool between_rounds_ = false;  // nothing of ours runs: commands may take effect
  bool without_work_ = false;    // it sleeps for want of something to fetch
  bool stopping_ = false;
  std::exception_ptr failure_;  // thrown in a coroutine of ours: Run rethrows it once all are done
};

}  // namespace slipstream
