// Moves of partitions between log dirs while they are followed (KIP-113, AD-01..AD-08): a future log in the wanted dir
// fetches from the current one until it has all, and takes its place. Used on the control thread; fetching runs on
// threads of its own, one partition at a time on each.
#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fetcher/fetcher_manager.h"
#include "fetcher/log_owner.h"
#include "log/async_event.h"
#include "log/log_manager.h"

namespace slipstream {

class LogDirMoves {
 public:
  // What a person wants to know of a partition's move.
  using Tell = std::function<void(const TopicPartition& partition, const std::string& what)>;
  using TellAtLarge = std::function<void(const std::string& what)>;  // of anything else

  // `config` is that of what is followed; `threads`: 1 .. 64, each moves one partition at a time; `rate_limit`: over
  // all moves, nullptr: none. All that is referred to outlives it. Moves that a process before this one left are gone
  // on with.
  LogDirMoves(asio::io_context& io, LogManager& logs, LogOwner& owner, FetcherConfig config, int32_t threads,
              ByteRateLimit* rate_limit, Tell tell, TellAtLarge tell_at_large);
  ~LogDirMoves();

  // The partition is to lie in `log_dir`: a move elsewhere ends. OK: it will, or does already, or that was given up
  // before. Errors are LogManager::GetOrCreateFuture's.
  asio::awaitable<absl::Status> Request(TopicPartition partition, std::filesystem::path log_dir);
  // The future log goes. Nothing when there is no move.
  asio::awaitable<void> Cancel(TopicPartition partition);
  // What was given up may be requested again.
  void ForgetGivenUp() { given_up_.clear(); }

  // To be called often while there are moves: begins the next ones, gives up those that failed for good. One whose
  // current log is not there, or on a disk that failed, waits, and its future log with it: it may be all there is.
  asio::awaitable<void> Tend();
  // Those whose future logs had all that was there when they looked last: to be finished.
  std::vector<TopicPartition> Ready() const;
  // Waits for the rest of the records, then lets the future log take the current one's place. Where it cannot, tells
  // why: the current log is where it was and the move goes on; unless the LogManager has no current log now, and makes
  // one of the future log when it is asked for. REQUIRES: Ready named it; no thread but this one uses the current log.
  asio::awaitable<void> Finish(TopicPartition partition);

  bool Moving(const TopicPartition& partition) const { return moves_.contains(partition); }
  size_t size() const { return moves_.size(); }  // waiting ones too
  bool AnyWithoutTrouble() const;
  FetcherMetrics Metrics() { return fetchers_.Metrics(); }
  std::vector<TopicPartition> partitions() const;  // that are moving, or wait for it
  // Finish ends early, and no move begins any more.
  void Stop();
  // Stop, and stops all threads; future logs stay for the next process. Blocking.
  void Close();

 private:
  class Events;
  struct Move {
    std::filesystem::path log_dir;
    int32_t thread = -1;  // it runs on; -1: it waits for one
    std::shared_ptr<PartitionProgress> progress = std::make_shared<PartitionProgress>();
    Clock::TimePoint due = Clock::TimePoint::min();  // it neither begins nor ends before
    std::string trouble;                             // as told last
    int failures = 0;                                // in a row, at one log end
    Offset failed_at;
    absl::Status given_up;  // not OK: why
  };

  void OnFailed(const TopicPartition& partition, const absl::Status& why, bool for_good);
  void OnUnreadable(const TopicPartition& partition, const absl::Status& why);  // the current log
  void OnNotice(const std::string& text);
  bool HasSource(const TopicPartition& partition) const;  // a current log, on a disk that did not fail
  void TellOfTrouble(const TopicPartition& partition, const absl::Status& why);
  void GiveUpThoseToOfflineDirs();
  int32_t FreeThread() const;  // -1: all are busy
  asio::awaitable<void> Begin(TopicPartition partition, int32_t thread);
  asio::awaitable<void> Fetch(TopicPartition partition);
  asio::awaitable<void> End(TopicPartition partition, absl::Status why);
  asio::awaitable<absl::Status> AwaitRest(TopicPartition partition, Offset end);
  bool HasAll(const PartitionLog& current, const PartitionLog& future) const;

  LogManager& logs_;
  Clock& clock_;
  const int32_t threads_;
  Tell tell_;
  TellAtLarge tell_at_large_;
  std::unique_ptr<Events> events_;
  FetchCounters counters_;
  FetcherManager fetchers_;
  std::map<TopicPartition, Move> moves_;  // the next to begin is the first that waits (AD-04)
  std::map<TopicPartition, std::filesystem::path> given_up_;
  std::string last_notice_;
  InterruptibleSleep pause_;
  bool stopping_ = false;
};

}  // namespace slipstream
