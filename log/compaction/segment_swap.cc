#include "log/compaction/segment_swap.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <initializer_list>
#include <memory>

#include "log/segment_name.h"
#include "log/status.h"

namespace slipstream {
namespace {

using Suffixes = std::initializer_list<absl::string_view>;
constexpr Suffixes kIndexes = {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix};
constexpr Suffixes kAll = {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix};

// Renames in steps, each on the disk before the next one begins; backwards they lead through the same states.
class SwapSteps {
 public:
  // `names`: the directory, open.
  SwapSteps(FileIo& io, const std::filesystem::path& directory, File& names)
      : io_(io), directory_(directory), names_(names) {}

  absl::Status Rename(Offset base, Suffixes suffixes, absl::string_view from, absl::string_view to) {
    for (const absl::string_view suffix : suffixes) {
      Renamed renamed{.from = directory_ / SegmentFileName(base, absl::StrCat(suffix, from)),
                      .to = directory_ / SegmentFileName(base, absl::StrCat(suffix, to)),
                      .step = step_};
      const absl::Status done = io_.Rename(renamed.from, renamed.to);
      // Only the indexes of an old segment, and a transaction index, may never have been made.
      const bool may_lack = suffix != kLogSuffix && (from.empty() || suffix == kTransactionIndexSuffix);
      if (may_lack && absl::IsNotFound(done)) continue;
      SLIP_RETURN_IF_ERROR(done);
      renamed_.push_back(std::move(renamed));
    }
    return absl::OkStatus();
  }
  absl::Status End() {
    ++step_;
    return names_.Sync();
  }
  absl::Status TakeBack() {
    while (!renamed_.empty()) {
      const Renamed& last = renamed_.back();
      if (last.step < step_) {
        SLIP_RETURN_IF_ERROR(names_.Sync());
        step_ = last.step;
      }
      SLIP_RETURN_IF_ERROR(io_.Rename(last.to, last.from));
      renamed_.pop_back();
    }
    return names_.Sync();
  }
  std::vector<std::filesystem::path> TargetsMarked(absl::string_view mark) const {
    std::vector<std::filesystem::path> targets;
    for (const Renamed& renamed : renamed_)
      if (absl::EndsWith(renamed.to.native(), mark)) targets.push_back(renamed.to);
    return targets;
  }

 private:
  struct Renamed {
    std::filesystem::path from, to;
    int step;
  };

  FileIo& io_;
  const std::filesystem::path& directory_;
  File& names_;
  int step_ = 0;
  std::vector<Renamed> renamed_;
};

absl::Status Swap(SwapSteps& steps, std::span<const Offset> cleaned, std::span<const Offset> replaced) {
  // While the lowest base has a .cleaned file, all swaps count as unfinished: it goes by itself, after the others.
  const std::span<const Offset> others = cleaned.subspan(1);
  for (const Offset base : others) SLIP_RETURN_IF_ERROR(steps.Rename(base, kAll, kCleanedMark, kSwapMark));
  if (!others.empty()) SLIP_RETURN_IF_ERROR(steps.End());
  SLIP_RETURN_IF_ERROR(steps.Rename(cleaned.front(), kAll, kCleanedMark, kSwapMark));
  SLIP_RETURN_IF_ERROR(steps.End());
  for (const Offset base : replaced) SLIP_RETURN_IF_ERROR(steps.Rename(base, kAll, "", kDeletedMark));
  SLIP_RETURN_IF_ERROR(steps.End());
  // Beside a .log.swap an index without a mark is taken for an old one.
  for (const Offset base : cleaned) SLIP_RETURN_IF_ERROR(steps.Rename(base, {kLogSuffix}, kSwapMark, ""));
  SLIP_RETURN_IF_ERROR(steps.End());
  for (const Offset base : cleaned) SLIP_RETURN_IF_ERROR(steps.Rename(base, kIndexes, kSwapMark, ""));
  return steps.End();
}

}  // namespace

absl::StatusOr<std::vector<std::filesystem::path>> SwapSegments(FileIo& io, const std::filesystem::path& directory,
                                                                std::span<const Offset> cleaned,
                                                                std::span<const Offset> replaced) {
  // The one descriptor that is needed, before anything is changed.
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> names, io.Open(directory, OpenMode::kDirectory));
  SwapSteps steps(io, directory, *names);
  const absl::Status swapped = Swap(steps, cleaned, replaced);
  if (absl::IsResourceExhausted(swapped)) {
    const absl::Status back = steps.TakeBack();
    if (back.ok()) return swapped;
    return absl::InternalError(absl::StrCat(swapped.message(), "; then, taking it back: ", back.message()));
  }
  SLIP_RETURN_IF_ERROR(swapped);
  return steps.TargetsMarked(kDeletedMark);
}

}  // namespace slipstream
