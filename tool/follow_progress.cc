#include "tool/follow_progress.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "tool/human_bytes.h"
#include "tool/json_line.h"
#include "tool/metrics_json.h"
#include "tool/print.h"
#include "tool/printable.h"

namespace slipstream {
namespace {

double Seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// User and system time of the whole process.
double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string HumanDuration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

// How long the offsets still missing take at the pace of late; empty when there is no telling.
std::string Eta(int64_t lag, double records_per_second) {
  if (lag == 0 || records_per_second < 1) return "";
  return fmt::format(", ETA {}", HumanDuration(static_cast<double>(lag) / records_per_second));
}

std::string Besides(const FollowSnapshot& now) {
  std::string besides;
  if (now.moving > 0) besides += fmt::format(", {} moving to another log dir", now.moving);
  if (now.awaiting_leader > 0) besides += fmt::format(", {} await their leader", now.awaiting_leader);
  if (now.delayed + now.failed > 0) besides += fmt::format(", {} delayed, {} failed", now.delayed, now.failed);
  return besides;
}

}  // namespace

FollowProgress::FollowProgress(bool json)
    : json_(json), live_(!json && ::isatty(STDOUT_FILENO) == 1), started_(Clock::now()), last_at_(started_) {}

void FollowProgress::Print(TopicFollower& follower) {
  const FollowSnapshot now = follower.Snapshot();
  const Clock::time_point at = Clock::now();
  const double seconds = std::max(1e-9, Seconds(at - last_at_));
  const double bytes_per_second = static_cast<double>(now.bytes - last_.bytes) / seconds;
  const double records_per_second = static_cast<double>(now.records - last_.records) / seconds;
  last_at_ = at;
  last_ = now;
  if (json_) {
    const FollowMetrics metrics = follower.Metrics();  // a look at every partition: only for who gets to see it
    const nlohmann::json line = {{"type", "progress"},
                                 {"bytes", now.bytes},
                                 {"records", now.records},
                                 {"bytes_per_second", bytes_per_second},
                                 {"records_per_second", records_per_second},
                                 {"partitions", now.partitions},
                                 {"caught_up", now.caught_up},
                                 {"delayed", now.delayed},
                                 {"failed", now.failed},
                                 {"awaiting_leader", now.awaiting_leader},
                                 {"moving", now.moving},
                                 {"lag", now.lag},
                                 {"throttled_bytes_per_second", metrics.throttled_byte_rate},
                                 {"fetchers", ToJson(metrics.fetchers)},
                                 {"movers", ToJson(metrics.movers)}};
    PrintJsonLine(line);
  } else {
    ClearLine();
    PrintTo(stdout, "{}/s, {:.0f} records/s, {}/{} partitions caught up, lag {}{}{}", HumanBytes(bytes_per_second),
            records_per_second, now.caught_up, now.partitions, now.lag, Eta(now.lag, records_per_second), Besides(now));
    if (live_) {
      line_open_ = true;
    } else {
      PrintTo(stdout, "\n");
    }
  }
  std::fflush(stdout);
}

void FollowProgress::Notice(NoticeKind kind, const std::string& line) {
  const bool trouble = kind == NoticeKind::kLeader;
  ClearLine();
  if (json_) {
    PrintJsonLine({{"type", "notice"}, {"text", line}});
  } else if (!trouble) {
    PrintTo(stdout, "{}\n", Printable(line));
  }
  std::fflush(stdout);
  if (trouble) PrintTo(stderr, "slipstream: {}\n", Printable(line));
}

void FollowProgress::Finish(const FollowSnapshot& end, absl::string_view outcome) {
  const double seconds = std::max(1e-9, Seconds(Clock::now() - started_));
  const double cpu = CpuSeconds();
  const double gigabytes = static_cast<double>(end.bytes) / 1e9;
  ClearLine();
  if (json_) {
    const nlohmann::json line = {{"type", "end"},
                                 {"outcome", std::string(outcome)},
                                 {"caught_up", end.caught_up},
                                 {"bytes", end.bytes},
                                 {"records", end.records},
                                 {"seconds", seconds},
                                 {"cpu_seconds", cpu},
                                 {"partitions", end.partitions},
                                 {"truncations", end.truncations},
                                 {"truncated_offsets", end.truncated_offsets}};
    PrintJsonLine(line);
  } else {
    const std::string per_gigabyte = gigabytes < 0.01 ? "" : fmt::format(" ({:.2f} per GB)", cpu / gigabytes);
    PrintTo(stdout,
            "{}: {}, {} records of {} partitions in {:.2f} s, {}/s, {:.2f} CPU-seconds{}, {} offsets truncated\n",
            std::string(outcome), HumanBytes(static_cast<double>(end.bytes)), end.records, end.partitions, seconds,
            HumanBytes(static_cast<double>(end.bytes) / seconds), cpu, per_gigabyte, end.truncated_offsets);
  }
  std::fflush(stdout);
}

void FollowProgress::ClearLine() {
  if (!live_ || !line_open_) return;
  PrintTo(stdout, "\r\x1b[K");
  line_open_ = false;
}

}  // namespace slipstream
