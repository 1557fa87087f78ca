// What fetcher threads tell whoever runs them. Called on fetcher threads: implementations are thread-safe and quick.
#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <vector>

#include "fetcher/offset_reset.h"
#include "log/log_offsets.h"
#include "log/offset.h"
#include "log/topic_partition.h"
#include "session/endpoint.h"

namespace slipstream {

class FetchEvents {
 public:
  virtual ~FetchEvents() = default;

  // The leader did not answer, or said that it does not lead: look at the cluster's metadata soon.
  virtual void OnLeaderInDoubt(BrokerId leader, const std::string& why) = 0;
  // The leader cannot be reached, though it was tried again. Told with each try that fails.
  virtual void OnLeaderLost(BrokerId leader, const absl::Status& why) = 0;
  // It answers: told of a fetcher's first answer, and of the first one after OnLeaderLost.
  virtual void OnLeaderReached(BrokerId leader, const Endpoint& endpoint) = 0;
  // The leader and our copy disagreed: the copy was cut from `from` back to `to`. Below the high watermark only an
  // unclean election can do that.
  virtual void OnTruncated(const TopicPartition& partition, Offset from, Offset to, bool below_high_watermark) = 0;
  // Recovery points fall: they must be on disk before anything is cut, or a crash would trust what was cut (LOG-103).
  // Returns once they are.
  virtual absl::Status PersistOffsets(const std::vector<LogOffsets>& offsets) = 0;
  // Records are lost at the source. The copy is dropped and goes on at `restarted_at`; nullopt: the partition failed.
  virtual void OnGap(const TopicPartition& partition, Gap gap, std::optional<Offset> restarted_at) = 0;
  // An error that only rarely goes away by itself; the partition is retried less and less often. `for_good`: in vain,
  // until its log is opened anew.
  virtual void OnPartitionFailed(const TopicPartition& partition, const absl::Status& why, bool for_good) = 0;
  // Anything else worth a line.
  virtual void OnNotice(const std::string& text) = 0;
};

}  // namespace slipstream
