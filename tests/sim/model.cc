// Model: its parts, who acts when, and how all of it heals.
#include "tests/sim/model.h"

#include <algorithm>

namespace slipstream::sim {

Model::Model(const Options& options, Random& random, Scheduler& scheduler, Trace& trace)
    : options_(options), random_(random), scheduler_(scheduler), trace_(trace) {
  for (int32_t i = 0; i < options.brokers; ++i) {
    const FetchSessionCacheConfig slots{.slots_max = options.session_slots, .shards = 1};
    brokers_.push_back({.sessions = std::make_unique<FetchSessionCache>(slots, random.Next())});
  }
  for (int32_t i = 0; i < options.partitions; ++i) {
    Partition& partition = partitions_.emplace_back(Partition{.name = {"orders", i}});
    partition.replicas.resize(static_cast<size_t>(options.brokers));
    partition.now.epoch = LeaderEpoch{0};
    partition.now.leader = RandomBroker();
    for (int32_t broker = 0; broker < options.brokers; ++broker) partition.now.isr.insert(broker);
    partition.history.push_back(partition.now);
    for (int32_t broker = 0; broker < options.brokers; ++broker) Learn(partition, broker, partition.now);
  }
}

// As long as not all is healed.
void Model::Every(std::chrono::milliseconds mean, std::function<void()> act) {
  if (mean.count() == 0) return;
  scheduler_.After(random_.WaitUpTo(2 * mean), [this, mean, act = std::move(act)] {
    if (healed_) return;
    act();
    Every(mean, act);
  });
}

void Model::Start() {
  for (Partition& partition : partitions_) {
    Every(options_.produce_every, [this, &partition] { Produce(partition, random_.Between(1, 4)); });
    Every(options_.elect_every, [this, &partition] { Elect(partition, random_.Chance(options_.unclean)); });
    Every(options_.fail_over_every, [this, &partition] { FailOver(partition); });
    Every(options_.quiet_every, [this, &partition] { FallQuiet(partition); });
    Every(options_.burst_every, [this, &partition] { Burst(partition); });
    Every(options_.isr_change_every, [this, &partition] { ChangeIsr(partition); });
    Every(options_.log_start_every, [this, &partition] { MoveLogStart(partition); });
    for (int32_t broker = 0; broker < options_.brokers; ++broker)
      Every(options_.replicate_every, [this, &partition, broker] { Replicate(partition, broker); });
  }
  Every(options_.broker_outage_every, [this] { TakeBrokerDown(); });
}

void Model::Heal() {
  trace_.Tell("all is healed");
  healed_ = true;
  for (Broker& broker : brokers_) broker.up = true;
  for (Partition& partition : partitions_) {
    for (int32_t broker = 0; broker < options_.brokers; ++broker) Learn(partition, broker, partition.now);
    Produce(partition, 3);
    // Twice: what the leader hears with the first, its followers hear with the second.
    for (int round = 0; round < 2; ++round) {
      for (int32_t broker = 0; broker < options_.brokers; ++broker) {
        if (broker == partition.now.leader) continue;
        do {
          Replicate(partition, broker);
        } while (partition.replicas[static_cast<size_t>(broker)].log.end() < partition.leader().log.end());
      }
    }
  }
  for (Broker& broker : brokers_) broker.Wake();
}

Leadership Model::Ask(int32_t index) {
  const Partition& partition = partitions_[static_cast<size_t>(index)];
  if (healed_ || !random_.Chance(options_.old_metadata)) return partition.now;
  const size_t back = std::min<size_t>(partition.history.size() - 1, random_.Below(4));
  return partition.history[partition.history.size() - 1 - back];
}

}  // namespace slipstream::sim
