#include "log/compaction/log_cleaner.h"

#include <chrono>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

absl::Status LogCleaner::Start(PartitionLog& log, Timestamp now) {
  SLIP_CHECK(log_ == nullptr);
  SLIP_ASSIGN_OR_RETURN(std::optional<CompactionPlan> plan, log.PlanCompaction(now));
  if (!plan) return absl::OkStatus();
  compaction_.emplace(*std::move(plan), limits_);
  log_ = &log;
  CleanNext();
  return absl::OkStatus();
}

void LogCleaner::CleanNext() {
  step_ = std::async(std::launch::async, [this] { return compaction_->CleanNext(); });
}

absl::Status LogCleaner::Poll() {
  if (log_ == nullptr || step_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return absl::OkStatus();
  const absl::StatusOr<bool> more = log_->TakeCompacted(*compaction_, step_.get());
  if (more.ok() && *more) {
    CleanNext();
    return absl::OkStatus();
  }
  log_ = nullptr;
  compaction_.reset();
  return absl::IsAborted(more.status()) ? absl::OkStatus() : more.status();
}

void LogCleaner::Stop() {
  if (log_ == nullptr) return;
  compaction_->Cancel();
  (void)step_.get();
  compaction_->Discard();
  compaction_.reset();
  log_ = nullptr;
}

}  // namespace slipstream
