// Model: its controller. Leaders come from the ISR, unless an election is unclean; brokers hear of it late, each in its
// own time, so that an old leader goes on leading for a while.
#include <algorithm>

#include "log/check.h"
#include "tests/sim/model.h"

namespace slipstream::sim {

void Model::Elect(Partition& partition, bool unclean, bool another) {
  std::vector<int32_t> candidates;
  for (int32_t broker = 0; broker < options_.brokers; ++broker) {
    const bool in_sync = partition.now.isr.contains(broker);
    if (brokers_[static_cast<size_t>(broker)].up && in_sync != unclean) candidates.push_back(broker);
  }
  if (another && candidates.size() > 1) std::erase(candidates, partition.now.leader);
  if (candidates.empty()) return;
  partition.now.leader = random_.Pick(candidates);
  ++partition.now.epoch.value;
  if (unclean) {
    ++partition.unclean_elections;
    partition.now.isr = {partition.now.leader};
  }
  partition.history.push_back(partition.now);
  trace_.Tell(partition.name.ToString(), ": broker ", partition.now.leader, " leads in epoch ",
              partition.now.epoch.value, unclean ? ", elected unclean" : "");
  for (int32_t broker = 0; broker < options_.brokers; ++broker) Tell(partition, broker);
}

// REL-02: brokers that do not reach each other lead in turn, and each writes what only it has. A follower that is given
// the time for it gets some of each.
void Model::FailOver(Partition& partition) {
  partition.apart_until = scheduler_.now() + random_.Wait(Options::Ms(300), Options::Ms(3000));
  ElectInTurn(partition, random_.Between(2, 5));
}

void Model::ElectInTurn(Partition& partition, int64_t times) {
  Elect(partition, /*unclean=*/false, /*another=*/true);
  const int32_t leader = partition.now.leader;
  if (brokers_[static_cast<size_t>(leader)].up) Learn(partition, leader, partition.now);
  ProduceTo(partition, leader, random_.Between(1, 2));
  if (times <= 1) return;
  const Options::Ms next_within(random_.Chance({1, 2}) ? 100 : 1500);
  scheduler_.After(random_.WaitUpTo(next_within), [this, &partition, times] {
    if (!healed_) ElectInTurn(partition, times - 1);
  });
}

// Of what is so when the news arrives: a broker that is down hears it when it is up again.
void Model::Tell(Partition& partition, int32_t broker) {
  scheduler_.After(random_.WaitUpTo(options_.news_delay_max), [this, &partition, broker, news = partition.now] {
    if (brokers_[static_cast<size_t>(broker)].up) Learn(partition, broker, news);
  });
}

void Model::Learn(Partition& partition, int32_t broker, const Leadership& news) {
  Replica& replica = partition.replicas[static_cast<size_t>(broker)];
  if (news.epoch <= replica.view.epoch) return;  // late, or told twice
  replica.view = news;
  replica.leads = news.leader == broker;
  replica.epoch_start = replica.log.end();
  replica.follower_ends.clear();
  replica.high_watermark = std::max(replica.high_watermark, replica.log.start());
  if (replica.leads) {
    trace_.Tell(partition.name.ToString(), ": broker ", broker, " knows that it leads in epoch ", news.epoch.value,
                " from offset ", replica.epoch_start.value, ", high watermark ", replica.high_watermark.value);
    AdvanceHighWatermark(replica, broker);
  }
  brokers_[static_cast<size_t>(broker)].Wake();
}

// By the leader that the controller has, in one step with it: there is never one ISR in the leader's eyes and another,
// with other members, in the controller's.
void Model::ChangeIsr(Partition& partition) {
  if (!partition.Led()) return;
  const int32_t leader = partition.now.leader, other = RandomBroker();
  if (!brokers_[static_cast<size_t>(leader)].up || other == leader) return;
  Replica& leading = partition.leader();
  if (partition.now.isr.contains(other)) {
    partition.now.isr.erase(other);
  } else {
    const Replica& joining = partition.replicas[static_cast<size_t>(other)];
    const auto heard = leading.follower_ends.find(other);
    const bool caught_up = heard != leading.follower_ends.end() && joining.view.epoch == partition.now.epoch &&
                           joining.log.end() >= leading.high_watermark && joining.log.end() >= leading.epoch_start;
    if (!caught_up) return;
    partition.now.isr.insert(other);
  }
  leading.view.isr = partition.now.isr;
  AdvanceHighWatermark(leading, leader);
}

void Model::TakeBrokerDown() {
  const int32_t id = RandomBroker();
  Broker& broker = brokers_[static_cast<size_t>(id)];
  if (!broker.up) return;
  trace_.Tell("broker ", id, " is down");
  broker.up = false;
  broker.Wake();
  scheduler_.After(random_.WaitUpTo(Options::Ms(5000)), [this, id] {
    if (healed_) return;
    trace_.Tell("broker ", id, " is up");
    brokers_[static_cast<size_t>(id)].up = true;
    for (Partition& partition : partitions_) Tell(partition, id);
  });
}

}  // namespace slipstream::sim
