#include "tests/sim/simulation.h"

#include <absl/strings/str_cat.h>

#include "tests/sim/follower.h"
#include "tests/sim/model.h"

namespace slipstream::sim {
namespace {

constexpr uint64_t kContentsCheckedEvery = 200;  // steps

class Simulation {
 public:
  Simulation(uint64_t seed, const Options& options, bool echo)
      : options_(options),
        random_(seed),
        scheduler_(random_),
        trace_(scheduler_.clock(), echo),
        model_(options_, random_, scheduler_, trace_),
        follower_(options_, random_, scheduler_, trace_, model_) {}

  void Run(const Length& length) {
    model_.Start();
    follower_.Start();
    RunReady();
    const Clock::TimePoint faults_until = scheduler_.now() + options_.faults_last;
    for (uint64_t step = 0; (step < length.steps || scheduler_.now() < faults_until) && !Failed(); ++step) {
      if (!scheduler_.AdvanceToNext(Clock::TimePoint::max())) break;
      RunReady();
      if (step % kContentsCheckedEvery == 0) follower_.CheckContents();
    }
    if (Failed()) return;
    model_.Heal();
    follower_.Heal();
    // Over a slow network with small answers a large backlog takes its time: an answer for each record, at worst.
    const std::chrono::milliseconds an_answer = 2 * options_.delay_max + options_.io_delay_max;
    const std::chrono::milliseconds heals_within = length.heals_within + follower_.Backlog() * an_answer;
    const Clock::TimePoint deadline = scheduler_.now() + heals_within;
    RunReady();
    while (!Failed() && !follower_.CaughtUp()) {
      if (!scheduler_.AdvanceToNext(deadline)) {
        trace_.Report("INV-30", absl::StrCat("still behind after ", heals_within.count(),
                                             " ms without faults: ", follower_.DescribeLag()));
        return;
      }
      RunReady();
    }
    if (!Failed()) follower_.CheckSettled();
  }

  Outcome TakeOutcome() {
    Outcome outcome;
    outcome.violation = trace_.violation();
    outcome.last_events.assign(trace_.last_events().begin(), trace_.last_events().end());
    outcome.hash = trace_.hash();
    outcome.events = trace_.events();
    outcome.records = follower_.counters().records.load();
    outcome.truncations = follower_.counters().truncations.load();
    for (const Partition& partition : model_.partitions()) outcome.unclean_elections += partition.unclean_elections;
    outcome.processes = follower_.process_count();
    outcome.lane_moves = follower_.lane_moves();
    outcome.virtual_time = std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_.now().time_since_epoch());
    return outcome;
  }

 private:
  bool Failed() const { return trace_.violation().has_value(); }
  void RunReady() {
    while (!Failed() && scheduler_.RunOneReady()) follower_.Observe();
  }

  const Options options_;
  Random random_;
  Scheduler scheduler_;
  Trace trace_;
  Model model_;
  Follower follower_;
};

}  // namespace

Outcome Simulate(uint64_t seed, const Options& options, const Length& length, bool echo) {
  Simulation simulation(seed, options, echo);
  simulation.Run(length);
  return simulation.TakeOutcome();
}

}  // namespace slipstream::sim
