#include "tool/follow.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <functional>
#include <limits>
#include <optional>

#include "fetcher/tier/local_remote_storage.h"
#include "fetcher/topic_follower.h"
#include "log/in_range.h"
#include "log/status.h"
#include "session/cluster_client.h"
#include "tool/byte_rate.h"
#include "tool/exit_code.h"
#include "tool/flag_checks.h"
#include "tool/follow_progress.h"
#include "tool/human_bytes.h"
#include "tool/log_properties.h"
#include "tool/properties.h"

namespace slipstream {
namespace {

// An answer may be longer than the records that were asked for: its first batch comes whole, and each partition has its
// say.
constexpr int64_t kResponseBytesBeyond = 128 << 20;

struct FollowSettings {
  // The source decides what is kept, unless a property says otherwise.
  FollowSettings() { logs.log.retention_ms = std::chrono::milliseconds(-1); }

  FollowConfig follow;
  LogManagerConfig logs;
  std::chrono::milliseconds progress_interval{1000};
  int64_t bytes_per_second = kUnlimitedRate;
  std::string remote_log_storage_dir;  // "": none
};

PropertyTable FollowProperties(FollowSettings& settings) {
  PropertyTable table;
  ClientConfig& client = settings.follow.client;
  FetcherConfig& fetcher = settings.follow.fetcher;
  table.AddChoice("gap.policy",
                  "stop (default): exit 5 when records were deleted at the source before they were copied; restart: "
                  "drop the copy, go on at the source's log start",
                  {{"stop", GapPolicy::kStop}, {"restart", GapPolicy::kRestart}}, fetcher.gap_policy);
  table.AddBool("exclude.internal.topics", "leave out topics such as __consumer_offsets (default true)",
                [&settings](bool value) { settings.follow.exclude_internal_topics = value; });
  table.AddInt32("replica.id",
                 "fetch as this replica, up to the log end; a Kafka leader serves only ids that its partition has as "
                 "replicas, and takes what is fetched for what that broker holds: none that runs (default -1: as a "
                 "consumer)",
                 fetcher.replica_id.value);
  table.Add(
      "remote.log.storage.dir",
      "as the brokers' rsm.config.dir, with Kafka's LocalTieredStorage: where a replica whose leader has moved the "
      "next records there finds what it needs to go on behind them (default: none)",
      [&settings](absl::string_view value) {
        settings.remote_log_storage_dir = std::string(value);
        return absl::OkStatus();
      });
  table.AddInt32("num.replica.fetchers", "fetcher threads per leader (default 1)", fetcher.num_replica_fetchers);
  table.AddInt32("replica.fetch.min.bytes", "an answer waits for so much (default 1)", fetcher.replica_fetch_min_bytes);
  table.AddInt32("replica.fetch.max.bytes", "of one partition in an answer (default 32 MiB)",
                 fetcher.replica_fetch_max_bytes);
  table.AddInt32(
      "replica.fetch.response.max.bytes",
      "of one answer; over a link with a delay they grow from 4 MiB up to this; memory of a fetcher thread is "
      "two of them and 16 MiB at most (default 32 MiB)",
      fetcher.replica_fetch_response_max_bytes);
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
  table.Add("client.id", "as brokers' logs show it (default slipstream)", [&client](absl::string_view value) {
    client.client_id = std::string(value);
    return absl::OkStatus();
  });
  AddLogProperties(table, settings.logs.log);
  AddCleanerProperties(table, fetcher.compaction);
  table.AddMilliseconds("log.retention.check.interval.ms", "between two looks at what may go (default 300000)",
                        fetcher.retention_check_interval);
  table.AddChoice("log.flush.mode",
                  "cached (default): as Kafka, a power cut may take the newest records; durable: nothing counts as "
                  "copied before its fsync",
                  {{"cached", FlushMode::kCached}, {"durable", FlushMode::kDurable}}, fetcher.flush_mode);
  table.Add("throttle", "as --throttle, which wins", [&settings](absl::string_view value) {
    const absl::StatusOr<int64_t> rate = ParseByteRate(value);
    if (rate.ok()) settings.bytes_per_second = *rate;
    return rate.status();
  });
  table.AddMilliseconds("progress.interval.ms", "between two lines of progress (default 1000)",
                        settings.progress_interval);
  return table;
}

absl::Status ReadSettings(const FollowOptions& options, FollowSettings& settings) {
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
  settings.follow.topics = options.topics;
  ClientConfig& client = settings.follow.client;
  client.response_bytes_max = static_cast<int32_t>(
      std::clamp<int64_t>(settings.follow.fetcher.replica_fetch_response_max_bytes + kResponseBytesBeyond,
                          client.response_bytes_max, std::numeric_limits<int32_t>::max()));
  settings.logs.log_dirs.assign(options.log_dirs.begin(), options.log_dirs.end());
  SLIP_RETURN_IF_ERROR(CheckInRange("progress.interval.ms", settings.progress_interval.count(), 10, 86'400'000));
  settings.logs.log.remote_storage = !settings.remote_log_storage_dir.empty();
  if (settings.logs.log.remote_storage && settings.follow.fetcher.replica_id < BrokerId{0})
    return absl::InvalidArgumentError(
        "remote.log.storage.dir needs a replica.id: to a consumer the leader sends what is there as all else");
  SLIP_RETURN_IF_ERROR(settings.follow.Validate());
  return settings.logs.log.Validate();
}

// One run, on the control thread.
class FollowRun {
 public:
  FollowRun(const FollowOptions& options, const FollowSettings& settings, ByteRateLimit& rate_limit)
      : options_(options),
        until_caught_up_(options.until == "caught-up"),
        interval_(settings.progress_interval),
        fetchers_(settings.follow.fetcher.num_replica_fetchers),
        bytes_per_second_(settings.bytes_per_second),
        rate_limit_(rate_limit),
        progress_(options.format == "json"),
        signals_(io_, SIGINT, SIGTERM),
        reload_signal_(io_),
        tick_(io_) {
    // Without a file there is nothing to read again: then the signal ends the process, as always.
    if (!options.config.empty()) reload_signal_.add(SIGHUP);
  }

