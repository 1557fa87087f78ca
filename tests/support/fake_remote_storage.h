// Remote storage of one segment, as the test says, which may be slow or fail.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "fetcher/tier/remote_storage.h"
#include "log/producer_snapshot.h"

namespace slipstream {

class FakeRemoteStorage final : public RemoteStorage {
 public:
  struct Asked {
    TopicPartition partition;
    Uuid topic_id;
    LeaderEpoch epoch;
    Offset offset;
    bool operator==(const Asked&) const = default;
  };

  // REQUIRES for all of these: nobody asks meanwhile.
  absl::Status failure;  // of the next calls
  Offset base_offset{0}, last_offset{99};
  std::vector<EpochStart> epochs = {{LeaderEpoch{0}, Offset{0}}};
  std::string producer_snapshot = EncodeProducerSnapshot(ProducerStateTable());

  // From now on calls wait for Release(), as those of a slow storage do.
  void Hold() { Set(true); }
  void Release() { Set(false); }
  std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  absl::StatusOr<RemoteSegment> FindSegment(const TopicIdPartition& partition, LeaderEpoch epoch,
                                            Offset offset) override {
    std::unique_lock lock(mutex_);
    asked_.push_back({partition.partition, partition.topic_id, epoch, offset});
    changed_.wait(lock, [this] { return !held_; });
    if (!failure.ok()) return failure;
    return RemoteSegment{partition, "segment", base_offset, last_offset};
  }
  absl::StatusOr<std::vector<EpochStart>> LeaderEpochs(const RemoteSegment&) override { return epochs; }
  absl::StatusOr<std::string> ProducerSnapshot(const RemoteSegment&) override { return producer_snapshot; }

 private:
  void Set(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::vector<Asked> asked_;
};

}  // namespace slipstream
