#include "tests/sim/options.h"

#include <absl/strings/str_cat.h>

namespace slipstream::sim {
namespace {

std::string Text(Ratio ratio) { return ratio.part == 0 ? "0" : absl::StrCat(ratio.part, "/", ratio.of); }

// Half of the seeds have none of a kind of fault, so that one can hide behind no other.
Ratio MaybeOneIn(Random& random, int64_t least, int64_t most) {
  if (random.Chance({1, 2})) return {0, 1};
  return {1, static_cast<uint32_t>(random.Between(least, most))};
}

std::chrono::milliseconds MaybeEvery(Random& random, Ratio chance, int64_t least, int64_t most) {
  if (!random.Chance(chance)) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds(random.Between(least, most));
}

}  // namespace

Options Options::Draw(uint64_t seed) {
  Random random(seed);
  Options o;
  o.brokers = static_cast<int32_t>(random.Between(2, 4));
  o.partitions = static_cast<int32_t>(random.Between(1, 4));
  o.truncation_on_fetch = random.Chance({1, 2});
  o.topic_ids = o.truncation_on_fetch && random.Chance({3, 4});
  o.session_slots = random.Chance({1, 4}) ? static_cast<int32_t>(random.Between(0, 1)) : 1000;
  o.produce_every = Ms(random.Between(10, 150));
  o.replicate_every = Ms(random.Chance({2, 3}) ? random.Between(10, 100) : random.Between(100, 600));
  o.elect_every = Ms(random.Chance({1, 2}) ? random.Between(100, 1500) : random.Between(1000, 4000));
  o.isr_change_every = Ms(random.Between(300, 3000));
  o.log_start_every = MaybeEvery(random, {1, 2}, 500, 5000);
  o.broker_outage_every = MaybeEvery(random, {1, 2}, 2000, 10'000);
  o.news_delay_max = Ms(random.Chance({1, 2}) ? random.Between(1, 1500) : random.Between(1, 100));
  o.unclean = MaybeOneIn(random, 2, 10);
  o.old_metadata = MaybeOneIn(random, 2, 8);
  o.value_bytes_max = static_cast<int32_t>(random.Between(20, 1500));

  o.delay_max = Ms(random.Between(0, 40));
  o.request_timeout = Ms(random.Between(1000, 5000));
  o.lost = MaybeOneIn(random, 10, 100);
  o.cut = MaybeOneIn(random, 10, 100);
  o.stale_answer = MaybeOneIn(random, 10, 100);
  o.wrong_session = MaybeOneIn(random, 10, 100);
  o.damaged = MaybeOneIn(random, 10, 100);
  o.left_out = MaybeOneIn(random, 5, 20);

  o.replica = random.Chance({2, 3});
  o.flush_mode = random.Chance({1, 2}) ? FlushMode::kDurable : FlushMode::kCached;
  constexpr WriteMode kModes[] = {WriteMode::kAuto, WriteMode::kDirect, WriteMode::kUncached, WriteMode::kBuffered};
  o.write_mode = random.Pick(kModes);
  // Above any batch. Where they are small, a cut or a power cut is of many.
  const int64_t batch_bytes_max = 500 + 6 * o.value_bytes_max;
  o.segment_bytes = static_cast<int32_t>(random.Chance({1, 4}) ? random.Between(batch_bytes_max, 3 * batch_bytes_max)
                                                               : random.Between(9500, 40'000));
  o.retention_bytes = random.Chance({1, 4}) ? random.Between(20'000, 100'000) : -1;
  o.response_max_bytes = static_cast<int32_t>(random.Between(1024, 20'000));
  o.wait_max = Ms(random.Between(0, 1000));
  o.checkpoint_every = Ms(random.Between(200, 10'000));
  o.maintain_every = Ms(random.Between(1000, 20'000));
  o.crash_every = MaybeEvery(random, {2, 3}, 500, 8000);
  o.clean_stop_every = MaybeEvery(random, {1, 3}, 2000, 10'000);
  o.io_delay_max = Ms(random.Between(0, 30));
  o.disk_full_every = MaybeEvery(random, {1, 3}, 1000, 8000);
  o.disk_error_every = MaybeEvery(random, {1, 3}, 2000, 15'000);

  o.fail_over_every = MaybeEvery(random, {1, 2}, 300, 3000);
  o.burst_every = MaybeEvery(random, {1, 2}, 500, 4000);
  o.quiet_every = MaybeEvery(random, {1, 2}, 1000, 4000);
  o.quiet_for_max = Ms(random.Between(1500, 4000));
  o.faults_last = Ms(random.Between(3000, 10'000));  // or nobody falls quiet in it
  o.away_max = Ms(random.Chance({1, 3}) ? random.Between(1000, 4000) : 500);
  o.metadata_every = Ms(random.Between(50, 1500));
  o.crash_after_truncation = MaybeOneIn(random, 2, 6);
  if (random.Chance({1, 4})) o.bytes_per_second = random.Between(300'000, 3'000'000);
  if (random.Chance({1, 2})) o.write_now_bytes_max = static_cast<size_t>(random.Between(200, 3000));
  if (random.Chance({1, 4})) {
    o.quota_bytes_per_second = random.Between(100'000, 1'000'000);
    o.quota_change_every = MaybeEvery(random, {1, 2}, 300, 3000);
  }
  return o;
}

std::string Options::ToString() const {
  constexpr const char* kModes[] = {"auto", "direct", "uncached", "buffered"};
  return absl::StrCat(
      "brokers ", brokers, ", partitions ", partitions, ", topic ids ", topic_ids, ", truncation on fetch ",
      truncation_on_fetch, ", session slots ", session_slots, ", ms between: produce ", produce_every.count(),
      " replicate ", replicate_every.count(), " elect ", elect_every.count(), " isr change ", isr_change_every.count(),
      " log start ", log_start_every.count(), " outage ", broker_outage_every.count(), " fail-overs ",
      fail_over_every.count(), " burst ", burst_every.count(), " quiet ", quiet_every.count(), " crash ",
      crash_every.count(), " clean stop ", clean_stop_every.count(), " disk full ", disk_full_every.count(),
      " disk error ", disk_error_every.count(), " checkpoint ", checkpoint_every.count(), " maintain ",
      maintain_every.count(), " metadata ", metadata_every.count(), ", quiet within ", quiet_for_max.count(),
      " ms, away within ", away_max.count(), " ms, crash after truncation ", Text(crash_after_truncation),
      ", faults last ", faults_last.count(), " ms, unclean ", Text(unclean), ", old metadata ", Text(old_metadata),
      ", news within ", news_delay_max.count(), " ms, network within ", delay_max.count(), " ms, timeout ",
      request_timeout.count(), " ms, lost ", Text(lost), ", cut ", Text(cut), ", stale ", Text(stale_answer),
      ", wrong session ", Text(wrong_session), ", damaged ", Text(damaged), ", left out ", Text(left_out), ", ",
      replica ? "replica" : "consumer", ", ", flush_mode == FlushMode::kDurable ? "durable" : "cached", ", write mode ",
      kModes[static_cast<int>(write_mode)], ", segment bytes ", segment_bytes, ", retention bytes ", retention_bytes,
      ", response bytes ", response_max_bytes, ", bytes per second ", bytes_per_second, ", quota ",
      quota_bytes_per_second, ", its list changes ", quota_change_every.count(), ", value bytes ", value_bytes_max,
      ", long poll ", wait_max.count(), " ms, i/o within ", io_delay_max.count(), " ms, ", write_now_bytes_max,
      " bytes at once");
}

FetcherConfig Options::Fetcher() const {
  FetcherConfig config;
  config.replica_id = BrokerId{replica ? kReplicaId : -1};
  config.replica_fetch_response_max_bytes = response_max_bytes;
  config.replica_fetch_max_bytes = response_max_bytes;
  config.replica_fetch_wait_max = wait_max;
  config.failed_partition_backoff_max = Ms(10'000);
  config.gap_policy = GapPolicy::kRestart;
  config.flush_mode = flush_mode;
  config.retention_check_interval = maintain_every;
  return config;
}

LogConfig Options::Log() const {
  LogConfig config;
  config.segment_bytes = segment_bytes;
  config.index_interval_bytes = 500;
  config.retention_ms = Ms(-1);
  config.retention_bytes = retention_bytes;
  config.file_delete_delay = Ms(1000);
  config.write_mode = write_mode;
  return config;
}

}  // namespace slipstream::sim
