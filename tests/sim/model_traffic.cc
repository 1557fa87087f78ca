// Model: what producers write, what brokers copy from each other, and what retention takes away.
#include <algorithm>

#include "log/check.h"
#include "tests/sim/model.h"
#include "tests/support/batches.h"

namespace slipstream::sim {

const ModelBatch& Model::NewBatch(const Replica& leader, LeaderEpoch epoch, int32_t partition) {
  ModelBatch& batch = batches_.emplace_back();
  BatchSpec spec{.base_offset = leader.log.end().value,
                 .record_count = static_cast<int32_t>(random_.Between(1, 5)),
                 .leader_epoch = epoch.value,
                 .base_timestamp = scheduler_.clock().WallTime().value,
                 .value_bytes = static_cast<size_t>(random_.Between(1, options_.value_bytes_max)),
                 .fill = static_cast<uint8_t>('a' + (epoch.value + partition * 7) % 26)};
  batch.base = Offset{spec.base_offset};
  batch.next = batch.base + spec.record_count;
  batch.epoch = epoch;
  batch.bytes = MakeBatch(spec);
  batch.before = leader.log.last();
  return batch;
}

// To any broker that believes it leads: of two that do, only one can commit.
void Model::Produce(Partition& partition, int64_t batches) {
  if (!healed_ && scheduler_.now() < partition.quiet_until) return;
  ProduceTo(partition, healed_ ? partition.now.leader : RandomBroker(), batches);
}

// Long enough for a lane to see it: a partition without records for a second is idle.
void Model::FallQuiet(Partition& partition) {
  partition.quiet_until = scheduler_.now() + random_.Wait(Options::Ms(1000), options_.quiet_for_max);
}

void Model::Burst(Partition& partition) {
  partition.quiet_until = scheduler_.now();
  ProduceTo(partition, partition.now.leader, random_.Between(10, 40));
}

void Model::ProduceTo(Partition& partition, int32_t id, int64_t batches) {
  Replica& replica = partition.replicas[static_cast<size_t>(id)];
  if (!replica.leads || !brokers_[static_cast<size_t>(id)].up) return;
  for (int64_t i = 0; i < batches; ++i)
    replica.log.Append(NewBatch(replica, replica.view.epoch, partition.name.partition));
  AdvanceHighWatermark(replica, id);
  brokers_[static_cast<size_t>(id)].Wake();
}

void Model::AdvanceHighWatermark(Replica& leader, int32_t id) {
  Offset reached = leader.log.end();
  for (const int32_t member : leader.view.isr) {
    if (member == id) continue;
    const auto heard = leader.follower_ends.find(member);
    reached = std::min(reached, heard == leader.follower_ends.end() ? Offset{} : heard->second);
  }
  if (reached <= leader.high_watermark) return;
  leader.high_watermark = reached;
  const ModelBatches& batches = leader.log.batches();
  for (auto at = batches.rbegin(); at != batches.rend() && !(*at)->committed; ++at)
    if ((*at)->next <= reached) (*at)->committed = true;
}

void Model::CutToCommon(ModelLog& copy, const ModelLog& leader) {
  while (!copy.batches().empty() && copy.end() > leader.start() && !leader.Has(*copy.batches().back()))
    copy.TruncateTo(copy.batches().back()->base);
  if (copy.end() > leader.end() || copy.end() < leader.start()) copy.StartAnewAt(leader.start());
}

void Model::Replicate(Partition& partition, int32_t follower) {
  Replica& copy = partition.replicas[static_cast<size_t>(follower)];
  const int32_t source = copy.view.leader;
  if (source < 0 || source == follower) return;
  Replica& leader = partition.replicas[static_cast<size_t>(source)];
  const bool reachable = brokers_[static_cast<size_t>(source)].up && brokers_[static_cast<size_t>(follower)].up;
  const bool apart = !healed_ && scheduler_.now() < partition.apart_until;
  if (apart || !reachable || !leader.leads || leader.view.epoch != copy.view.epoch) return;
  CutToCommon(copy.log, leader.log);
  const int64_t bytes_max = random_.Between(500, random_.Chance({1, 8}) ? 100'000 : 10'000);
  for (const ModelBatch* batch : leader.log.Read(copy.log.end(), leader.log.end(), bytes_max, true)) {
    // Where the leader's log begins above ours, or inside a batch.
    if (batch->base != copy.log.end()) copy.log.StartAnewAt(batch->base);
    copy.log.Append(*batch);
  }
  copy.log.RaiseStartTo(std::min(leader.log.start(), copy.log.end()));
  // The high watermark is what the leader knew before it heard of this.
  copy.high_watermark = std::max(copy.log.start(), std::min(copy.log.end(), leader.high_watermark));
  leader.follower_ends[follower] = copy.log.end();
  const Offset before = leader.high_watermark;
  AdvanceHighWatermark(leader, source);
  if (leader.high_watermark > before) brokers_[static_cast<size_t>(source)].Wake();
}

// DeleteRecords or retention: up to the high watermark, also into the middle of a batch (F54).
void Model::MoveLogStart(Partition& partition) {
  if (!partition.Led()) return;
  Replica& leader = partition.leader();
  const int64_t room = leader.high_watermark - leader.log.start();
  if (room <= 0 || !brokers_[static_cast<size_t>(partition.now.leader)].up) return;
  const int64_t by = random_.Chance({1, 4}) ? room : random_.Between(1, room);
  leader.log.RaiseStartTo(leader.log.start() + by);
  trace_.Tell(partition.name.ToString(), ": the leader's log starts at ", leader.log.start().value);
}

}  // namespace slipstream::sim
