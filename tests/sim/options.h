// What one simulation is made of: all of it drawn from the seed, and printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fetcher/fetcher_config.h"
#include "log/partition_log.h"
#include "tests/sim/random.h"

namespace slipstream::sim {

inline constexpr int32_t kReplicaId = 100;

struct Options {
  using Ms = std::chrono::milliseconds;

  // The cluster.
  int32_t brokers = 3, partitions = 3;
  bool topic_ids = true;            // Fetch 13
  bool truncation_on_fetch = true;  // Fetch 12
  int32_t session_slots = 1000;
  Ms produce_every{20}, replicate_every{10}, elect_every{5000}, isr_change_every{2000}, log_start_every{10'000};
  Ms broker_outage_every{0};            // 0: never, here and below
  Ms fail_over_every{0};                // several leaders in a row, each of which writes a little
  Ms quiet_every{0}, quiet_for_max{0};  // a partition whose producers have nothing to say
  Ms burst_every{0};                    // a lot at once, so that followers are behind
  Ms news_delay_max{500};               // of an election, to brokers and to who follows
  Ratio unclean{0, 1}, old_metadata{0, 1};
  int32_t value_bytes_max = 300;

  // The network, per call.
  Ms delay_max{5}, request_timeout{3000};
  Ratio lost{0, 1}, cut{0, 1}, stale_answer{0, 1}, wrong_session{0, 1}, damaged{0, 1}, left_out{0, 1};

  // The follower.
  bool replica = false;
  FlushMode flush_mode = FlushMode::kCached;
  WriteMode write_mode = WriteMode::kAuto;
  int32_t segment_bytes = 8192;
  int64_t retention_bytes = -1;
  int32_t response_max_bytes = 8192;
  int64_t bytes_per_second = 0;        // 0: no limit
  int64_t quota_bytes_per_second = 0;  // 0: no replica has one
  Ms quota_change_every{0};            // who is listed
  Ms wait_max{500}, checkpoint_every{5000}, maintain_every{10'000};
  Ms crash_every{0}, clean_stop_every{0};
  Ms away_max{500};  // between two processes
  Ms metadata_every{1000};
  Ratio power_cut{1, 2};  // of the crashes; else the page cache stays
  Ratio crash_after_truncation{0, 1};

  // Its disk.
  size_t write_now_bytes_max = 0;
  Ms io_delay_max{2}, disk_full_every{0}, disk_error_every{0};

  Ms faults_last{0};  // at least, of virtual time

  static Options Draw(uint64_t seed);
  std::string ToString() const;
  FetcherConfig Fetcher() const;
  LogConfig Log() const;
};

}  // namespace slipstream::sim
