// CPU time of this process, its kernel workers included: what a byte costs, beside how fast it goes.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

namespace slipstream {

class CpuMeter {
 public:
  // Adds the counter cpu_s_per_GB (user + system of all threads since the meter was made, but for what was Untimed; a
  // GB is 10^9 bytes).
  void Report(benchmark::State& state, double bytes) const {
    if (bytes > 0) state.counters["cpu_s_per_GB"] = (Now() - began_ - untimed_) / (bytes / 1e9);
  }
  // Does what is not to be measured, by either clock.
  template <typename Work>
  void Untimed(benchmark::State& state, const Work& work) {
    state.PauseTiming();
    const double before = Now();
    work();
    untimed_ += Now() - before;
    state.ResumeTiming();
  }

 private:
  static double Now() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  const double began_ = Now();
  double untimed_ = 0;
};

}  // namespace slipstream
