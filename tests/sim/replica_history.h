// What one partition's log on the follower was, is, and may be again after a crash: told by what answers brought, by
// what the log says it did, and by its offsets. Each verb checks what must hold of it; an error names the rule.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <string>
#include <vector>

#include "log/partition_log.h"
#include "tests/sim/model_log.h"

namespace slipstream::sim {

// The rule in front: "INV-02: ...".
template <typename... Parts>
absl::Status Broken(absl::string_view rule, const Parts&... parts) {
  return absl::InternalError(absl::StrCat(rule, ": ", parts...));
}

class ReplicaHistory {
 public:
  struct Source {  // who is followed
    LeaderEpoch epoch;
    Offset log_start{0};  // its own, or that of the copy: below there is nothing to agree on
  };

  // An answer to what is asked now brought these: nothing else may be appended (INV-10).
  void Deliver(Offset fetch_offset, const ModelBatches& records);

  // The log's end is at `end` now. INV-02, 08, 09, 10.
  absl::Status Grow(Offset end, const Source& source);
  void Cut(Offset end);
  void StartAnewAt(Offset offset);
  // A cut begins: it may be half done when the process dies.
  void BeginCut(Offset recovery_point) {
    durable_ = std::min(durable_, recovery_point);
    claimed_ = std::min(claimed_, recovery_point);
  }
  // The log says that all below survives a power cut.
  void Sync(Offset recovery_point, Offset start);
  // The leader was told that we hold all below.
  void Claim(Offset fetch_offset) { claimed_ = std::max(claimed_, fetch_offset); }

  enum class Left {
    kAll,        // the process ended between two calls to the disk
    kPageCache,  // it died in one
    kDisk,       // the power was cut
  };
  // INV-18: what was left is [start, end) with these batches. With `claims_hold` nothing that was claimed may be gone
  // (INV-19).
  absl::Status Recover(Offset start, Offset end, const std::vector<std::vector<std::byte>>& found, Left left,
                       bool claims_hold);
  // The log that was found is empty and knows no epoch: it was begun anew there, and nothing binds what comes.
  void ForgetBelow(Offset start);
  // The bytes of the log from its start on are those of the batches. INV-02.
  absl::Status Compare(Offset start, const std::vector<std::vector<std::byte>>& found) const;

  Offset end() const { return now_.end; }
  Offset durable() const { return durable_; }
  const ModelBatches& batches() const { return now_.batches; }
  // nullptr: none.
  const ModelBatch* BatchAt(Offset offset) const;
  // INV-07's: the first offset kept of each epoch.
  std::vector<EpochStart> Epochs(Offset start) const;

 private:
  struct Version {
    Offset first{0}, end{0};
    ModelBatches batches;  // also those that retention took since
  };
  static constexpr size_t kVersionsMax = 16;

  void KeepVersion();
  absl::Status Accept(const ModelBatch& batch, const Source& source) const;
  absl::Status MatchRecovered(Version candidate, Offset start, Offset end,
                              const std::vector<std::vector<std::byte>>& found, Version* recovered) const;

  Version now_;
  std::vector<Version> before_;  // since the last time that all was durable: a power cut may bring one back
  ModelBatches delivered_;       // not appended yet
  ModelBatches maybe_written_;   // delivered since the last time that all was durable, whatever became of it
  Offset durable_{0};
  Offset claimed_{0};
};

}  // namespace slipstream::sim
