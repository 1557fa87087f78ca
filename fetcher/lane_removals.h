// Deleted segments' files leave the disk beside the rounds, one file after the other: to free a large one may take the
// disk seconds, which nobody waits for.
#pragma once

#include <utility>
#include <vector>

#include "fetcher/lane_context.h"
#include "fetcher/lane_run.h"
#include "log/deleted_files.h"
#include "log/partition_log.h"

namespace slipstream {

class LaneRemovals {
 public:
  // Both outlive this.
  LaneRemovals(const LaneContext& lane, LaneRun& run) : lane_(lane), run_(run) {}

  void Start(PartitionLog& log, DeletedFiles files);
  bool Runs() const { return running_; }
  bool Holds(const PartitionLog& log) const;
  // The log is another's from now on, and has its files back but for the one that is being removed. Should that fail,
  // the next start removes it.
  void LetGoOf(const PartitionLog& log);
  void Stop();  // the same of all

 private:
  struct Removal {
    PartitionLog* log = nullptr;  // nullptr: it is another's
    DeletedFiles files;
  };
  void Run();
  asio::awaitable<void> RunAll();
  static void GiveBack(Removal& removal);

  const LaneContext& lane_;
  LaneRun& run_;
  std::vector<Removal> waiting_;
  Removal current_;
  bool running_ = false;
};

}  // namespace slipstream
