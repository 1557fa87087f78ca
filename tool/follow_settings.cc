#include "tool/follow_settings.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "log/in_range.h"
#include "log/status.h"
#include "tool/byte_rate.h"
#include "tool/log_properties.h"
#include "tool/properties.h"
#include "tool/throttled_topics.h"

namespace slipstream {
namespace {

// An answer may be longer than the records that were asked for: its first batch comes whole, and each partition has its
// say.
constexpr int64_t kResponseBytesBeyond = 128 << 20;

void AddByteRate(PropertyTable& table, std::string name, std::string help, int64_t& field) {
  table.Add(std::move(name), std::move(help), [&field](absl::string_view value) {
    const absl::StatusOr<int64_t> rate = ParseByteRate(value);
    if (rate.ok()) field = *rate;
    return rate.status();
  });
}

void AddText(PropertyTable& table, std::string name, std::string help, std::string& field) {
  table.Add(std::move(name), std::move(help), [&field](absl::string_view value) {
    field = std::string(value);
    return absl::OkStatus();
  });
}

void AddQuota(PropertyTable& table, FollowSettings& settings) {
  AddByteRate(table, "follower.replication.throttled.rate",
              "of the replicas that the next setting lists together, such as 50MB/s; those in sync are never held back "
              "(default: no bound)",
              settings.quota_bytes_per_second);
  AddText(
      table, "follower.replication.throttled.replicas",
      "TOPIC=LIST;...: a LIST is * or PARTITION:BROKER,..., of which those of this replica.id count (default: none)",
      settings.throttled_topics);
  table.AddInt32("replication.quota.window.num", "the rate is that of so many windows (default 11)",
                 settings.quota_windows.num);
  table.AddInt("replication.quota.window.size.seconds", "(default 1)",
               [&settings](int64_t seconds) { settings.quota_windows.size = std::chrono::seconds(seconds); });
}

PropertyTable FollowProperties(FollowSettings& settings) {
  PropertyTable table;
  ClientConfig& client = settings.follow.client;
  FetcherConfig& fetcher = settings.follow.fetcher;
  table.AddChoice(
      "gap.policy",
      "stop (default): exit 5 when records were deleted at the source before they were copied, or a topic was made "
      "anew; restart: drop the copy, go on at the source's log start",
      {{"stop", GapPolicy::kStop}, {"restart", GapPolicy::kRestart}}, fetcher.gap_policy);
  table.AddBool("exclude.internal.topics", "leave out topics such as __consumer_offsets (default true)",
                [&settings](bool value) { settings.follow.exclude_internal_topics = value; });
  table.AddInt32("replica.id",
                 "fetch as this replica, up to the log end; a Kafka leader serves only ids that its partition has as "
                 "replicas, and takes what is fetched for what that broker holds: none that runs (default -1: as a "
                 "consumer)",
                 fetcher.replica_id.value);
  AddText(table, "remote.log.storage.dir",
          "as the brokers' rsm.config.dir, with Kafka's LocalTieredStorage: where a replica whose leader has moved the "
          "next records there finds what it needs to go on behind them (default: none)",
          settings.remote_log_storage_dir);
  table.AddInt32("num.replica.fetchers", "fetcher threads per leader (default 1)", fetcher.num_replica_fetchers);
  table.AddInt32("replica.fetch.min.bytes", "an answer waits for so much (default 1)", fetcher.replica_fetch_min_bytes);
  table.AddInt32("replica.fetch.max.bytes", "of one partition in an answer (default 32 MiB)",
                 fetcher.replica_fetch_max_bytes);
  table.AddInt32(
      "replica.fetch.response.max.bytes",
      "of one answer; over a link with a delay they grow from 4 MiB up to this; memory of a fetcher thread is "
      "two of them and 16 MiB at most (default 32 MiB)",
      fetcher.replica_fetch_response_max_bytes);
  table.AddInt32("fetch.version.max",
                 "the highest version of Fetch to use, for leaders that have trouble with later ones (default 18)",
                 settings.follow.fetch_version_max);
  table.AddMilliseconds("replica.fetch.wait.max.ms", "an answer waits at most so long for min.bytes (default 500)",
                        fetcher.replica_fetch_wait_max);
  table.AddMilliseconds("replica.fetch.backoff.ms", "pause of a partition after an error (default 1000)",
                        fetcher.replica_fetch_backoff);
  table.AddMilliseconds("failed.partition.backoff.max.ms",
                        "between two tries of a partition that fails again and again (default 60000)",
                        fetcher.failed_partition_backoff_max);
  table.AddInt32("replica.socket.receive.buffer.bytes", "-1: the system's (default 4 MiB)",
                 client.socket_receive_buffer_bytes);
  table.AddMilliseconds("replica.high.watermark.checkpoint.interval.ms",
                        "between two writes of the checkpoint files (default 5000)",
                        settings.follow.checkpoint_interval);
  table.AddMilliseconds("request.timeout.ms", "for an answer (default 30000)", client.request_timeout);
  table.AddMilliseconds("socket.connection.setup.timeout.ms", "for a connection (default 10000)",
                        client.socket_connection_setup_timeout);
  table.AddMilliseconds("bootstrap.timeout.ms", "for the first answer of the cluster (default 10000)",
                        client.bootstrap_timeout);
  table.AddMilliseconds("metadata.max.age.ms",
                        "new topics and leaders are looked for at least so often (default 30000)",
                        client.metadata_max_age);
  AddText(table, "client.id", "as brokers' logs show it (default slipstream)", client.client_id);
  AddLogProperties(table, settings.logs.log);
  AddCleanerProperties(table, fetcher.compaction);
  table.AddMilliseconds("log.retention.check.interval.ms", "between two looks at what may go (default 300000)",
                        fetcher.retention_check_interval);
  table.AddChoice("log.flush.mode",
                  "cached (default): as Kafka, a power cut may take the newest records; durable: nothing counts as "
                  "copied before its fsync",
                  {{"cached", FlushMode::kCached}, {"durable", FlushMode::kDurable}}, fetcher.flush_mode);
  AddByteRate(table, "throttle", "as --throttle, which wins", settings.bytes_per_second);
  AddQuota(table, settings);
  table.Add("replica.log.dirs",
            "PATTERN:DIR,...: partitions whose TOPIC-NUMBER matches the regular expression are to lie in that log dir; "
            "those elsewhere are moved while they are followed",
            [&settings](absl::string_view value) {
              absl::StatusOr<LogDirWishes> wishes = LogDirWishes::Parse(value);
              if (!wishes.ok()) return wishes.status();
              settings.follow.log_dir_wishes = *std::move(wishes);
              return absl::OkStatus();
            });
  table.AddInt32("num.replica.alter.log.dirs.threads",
                 "so many partitions are moved between log dirs at a time (default: as many as there are log dirs)",
                 settings.follow.num_replica_alter_log_dirs_threads);
  AddByteRate(table, "replica.alter.log.dirs.io.max.bytes.per.second",
              "of all such moves, such as 50MB/s (default: no bound)", settings.move_bytes_per_second);
  table.AddMilliseconds("progress.interval.ms", "between two lines of progress (default 1000)",
                        settings.progress_interval);
  return table;
}

}  // namespace

// The source decides what is kept, unless a property says otherwise.
FollowSettings::FollowSettings() { logs.log.retention_ms = std::chrono::milliseconds(-1); }

absl::Status ReadSettings(const FollowOptions& options, FollowSettings& settings) {
  settings.logs.log_dirs.assign(options.log_dirs.begin(), options.log_dirs.end());
  settings.follow.num_replica_alter_log_dirs_threads =
      static_cast<int32_t>(std::clamp<size_t>(options.log_dirs.size(), 1, 64));
  const PropertyTable table = FollowProperties(settings);
  if (!options.config.empty()) SLIP_RETURN_IF_ERROR(table.ApplyFile(options.config));
  for (const std::string& property : options.properties) SLIP_RETURN_IF_ERROR(table.ApplyFlag(property));
  absl::StatusOr<std::vector<Endpoint>> bootstrap = ParseEndpoints(options.bootstrap_server);
  if (!bootstrap.ok()) return Annotate(bootstrap.status(), "--bootstrap-server");
  settings.follow.bootstrap = *std::move(bootstrap);
  if (!options.throttle.empty()) {
    const absl::StatusOr<int64_t> rate = ParseByteRate(options.throttle);
    if (!rate.ok()) return Annotate(rate.status(), absl::StrCat("--throttle '", options.throttle, "'"));
    settings.bytes_per_second = *rate;
  }
  auto throttled = ParseThrottledTopics(settings.throttled_topics, settings.follow.fetcher.replica_id);
  if (!throttled.ok()) return Annotate(throttled.status(), "follower.replication.throttled.replicas");
  settings.throttled_replicas = *std::move(throttled);
  SLIP_RETURN_IF_ERROR(settings.quota_windows.Validate("replication.quota"));
  settings.follow.topics = options.topics;
  ClientConfig& client = settings.follow.client;
  client.response_bytes_max = static_cast<int32_t>(
      std::clamp<int64_t>(settings.follow.fetcher.replica_fetch_response_max_bytes + kResponseBytesBeyond,
                          client.response_bytes_max, std::numeric_limits<int32_t>::max()));
  const absl::Status among = settings.follow.log_dir_wishes.ResolveAmong(settings.logs.log_dirs);
  if (!among.ok()) return Annotate(among, "replica.log.dirs");
  SLIP_RETURN_IF_ERROR(CheckInRange("progress.interval.ms", settings.progress_interval.count(), 10, 86'400'000));
  settings.logs.log.remote_storage = !settings.remote_log_storage_dir.empty();
  if (settings.logs.log.remote_storage && settings.follow.fetcher.replica_id < BrokerId{0})
    return absl::InvalidArgumentError(
        "remote.log.storage.dir needs a replica.id: to a consumer the leader sends what is there as all else");
  if (settings.logs.log.remote_storage && !settings.follow.log_dir_wishes.empty())
    return absl::InvalidArgumentError(
        "replica.log.dirs and remote.log.storage.dir exclude each other: a log that begins behind remote storage is "
        "not moved");
  SLIP_RETURN_IF_ERROR(settings.follow.Validate());
  return settings.logs.log.Validate();
}

std::string FollowPropertiesHelp() {
  FollowSettings settings;
  return FollowProperties(settings).Help();
}

}  // namespace slipstream
