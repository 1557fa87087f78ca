// Keeps what fetcher threads told. Read it once they are still.
#pragma once

#include <absl/strings/str_cat.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fetcher/fetch_events.h"

namespace slipstream {

class RecordingEvents final : public FetchEvents {
 public:
  struct Truncated {
    TopicPartition partition;
    Offset from, to;
    bool below_high_watermark = false;
    bool operator==(const Truncated&) const = default;
  };
  struct Lost {
    Gap gap;
    std::optional<Offset> restarted_at;
    bool operator==(const Lost&) const = default;
  };
  struct Failed {
    TopicPartition partition;
    absl::Status why;
    bool for_good = false;
  };

  void OnLeaderInDoubt(BrokerId, const std::string& why) override { Keep(in_doubt, why); }
  void OnLeaderLost(BrokerId, const absl::Status& why) override { Keep(leader, absl::StrCat("lost: ", why.message())); }
  void OnLeaderReached(BrokerId, const Endpoint&) override { Keep(leader, "reached"); }
  void OnTruncated(const TopicPartition& partition, Offset from, Offset to, bool below_high_watermark) override {
    Keep(truncated, {partition, from, to, below_high_watermark});
  }
  absl::Status PersistOffsets(const std::vector<LogOffsets>& offsets) override {
    for (const LogOffsets& log : offsets) Keep(persisted, log);
    Keep(persisted_together, offsets.size());
    for (const LogOffsets& log : offsets)
      if (!persists_all_but || log.partition == *persists_all_but) return persist_result;
    return absl::OkStatus();
  }
  void OnGap(const TopicPartition&, Gap gap, std::optional<Offset> restarted_at) override {
    Keep(lost, {gap, restarted_at});
  }
  void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) override {
    Keep(failed, {partition, why, for_good});
  }
  void OnNotice(const std::string& text) override { Keep(notices, text); }

  absl::Status persist_result;
  std::optional<TopicPartition> persists_all_but;  // else the result is that of any
  std::vector<std::string> in_doubt, leader, notices;
  std::vector<Truncated> truncated;
  std::vector<LogOffsets> persisted;
  std::vector<size_t> persisted_together;  // so many in each call
  std::vector<Lost> lost;
  std::vector<Failed> failed;

 private:
  template <typename T>
  void Keep(std::vector<T>& kept, std::type_identity_t<T> event) {
    const std::lock_guard lock(mutex_);
    kept.push_back(std::move(event));
  }
  std::mutex mutex_;
};

}  // namespace slipstream