  // Whose copy it is, to be known before a file of it is touched; nullopt: interrupted. REQUIRES: before Run.
  absl::StatusOr<std::optional<std::string>> FindCluster(const FollowConfig& config) {
    ClusterClient cluster(io_, config.bootstrap, config.client);
    bool interrupted = false;
    OnSignal([&] {
      interrupted = true;
      cluster.Close();
    });
    absl::Status found;
    asio::co_spawn(io_, cluster.Bootstrap(), [&](std::exception_ptr thrown, absl::Status status) {
      if (thrown) std::rethrow_exception(thrown);
      found = std::move(status);
      cluster.Close();
      signals_.cancel();
    });
    io_.run();
    io_.restart();
    if (interrupted) return std::nullopt;
    if (!found.ok()) return CannotStart(found);
    return cluster.metadata().cluster_id;
  }

  absl::Status Run(LogManager& logs, const FollowConfig& config) {
    auto follower = TopicFollower::Create(
        io_, logs, config, [this](NoticeKind kind, const std::string& line) { progress_.Notice(kind, line); });
    if (!follower.ok()) return WithExitCode(follower.status(), ExitCode::kUsage);
    follower_ = *std::move(follower);
    OnSignal([this] { follower_->Stop(); });
    ReloadOnSignal();
    if (bytes_per_second_ != kUnlimitedRate) TellOfRate();
    absl::Status result;
    asio::co_spawn(io_, follower_->Run(until_caught_up_), [&](std::exception_ptr thrown, absl::Status status) {
      if (thrown) std::rethrow_exception(thrown);
      result = std::move(status);
      io_.stop();
    });
    asio::co_spawn(io_, Watch(), RethrowException{});
    io_.run();
    if (!follower_->started() && !result.ok()) return CannotStart(result);
    progress_.Finish(follower_->Snapshot(), result.ok() && until_caught_up_ && follower_->CaughtUp());
    if (result.ok() && !follower_->CaughtUp()) return Interrupted();
    return absl::IsOutOfRange(result) ? WithExitCode(result, ExitCode::kGap) : result;
  }

  // What a run that was told to stop ends with.
  absl::Status Interrupted() const {
    if (!until_caught_up_) return absl::OkStatus();
    return absl::CancelledError("interrupted before the copy was caught up");
  }

 private:
  static absl::Status CannotStart(const absl::Status& why) {
    return WithExitCode(why, absl::IsUnauthenticated(why) ? ExitCode::kAuthentication : ExitCode::kCannotStart);
  }

  // One that comes while nobody waits is kept for who waits next.
  void OnSignal(std::function<void()> stop) {
    signals_.async_wait([stop = std::move(stop)](const boost::system::error_code& error, int) {
      if (!error) stop();
    });
  }

  void ReloadOnSignal() {
    reload_signal_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      Reload();
      ReloadOnSignal();
    });
  }

  // What can change while it runs; the other settings hold from the next start on.
  void Reload() {
    FollowSettings settings;
    if (const absl::Status read = ReadSettings(options_, settings); !read.ok()) {
      progress_.Notice(NoticeKind::kEvent, absl::StrCat("settings stay as they are: ", read.message()));
      return;
    }
    if (const int32_t fetchers = settings.follow.fetcher.num_replica_fetchers; fetchers != fetchers_) {
      follower_->Resize(fetchers_ = fetchers);
      progress_.Notice(NoticeKind::kEvent, absl::StrCat("num.replica.fetchers is ", fetchers, " now"));
    }
    if (settings.bytes_per_second != bytes_per_second_) {
      rate_limit_.SetRate(bytes_per_second_ = settings.bytes_per_second);
      TellOfRate();
    }
  }

