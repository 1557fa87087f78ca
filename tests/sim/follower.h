// The node that follows: one process at a time over one disk, with the product's log dir, logs and fetch lanes. What
// the control thread and the fetcher manager do with threads is done here with events: a partition goes to the lane of
// its leader's broker once the lane that had it has let go. It dies, loses power, stops and starts again; after every
// handler its logs are held against what they may be.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fetcher/lane_group.h"
#include "log/log_directory.h"
#include "tests/sim/lane_watch.h"
#include "tests/sim/replica_history.h"
#include "tests/sim/sim_leader.h"
#include "tests/sim/sim_queue.h"
#include "tests/support/simulated_disk.h"

namespace slipstream::sim {

class Follower final : public FetchEvents, public Witness {
 public:
  Follower(const Options& options, Random& random, Scheduler& scheduler, Trace& trace, Model& model);
  ~Follower() override;

  void Start();
  // After every handler, outside of any: looks at all logs, then carries out an end of the process that is due.
  void Observe();
  // No faults any more; a process runs on a disk that works.
  void Heal();
  // INV-30: every log is its leader's to the end, and nothing is failed or delayed.
  bool CaughtUp();
  int64_t Backlog() const;  // records that the leaders have and this node has not
  std::string DescribeLag();
  // The bytes of all logs are what the model's leaders wrote. Reads the disk, so not while it is to fail.
  void CheckContents();
  void CheckSettled();

  const FetchCounters& counters() const { return counters_; }
  int process_count() const { return process_; }
  const LaneMoves& lane_moves() const { return lane_watch_.moves(); }

  // FetchEvents
  void OnLeaderInDoubt(BrokerId leader, const std::string& why) override;
  void OnLeaderLost(BrokerId leader, const absl::Status& why) override;
  void OnLeaderReached(BrokerId leader, const Endpoint& endpoint) override;
  void OnTruncated(const TopicPartition& partition, Offset from, Offset to, bool below_high_watermark) override;
  absl::Status PersistOffsets(const std::vector<LogOffsets>& offsets) override;
  void OnGap(const TopicPartition& partition, Gap gap, std::optional<Offset> restarted_at) override;
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) override;
  void OnNotice(const std::string& text) override;
  // Witness
  void OnFetchSent(const SimLeader& leader, const Asked& asked) override;
  void OnFetchEnded(const SimLeader& leader) override { lane_watch_.OnFetchEnded(leader); }
  void OnRecords(const SimLeader& leader, const TopicPartition& partition, const FetchPartition& asked,
                 const ModelBatches& records) override;

 private:
  struct Fetcher {  // what a thread would be
    int32_t broker = 0;
    std::unique_ptr<SimQueue> queue;
    ThreadCounters lane_counters;
    std::unique_ptr<LaneGroup> lanes;
    bool ended = false;
  };
  enum class Place { kNowhere, kComing, kHeld, kLeaving };
  struct Followed {
    TopicPartition name;
    ReplicaHistory history;
    Leadership wanted;          // the newest heard of
    LeaderEpoch current_epoch;  // that its fetcher was told
    Place place = Place::kNowhere;
    Fetcher* holder = nullptr;  // kHeld, kLeaving
    PartitionLog* log = nullptr;
    std::shared_ptr<PartitionProgress> progress;
    Offset start{0}, high_watermark{0}, recovery_point{0};  // when last looked at
  };
  enum class Ending { kNone, kKill, kPowerCut, kCleanStop };

  // follower.cc: processes
  void Every(std::chrono::milliseconds mean, std::function<void()> act);
  void Repeat(std::chrono::milliseconds mean, void (Follower::*act)());  // as long as the process lives
  void StartProcess();
  void StartSoon();
  void EndProcess(Ending ending);
  Ending StopCleanly();  // what became of it
  void StopFetchers();
  void LeaveDisk(Ending ending);
  void Crash();
  void CrashWithin(uint64_t calls, std::chrono::milliseconds time);
  void FailDisk();
  void FillDisk();
  bool Running() const { return directory_ != nullptr && !stopping_; }
  // kPowerCut: what an fsync that failed should have kept is lost for good, so nothing less ends it.
  void Disarm();
  void EndSoon(std::chrono::milliseconds within);

  // follower_assignment.cc: which fetcher has what
  void RefreshSoon();
  void Refresh();
  void Assign(Followed& followed);
  void LetGo(Followed& followed);
  void Give(Followed& followed);
  Fetcher& FetcherTo(int32_t broker);
  void WriteCheckpoints();
  Followed& Of(const TopicPartition& partition) { return followed_[static_cast<size_t>(partition.partition)]; }
  bool MayTouch(const Fetcher& fetcher, const std::filesystem::path& file) const;

  // follower_checks.cc
  void Recovered(Followed& followed);
  void Look(Followed& followed);
  void LookAtLanes();
  void CheckRate();
  static bool AsksFor(const SimLeader& leader, const Followed& followed);  // by the lane that has it
  const Replica& LeaderOf(const Followed& followed) const;                 // of the broker whose fetcher has it
  const ModelBatch* FirstForeign(const Followed& followed) const;
  void ListThrottled(absl::string_view replicas);
  void Check(const absl::Status& status, const TopicPartition& partition);
  void ProbePowerCut(Followed& followed, Offset fetch_offset);

  const Options& options_;
  Random& random_;
  Scheduler& scheduler_;
  Trace& trace_;
  Model& model_;
  const std::unique_ptr<ByteRateLimit> rate_limit_;  // nullptr: none
  SharedFollowerThrottle throttle_;
  const FetcherConfig config_;
  LogDirectoryConfig directory_config_;
  FetchCounters counters_;
  std::unique_ptr<SimulatedDisk> disk_;
  const Clock::TimePoint began_at_;
  bool disk_full_ = false;
  bool failure_told_ = false;  // the disk's
  bool armed_ = false;         // some call to the disk, no other than the product's, will fail or be the last
  LaneWatch lane_watch_;
  std::vector<Followed> followed_;

  // Of the process that runs.
  int process_ = 0;  // how many there were
  std::unique_ptr<LogDirectory> directory_;
  std::map<int32_t, Fetcher> fetchers_;  // by broker
  bool refreshing_ = false;
  bool stopping_ = false;

  Ending ending_ = Ending::kNone;            // is due
  Ending last_ending_ = Ending::kCleanStop;  // of the process before this one
  bool between_calls_ = false;               // that one died while nothing ran
  bool recovered_ = true;                    // since then its logs were opened and looked at
  bool healed_ = false;
};

}  // namespace slipstream::sim
