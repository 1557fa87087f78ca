// Follows topics of a cluster into a log dir: which partitions are wanted, who leads them now, which fetcher gets them.
// Runs on the control thread; the bytes move on the fetcher threads.
#pragma once

#include <absl/status/status.h>

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "fetcher/fetcher_manager.h"
#include "fetcher/leader_watch.h"
#include "fetcher/log_owner.h"
#include "fetcher/moves/log_dir_moves.h"
#include "fetcher/moves/log_dir_wishes.h"
#include "fetcher/notice_joiner.h"
#include "fetcher/refresh_schedule.h"
#include "log/log_manager.h"
#include "session/cluster_client.h"

namespace slipstream {

struct FollowConfig {
  std::vector<Endpoint> bootstrap;
  std::vector<std::string> topics;  // regular expressions, each for a whole topic name
  bool exclude_internal_topics = true;
  ClientConfig client;
  FetcherConfig fetcher;
  // 4 .. 18, of Fetch: below 12 diverging logs are found by asking where epochs end, below 13 topics go by name.
  int32_t fetch_version_max = FetchRequest::kVersionMax;
  LogDirWishes log_dir_wishes;
  int32_t num_replica_alter_log_dirs_threads = 1;       // 1 .. 64; each moves one partition at a time
  ByteRateLimit* move_rate_limit = nullptr;             // of all moves between log dirs, outlives them; nullptr: none
  std::chrono::milliseconds checkpoint_interval{5000};  // replica.high.watermark.checkpoint.interval.ms, 10 .. 1 h

  absl::Status Validate() const;  // names field, value and bound
};

// One moment of a run, over all partitions.
struct FollowSnapshot {
  size_t partitions = 0, caught_up = 0, delayed = 0, failed = 0;
  size_t moving = 0;           // to another log dir
  size_t awaiting_leader = 0;  // theirs has not answered yet, or is lost: how far behind they are nobody knows
  int64_t lag = 0;             // offsets, over partitions whose lag is known
  uint64_t bytes = 0, records = 0, truncations = 0, truncated_offsets = 0;
};

// Of the two pools, which Kafka calls ReplicaFetcherManager and ReplicaAlterLogDirsManager.
struct FollowMetrics {
  FetcherMetrics fetchers, movers;
  double throttled_byte_rate = 0;  // of what has a quota, per second: Kafka's FollowerReplication byte-rate
};

enum class NoticeKind {
  kEvent,   // to partitions, or to the follower itself
  kLeader,  // a leader, or the whole cluster, is lost or back
};

class TopicFollower final : LogOwner {
 public:
  using NoticeSink = std::function<void(NoticeKind kind, const std::string& line)>;

  // `io` is the control thread's. `notice` gets one line for each event a person wants to know of; on the control
  // thread.
  static absl::StatusOr<std::unique_ptr<TopicFollower>> Create(asio::io_context& io, LogManager& logs,
                                                               FollowConfig config, NoticeSink notice);
  ~TopicFollower() override;

  // Finds the cluster and its topics, then follows until Stop (OK) or until something ends it for good: a gap that must
  // not be skipped (kOutOfRange), no cluster (the connection's error), no log dir that is online (its cause). A run
  // `until_caught_up` has somebody who waits for it: it also ends when no topic matches (kNotFound) and when a disk is
  // full (kResourceExhausted), which one without an end waits out; kOutOfRange at its end when a topic was deleted
  // before all of it was copied, unless gaps may be skipped. kUnavailable when partitions were left out, as their log
  // dir is offline. The fetchers are stopped when it returns; LogManager::Close writes the checkpoints.
  asio::awaitable<absl::Status> Run(bool until_caught_up);
  void Stop();
  // So many fetcher threads per leader from soon on: 1 .. 64.
  void Resize(int32_t num_replica_fetchers);
  // Partitions that lie elsewhere are moved from soon on; those no pattern names stay where they are.
  void SetLogDirWishes(LogDirWishes wishes);

  FollowSnapshot Snapshot() const;
  FollowMetrics Metrics();
  // The cluster was reached and its topics found: what goes wrong later is no failure to start.
  bool started() const { return found_topics_; }
  // Every partition has what the leader had when it was first asked, but for those of log dirs that are offline.
  bool CaughtUp() const;
  // Some move between log dirs is on its way.
  bool moving() const { return wishes_changed_ || !wishes_due_.empty() || moves_->AnyWithoutTrouble(); }
  const std::string& cluster_id() const { return cluster_.metadata().cluster_id; }

 private:
  class Events;
  // The same word by so many refreshes in a row. What takes something away is believed when it was told so often and
  // for so long: neither one answer is enough nor several at once, they may all come from a broker that has only just
  // started (KAFKA-13127).
  struct Telling {
    int count = 0;
    Clock::TimePoint since;  // the first time

