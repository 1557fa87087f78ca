// slipstream-sim: runs simulations by their seeds. A seed that fails fails again the same way.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "tests/sim/simulation.h"

namespace slipstream::sim {
namespace {

constexpr const char* kUsage =
    "usage: slipstream-sim --seed N [--count M] [--steps S] [--quiet | --events]\n"
    "  runs the simulations of the seeds N .. N+M-1, all of them; ends with 1 if any broke an invariant,\n"
    "  or if 300 or more had not every kind of move between lanes\n";

constexpr uint64_t kSeedsWithAllMoves = 300;

char seed_at_work[64];

struct sigaction handled_before[NSIG];

// A check of the product's own that fails, or memory that is not there, ends the process: then at least the seed is
// known, and what a sanitizer has to say.
void OnFatal(int number, siginfo_t* info, void* context) {
  (void)!::write(STDERR_FILENO, seed_at_work, std::strlen(seed_at_work));
  const struct sigaction& before = handled_before[number];
  if ((before.sa_flags & SA_SIGINFO) != 0) before.sa_sigaction(number, info, context);
  ::_exit(1);
}

void TellSeedWhenFatal() {
  struct sigaction action {};
  action.sa_sigaction = OnFatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int fatal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL}) ::sigaction(fatal, &action, &handled_before[fatal]);
}

struct Flags {
  uint64_t seed = 0, count = 1, steps = Length{}.steps;
  bool quiet = false, events = false;
};

bool Parse(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--quiet" || name == "--events") {
      (name == "--quiet" ? flags.quiet : flags.events) = true;
      continue;
    }
    uint64_t* const value = name == "--seed"    ? &flags.seed
                            : name == "--count" ? &flags.count
                            : name == "--steps" ? &flags.steps
                                                : nullptr;
    if (value == nullptr || ++i == argc || !absl::SimpleAtoi(argv[i], value)) return false;
  }
  return true;
}

// All that is known of it, or only the rule.
void PrintFailure(uint64_t seed, const Options& options, const Outcome& outcome, bool whole) {
  if (whole) {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), options.ToString().c_str());
    for (const std::string& event : outcome.last_events) std::printf("  %s\n", event.c_str());
  }
  std::printf("seed %llu breaks %s: %s\n", static_cast<unsigned long long>(seed), outcome.violation->rule.c_str(),
              outcome.violation->what.c_str());
  std::fflush(stdout);
}

void PrintSeed(uint64_t seed, const Options& options, const Outcome& outcome) {
  std::printf(
      "seed %llu: %s\nseed %llu: %llu events in %lld ms, %llu records, %llu truncations, %llu unclean elections, %d "
      "processes, hash %016llx\n  lane moves: %s\n",
      static_cast<unsigned long long>(seed), options.ToString().c_str(), static_cast<unsigned long long>(seed),
      static_cast<unsigned long long>(outcome.events), static_cast<long long>(outcome.virtual_time.count()),
      static_cast<unsigned long long>(outcome.records), static_cast<unsigned long long>(outcome.truncations),
      static_cast<unsigned long long>(outcome.unclean_elections), outcome.processes,
      static_cast<unsigned long long>(outcome.hash), outcome.lane_moves.ToString().c_str());
}

struct Totals {
  uint64_t seeds = 0, failed = 0, records = 0, truncations = 0, unclean = 0, processes = 0, hash = 0;
  LaneMoves lane_moves;

  void Add(const Outcome& outcome) {
    ++seeds;
    if (outcome.violation) ++failed;
    records += outcome.records;
    truncations += outcome.truncations;
    unclean += outcome.unclean_elections;
    processes += static_cast<uint64_t>(outcome.processes);
    hash = hash * 31 + outcome.hash;
    lane_moves.Add(outcome.lane_moves);
  }
  void Print(double seconds) const {
    std::printf(
        "%llu seeds in %.1f s, %llu failed: %llu records, %llu truncations, %llu unclean elections, %llu processes, "
        "hash %016llx\nlane moves: %s\n",
        static_cast<unsigned long long>(seeds), seconds, static_cast<unsigned long long>(failed),
        static_cast<unsigned long long>(records), static_cast<unsigned long long>(truncations),
        static_cast<unsigned long long>(unclean), static_cast<unsigned long long>(processes),
        static_cast<unsigned long long>(hash), lane_moves.ToString().c_str());
  }
};

int Main(int argc, char** argv) {
  Flags flags;
  if (!Parse(argc, argv, flags)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  TellSeedWhenFatal();
  const auto began = std::chrono::steady_clock::now();
  Totals totals;
  for (uint64_t seed = flags.seed; seed < flags.seed + flags.count; ++seed) {
    std::snprintf(seed_at_work, sizeof(seed_at_work), "slipstream-sim: seed %llu aborted\n",
                  static_cast<unsigned long long>(seed));
    const Options options = Options::Draw(seed);
    const Outcome outcome = Simulate(seed, options, {.steps = flags.steps}, flags.events);
    totals.Add(outcome);
    if (outcome.violation) {
      PrintFailure(seed, options, outcome, /*whole=*/totals.failed == 1 && !flags.events);
    } else if (!flags.quiet) {
      PrintSeed(seed, options, outcome);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  totals.Print(took.count());
  if (totals.seeds >= kSeedsWithAllMoves && !totals.lane_moves.AllKinds()) {
    std::puts("a kind of move between lanes never came: what it could break was not looked at");
    return 1;
  }
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace slipstream::sim

int main(int argc, char** argv) { return slipstream::sim::Main(argc, argv); }
