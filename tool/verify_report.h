// What `verify` prints: one live line on a terminal, the totals at the end.
#pragma once

#include <absl/strings/string_view.h>

#include <chrono>
#include <cstdint>

#include "log/topic_partition.h"
#include "tool/batch_difference.h"

namespace slipstream {

struct Tally {
  size_t partitions = 0;  // compared to the end
  int64_t batches = 0, records = 0, bytes = 0;
  size_t begin_later_in_a = 0, begin_later_in_b = 0;  // partitions; compared from there
};

class VerifyReport {
 public:
  explicit VerifyReport(bool json);

  Tally tally;
  size_t partitions_total = 0;

  void Tick(const TopicPartition& partition);  // called per batch: looks at the clock every few megabytes only
  void PrintDifference(const Difference& difference);
  void Finish(absl::string_view outcome);

 private:
  double Seconds() const;

  const bool json_, live_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point print_at_;
  int64_t look_again_at_;
  bool line_open_ = false;
};

}  // namespace slipstream
