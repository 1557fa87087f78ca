// The cluster that is followed, as a model: brokers with a log per partition, a controller that elects, producers that
// write to whoever believes it leads. Brokers copy from each other by the rules of KIP-101 and lose nothing below the
// high watermark in a clean election; an unclean one may, and is counted as an excuse.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "log/topic_partition.h"
#include "log/uuid.h"
#include "session/fetch_session_cache.h"
#include "tests/sim/model_log.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/trace.h"

namespace slipstream::sim {

// Who leads a partition, as the controller decided it once.
struct Leadership {
  LeaderEpoch epoch;
  int32_t leader = -1;
  std::set<int32_t> isr;
};

struct Replica {
  ModelLog log;
  Offset high_watermark{0};
  Leadership view;                          // the last that its broker heard of
  bool leads = false;                       // by its own view
  Offset epoch_start{0};                    // where its log ended when it began to lead
  std::map<int32_t, Offset> follower_ends;  // heard in this epoch
};

struct Partition {
  TopicPartition name;
  Leadership now;  // as the controller has it
  std::vector<Leadership> history;
  std::vector<Replica> replicas;  // by broker
  uint64_t unclean_elections = 0;
  Clock::TimePoint apart_until;  // brokers do not copy from each other before
  Clock::TimePoint quiet_until;  // producers have nothing to say before

  Replica& leader() { return replicas[static_cast<size_t>(now.leader)]; }
  // The leader knows that it leads, and in which epoch.
  bool Led() { return leader().leads && leader().view.epoch == now.epoch; }
};

struct Broker {
  bool up = true;
  std::unique_ptr<FetchSessionCache> sessions;
  std::vector<Naps*> waiting;  // fetches that wait for news, in the order in which their connections were made

  void Wake() {
    for (Naps* naps : waiting) naps->Wake();
  }
};

class Model {
 public:
  Model(const Options& options, Random& random, Scheduler& scheduler, Trace& trace);

  // Every actor begins to act.
  void Start();
  // All brokers are up and know who leads, all logs are the leader's, everything is committed; nothing happens any
  // more.
  void Heal();

  std::vector<Partition>& partitions() { return partitions_; }
  Partition& partition(int32_t index) { return partitions_[static_cast<size_t>(index)]; }
  Broker& broker(int32_t id) { return brokers_[static_cast<size_t>(id)]; }
  Uuid topic_id() const { return {7, 7}; }
  bool healed() const { return healed_; }
  // What a broker says of a partition's leader: not always the newest.
  Leadership Ask(int32_t partition);

  // --- what actors do; also tests'
  void Elect(Partition& partition, bool unclean, bool another = false);  // `another`: than now, where there is one
  void FailOver(Partition& partition);
  void ChangeIsr(Partition& partition);
  void TakeBrokerDown();
  void Learn(Partition& partition, int32_t broker, const Leadership& news);
  void Produce(Partition& partition, int64_t batches);
  void FallQuiet(Partition& partition);
  void Burst(Partition& partition);
  void Replicate(Partition& partition, int32_t follower);
  void MoveLogStart(Partition& partition);

 private:
  void Every(std::chrono::milliseconds mean, std::function<void()> act);
  void Tell(Partition& partition, int32_t broker);
  void ElectInTurn(Partition& partition, int64_t times);
  void ProduceTo(Partition& partition, int32_t broker, int64_t batches);
  static void AdvanceHighWatermark(Replica& leader, int32_t id);
  static void CutToCommon(ModelLog& copy, const ModelLog& leader);
  const ModelBatch& NewBatch(const Replica& leader, LeaderEpoch epoch, int32_t partition);
  int32_t RandomBroker() { return static_cast<int32_t>(random_.Below(brokers_.size())); }

  const Options& options_;
  Random& random_;
  Scheduler& scheduler_;
  Trace& trace_;
  std::vector<Partition> partitions_;
  std::vector<Broker> brokers_;
  std::deque<ModelBatch> batches_;  // all there ever were
  bool healed_ = false;
};

}  // namespace slipstream::sim
