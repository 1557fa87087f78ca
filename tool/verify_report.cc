#include "tool/verify_report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tool/human_bytes.h"
#include "tool/json_line.h"
#include "tool/print.h"

namespace slipstream {
namespace {

constexpr int64_t kBytesPerLook = 4 << 20;
constexpr std::chrono::milliseconds kInterval{200};

void PrintLaterStarts(absl::string_view side, size_t partitions) {
  if (partitions == 0) return;
  PrintTo(stdout, "{} partitions begin later in {} than in the other: compared from there\n", partitions,
          std::string(side));
}

}  // namespace

VerifyReport::VerifyReport(bool json)
    : json_(json),
      live_(!json && ::isatty(STDOUT_FILENO) == 1),
      print_at_(started_ + kInterval),
      look_again_at_(kBytesPerLook) {}

void VerifyReport::Tick(const TopicPartition& partition) {
  if (!live_ || tally.bytes < look_again_at_) return;
  look_again_at_ = tally.bytes + kBytesPerLook;
  const auto now = std::chrono::steady_clock::now();
  if (now < print_at_) return;
  print_at_ = now + kInterval;
  PrintTo(stdout, "\r\x1b[K{}: {} of {} partitions compared, {}, {}/s", partition.ToString(), tally.partitions,
          partitions_total, HumanBytes(static_cast<double>(tally.bytes)),
          HumanBytes(static_cast<double>(tally.bytes) / Seconds()));
  std::fflush(stdout);
  line_open_ = true;
}

void VerifyReport::PrintDifference(const Difference& difference) {
  if (!json_) return;  // a person reads it in the error
  nlohmann::json line = {{"type", "difference"},
                         {"partition", difference.partition.ToString()},
                         {"field", difference.field},
                         {"a", difference.a},
                         {"b", difference.b}};
  if (difference.offset) line["offset"] = difference.offset->value;
  PrintJsonLine(line);
}

void VerifyReport::Finish(absl::string_view outcome) {
  if (std::exchange(line_open_, false)) PrintTo(stdout, "\r\x1b[K");
  if (json_) {
    const nlohmann::json line = {{"type", "end"},
                                 {"outcome", std::string(outcome)},
                                 {"partitions", tally.partitions},
                                 {"batches", tally.batches},
                                 {"records", tally.records},
                                 {"bytes", tally.bytes},
                                 {"begin_later_in_a", tally.begin_later_in_a},
                                 {"begin_later_in_b", tally.begin_later_in_b},
                                 {"seconds", Seconds()}};
    PrintJsonLine(line);
  } else {
    PrintTo(stdout, "compared {} partitions, {} batches, {} records, {}: {}\n", tally.partitions, tally.batches,
            tally.records, HumanBytes(static_cast<double>(tally.bytes)), std::string(outcome));
    PrintLaterStarts("A", tally.begin_later_in_a);
    PrintLaterStarts("B", tally.begin_later_in_b);
  }
  std::fflush(stdout);
}

double VerifyReport::Seconds() const {
  return std::max(1e-9, std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
}

}  // namespace slipstream
