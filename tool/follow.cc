#include "tool/follow.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>

#include "fetcher/tier/local_remote_storage.h"
#include "fetcher/topic_follower.h"
#include "log/status.h"
#include "session/cluster_client.h"
#include "tool/exit_code.h"
#include "tool/flag_checks.h"
#include "tool/follow_bounds.h"
#include "tool/follow_progress.h"
#include "tool/follow_settings.h"
#include "tool/human_bytes.h"
#include "tool/loading_watch.h"
#include "tool/stop_signals.h"

namespace slipstream {
namespace {

// One run, on the control thread.
class FollowRun {
 public:
  FollowRun(const FollowOptions& options, const FollowSettings& settings, FollowBounds& bounds)
      : options_(options),
        until_caught_up_(options.until == "caught-up"),
        interval_(settings.progress_interval),
        fetchers_(settings.follow.fetcher.num_replica_fetchers),
        bytes_per_second_(settings.bytes_per_second),
        quota_(DescribeQuota(settings)),
        bounds_(bounds),
        progress_(options.format == "json"),
        signals_(io_, SIGINT, SIGTERM),
        reload_signal_(io_),
        tick_(io_) {
    // Without a file there is nothing to read again.
    if (options.config.empty())
      AddHangup(signals_);
    else
      reload_signal_.add(SIGHUP);
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

  // kCancelled: interrupted. REQUIRES: before Run.
  absl::StatusOr<std::unique_ptr<LogManager>> OpenLogs(LogManagerConfig config) {
    bool interrupted = false;
    OnSignal([&] { interrupted = true; });
    LoadingWatch loading(
        [&] {
          io_.poll();
          return interrupted;
        },
        [this](const std::string& line) { progress_.Notice(NoticeKind::kEvent, line); },
        std::chrono::steady_clock::now());
    config.on_loaded = loading.watch();
    auto opened = LogManager::Open(SystemFileIo(), config);
    signals_.cancel();
    io_.poll();
    io_.restart();
    if (!interrupted) return opened;
    if (opened.ok()) (*opened)->Close().IgnoreError();
    return absl::CancelledError("interrupted");
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
    const bool caught_up = until_caught_up_ && follower_->CaughtUp();
    progress_.Finish(follower_->Snapshot(), !result.ok() ? "failed" : caught_up ? "caught up" : "stopped");
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
    bounds_.Apply(settings);
    if (std::string quota = DescribeQuota(settings); quota != quota_)
      progress_.Notice(NoticeKind::kEvent, quota_ = std::move(quota));
    if (std::exchange(bytes_per_second_, settings.bytes_per_second) != settings.bytes_per_second) TellOfRate();
    follower_->SetLogDirWishes(std::move(settings.follow.log_dir_wishes));
  }

  static std::string DescribeQuota(const FollowSettings& settings) {
    if (settings.throttled_topics.empty()) return "no replica has a quota any more";
    const std::string rate = settings.quota_bytes_per_second == kUnlimitedRate
                                 ? std::string("none")
                                 : HumanBytes(static_cast<double>(settings.quota_bytes_per_second)) + "/s";
    return absl::StrCat("the bound of ", settings.throttled_topics, " is ", rate, " now");
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
      if (until_caught_up_ && follower_->CaughtUp() && !follower_->moving()) follower_->Stop();
      const auto now = std::chrono::steady_clock::now();
      if (now < print_at) continue;
      // What was missed while the thread was busy is not made up for: lines of the same moment tell nothing.
      while (print_at <= now) print_at += interval_;
      progress_.Print(*follower_);
    }
  }

  const FollowOptions& options_;
  const bool until_caught_up_;
  const std::chrono::milliseconds interval_;
  int32_t fetchers_;
  int64_t bytes_per_second_;
  std::string quota_;  // as told last
  FollowBounds& bounds_;
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
      .add_option("--config", options.config,
                  "file of KEY=VALUE lines; --property wins; read again at SIGHUP for num.replica.fetchers, throttle, "
                  "follower.replication.throttled.*, replica.log.dirs and "
                  "replica.alter.log.dirs.io.max.bytes.per.second")
      ->check(NotEmpty());
  command.add_option("--format", options.format, "human or json")->check(CLI::IsMember({"human", "json"}));
}

absl::Status RunFollow(const FollowOptions& options) {
  FollowSettings settings;
  if (const absl::Status read = ReadSettings(options, settings); !read.ok())
    return WithExitCode(read, ExitCode::kUsage);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our progress may go away, the copying goes on
  LocalRemoteStorage remote_storage(SystemFileIo(), settings.remote_log_storage_dir);
  if (!settings.remote_log_storage_dir.empty()) settings.follow.fetcher.remote_storage = &remote_storage;
  std::unique_ptr<LogManager> logs;  // outlives the run also when an exception ends it: fetcher threads use them
  FollowBounds bounds(settings, std::chrono::steady_clock::now());
  bounds.GiveTo(settings.follow);
  FollowRun run(options, settings, bounds);
  SLIP_ASSIGN_OR_RETURN(std::optional<std::string> cluster_id, run.FindCluster(settings.follow));
  if (!cluster_id) return run.Interrupted();
  settings.logs.cluster_id = *std::move(cluster_id);
  auto opened = run.OpenLogs(settings.logs);
  if (absl::IsCancelled(opened.status())) return run.Interrupted();
  if (!opened.ok()) return WithExitCode(opened.status(), ExitCode::kCannotStart);
  logs = *std::move(opened);
  for (const std::string& notice : logs->LoadNotices()) std::fprintf(stderr, "%s\n", notice.c_str());
  const absl::Status followed = run.Run(*logs, settings.follow);
  const absl::Status closed = logs->Close();
  return followed.ok() ? closed : followed;
}

}  // namespace slipstream