    void Again(Clock::TimePoint now) {
      if (count++ == 0) since = now;
    }
    bool Believed(Clock::TimePoint now, std::chrono::nanoseconds for_so_long) const {
      return count >= 3 && now - since >= for_so_long;
    }
  };
  struct Followed {
    Uuid topic_id;
    PartitionLeader leader;
    Endpoint endpoint;
    std::shared_ptr<PartitionProgress> progress;
    bool assigned = false;
    Telling absent;        // from the metadata
    Uuid other_id;         // of a topic of that name that is not ours,
    Telling other_topic;   // as told
    bool offline = false;  // its log cannot be opened, as a log dir is offline
    bool leaderless_told = false;
    std::string trouble;  // with its disk, as told last
  };
  struct Move {  // of a partition, to a leader that the metadata names
    TopicPartition partition;
    Uuid topic_id;
    PartitionLeader leader;
    Endpoint endpoint;
  };
  using LeaderGroups = std::map<std::pair<BrokerId, Endpoint>, std::vector<InitialFetchState>>;

  TopicFollower(asio::io_context& io, LogManager& logs, FollowConfig config, std::vector<std::regex> topics,
                NoticeSink notice);

  bool Wanted(const std::string& name, const TopicMetadata& topic) const;
  asio::awaitable<absl::Status> Follow();                       // one refresh after the other
  asio::awaitable<void> AwaitRefresh();                         // until one is due
  asio::awaitable<void> Pause(std::chrono::nanoseconds pause);  // or less, when there is news; moves go on meanwhile
  asio::awaitable<absl::Status> Reconcile();                    // fetchers := metadata
  void OnLeaderLost(BrokerId leader, const absl::Status& why);
  void TellOfLeadersDoneWith();
  asio::awaitable<absl::Status> StartMoves(std::span<const Move> moves);
  std::vector<Move> PlanMoves(const ClusterMetadata& metadata);
  bool IsDue(const Move& move);                          // else it is there already, or cannot be
  bool IsCertain(const Move& move, Followed& followed);  // that the topic is the one it is said to be
  absl::Status Prepare(const Move& move, LeaderGroups& groups);
  void LookAt(const TopicPartition& partition, Look look) override;
  asio::awaitable<void> WithdrawMoves();
  asio::awaitable<void> RequestMoves(std::vector<TopicPartition> partitions);
  std::chrono::nanoseconds UntilMovesAreDue(std::chrono::nanoseconds at_most) const;  // when TendMoves is
  asio::awaitable<void> TendMoves();
  asio::awaitable<void> FinishMove(TopicPartition partition);
  asio::awaitable<void> LetGoOfDeleted(const ClusterMetadata& metadata);
  absl::StatusOr<PartitionLog*> OpenLog(const TopicPartition& partition, Uuid topic_id);
  absl::Status OnLogNotOpened(const TopicPartition& partition, const absl::Status& why);
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good);
  void OnCheckpointsWritten(const absl::Status& written);
  void EndWith(const absl::Status& why);
  std::string NoteOffline(const LogManager::OfflineDirectory& directory);  // returns a line that tells of it
  void LookForOfflineDirectories();
  bool Offline(const TopicPartition& partition, const Followed& followed) const;
  asio::awaitable<void> WriteCheckpoints();
  std::vector<LogOffsets> PublishedOffsets() const;
  void TellOf(const TopicPartition& partition, const std::string& what, const std::string& detail);
  void TellJoined();
  void TellOfLeader(const std::optional<std::string>& line);
  size_t PartitionsOf(BrokerId leader) const;

  asio::io_context& io_;
  LogManager& logs_;
  const FollowConfig config_;
  std::vector<std::regex> topics_;
  NoticeSink notice_;
  ClusterClient cluster_;
  std::unique_ptr<Events> events_;
  FetchCounters counters_;
  std::unique_ptr<FetcherManager> fetchers_;
  std::unique_ptr<LogDirMoves> moves_;
  LogDirWishes wishes_;
  bool wishes_changed_ = true, withdraw_moves_ = false;  // since the last look; they are others than before
  std::vector<TopicPartition> wishes_due_;               // to be looked at, as their logs may have been made anew
  std::map<TopicPartition, Followed> followed_;
  InterruptibleSleep refresh_sleep_, refresh_pause_, checkpoint_sleep_;
  AsyncEvent checkpoints_ended_;
  NoticeJoiner joiner_;
  asio::steady_timer join_timer_;  // runs while joiner_ has something
  RefreshSchedule refreshes_;
  std::optional<int32_t> wanted_fetchers_;  // threads per leader; nullopt: as many as there are
  LeaderWatch leaders_;
  bool until_caught_up_ = false;
  bool found_topics_ = false;
  bool checkpointing_ = false;
  bool stopping_ = false;
  absl::Status failure_;                             // the first thing that ends the run
  absl::Status incomplete_;                          // what a run that has an end cannot copy any more; the first
  std::vector<std::filesystem::path> told_offline_;  // log dirs
  absl::Status offline_cause_;                       // of the first of them
  std::string checkpoint_trouble_;                   // as told last
};

}  // namespace slipstream