  void TellOfRate() {
    const std::string rate = HumanBytes(static_cast<double>(bytes_per_second_));
    progress_.Notice(NoticeKind::kEvent, bytes_per_second_ == kUnlimitedRate
                                             ? std::string("not throttled any more")
                                             : absl::StrCat("throttled to ", rate, "/s"));
  }

  // Often enough to end a short run at once, printing at the interval only.
  asio::awaitable<void> Watch() {
    constexpr std::chrono::milliseconds kLook{20};
    auto print_at = std::chrono::steady_clock::now() + interval_;
    for (;;) {
      tick_.expires_after(std::min(kLook, interval_));
      co_await tick_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (until_caught_up_ && follower_->CaughtUp()) follower_->Stop();
      if (std::chrono::steady_clock::now() < print_at) continue;
      print_at += interval_;
      progress_.Print(follower_->Snapshot());
    }
  }

  const FollowOptions& options_;
  const bool until_caught_up_;
  const std::chrono::milliseconds interval_;
  int32_t fetchers_;
  int64_t bytes_per_second_;
  ByteRateLimit& rate_limit_;
  FollowProgress progress_;
  asio::io_context io_{1};
  asio::signal_set signals_, reload_signal_;
  asio::steady_timer tick_;
  std::unique_ptr<TopicFollower> follower_;
};

}  // namespace

void AddFollowFlags(CLI::App& command, FollowOptions& options) {
  command
      .add_option("--bootstrap-server", options.bootstrap_server,
                  "HOST:PORT of one or more brokers, separated by commas")
      ->required()
      ->check(NotEmpty());
  // allow_extra_args(false): a word of its own behind one of these is a mistake, not another value.
  command.add_option("--topic", options.topics, "regular expression for whole topic names; may be given again")
      ->allow_extra_args(false)
      ->required()
      ->check(NotEmpty());
  command
      .add_option("--log-dir", options.log_dirs,
                  "directory of the copy, created when absent; may be given again: partitions are spread over them")
      ->allow_extra_args(false)
      ->required()
      ->check(NotEmpty());
  command
      .add_option("--until", options.until, "caught-up: end once the copy has what the leaders had when asked first")
      ->check(CLI::IsMember({"caught-up"}));
  command
      .add_option("--throttle", options.throttle,
                  "copy at most so many bytes per second over half a minute, such as 50MB/s; batches come whole")
      ->check(NotEmpty());
  command.add_option("--property", options.properties, "KEY=VALUE; see below")->allow_extra_args(false);
  command
      .add_option(
          "--config", options.config,
          "file of KEY=VALUE lines; --property wins; read again at SIGHUP for num.replica.fetchers and throttle")
      ->check(NotEmpty());
  command.add_option("--format", options.format, "human or json")->check(CLI::IsMember({"human", "json"}));
}

std::string FollowPropertiesHelp() {
  FollowSettings settings;
  return FollowProperties(settings).Help();
}

absl::Status RunFollow(const FollowOptions& options) {
  FollowSettings settings;
  if (const absl::Status read = ReadSettings(options, settings); !read.ok())
    return WithExitCode(read, ExitCode::kUsage);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our progress may go away, the copying goes on
  LocalRemoteStorage remote_storage(SystemFileIo(), settings.remote_log_storage_dir);
  if (!settings.remote_log_storage_dir.empty()) settings.follow.fetcher.remote_storage = &remote_storage;
  std::unique_ptr<LogManager> logs;  // outlives the run also when an exception ends it: fetcher threads use them
  ByteRateLimit rate_limit(settings.bytes_per_second, std::chrono::steady_clock::now());
  settings.follow.fetcher.rate_limit = &rate_limit;
  FollowRun run(options, settings, rate_limit);
  SLIP_ASSIGN_OR_RETURN(std::optional<std::string> cluster_id, run.FindCluster(settings.follow));
  if (!cluster_id) return run.Interrupted();
  settings.logs.cluster_id = *std::move(cluster_id);
  auto opened = LogManager::Open(SystemFileIo(), settings.logs);
  if (!opened.ok()) return WithExitCode(opened.status(), ExitCode::kCannotStart);
  logs = *std::move(opened);
  for (const std::string& notice : logs->LoadNotices()) std::fprintf(stderr, "%s\n", notice.c_str());
  const absl::Status followed = run.Run(*logs, settings.follow);
  const absl::Status closed = logs->Close();
  return followed.ok() ? closed : followed;
}

}  // namespace slipstream
