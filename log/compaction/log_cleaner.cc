#include "log/compaction/log_cleaner.h"

#include <absl/strings/str_cat.h>

#include <chrono>
#include <exception>
#include <functional>
#include <system_error>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {
namespace {

// The thread is compaction's alone: what ends it must end the round and nothing else.
absl::StatusOr<bool> CleanOrFail(Compaction& compaction) {
  try {
    return compaction.CleanNext();
  } catch (const std::exception& thrown) {
    compaction.Discard();
    return absl::InternalError(absl::StrCat(compaction.plan().directory.native(), ": ", thrown.what()));
  }
}

}  // namespace

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
  try {
    step_ = std::async(std::launch::async, CleanOrFail, std::ref(*compaction_));
  } catch (const std::system_error& refused) {
    std::promise<absl::StatusOr<bool>> failed;
    failed.set_value(absl::ResourceExhaustedError(absl::StrCat("no thread to compact on: ", refused.what())));
    step_ = failed.get_future();
  }
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
  if (step_.valid()) step_.wait();
  log_->AbandonCompaction(*compaction_);
  compaction_.reset();
  log_ = nullptr;
}

}  // namespace slipstream
