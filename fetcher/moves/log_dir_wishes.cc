#include "fetcher/moves/log_dir_wishes.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>

namespace slipstream {

absl::StatusOr<LogDirWishes> LogDirWishes::Parse(absl::string_view text) {
  LogDirWishes wishes;
  wishes.text_ = std::string(text);
  if (text.empty()) return wishes;
  for (const absl::string_view piece : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(piece, absl::MaxSplits(':', 1));
    if (parts.first.empty() || parts.second.empty())
      return absl::InvalidArgumentError(absl::StrCat("'", piece, "' is not PATTERN:DIR"));
    try {
      wishes.wishes_.push_back({std::regex(std::string(parts.first)), std::string(parts.second)});
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", parts.first, "' is not a regular expression: ", error.what()));
    }
  }
  return wishes;
}

std::optional<std::filesystem::path> LogDirWishes::DirFor(const TopicPartition& partition) const {
  if (wishes_.empty()) return std::nullopt;  // asked for each partition that is new
  const std::string name = partition.ToString();
  const auto wish = std::ranges::find_if(wishes_, [&](const Wish& one) { return std::regex_match(name, one.pattern); });
  return wish == wishes_.end() ? std::nullopt : std::optional(wish->log_dir);
}

absl::Status LogDirWishes::ResolveAmong(const std::vector<std::filesystem::path>& log_dirs) {
  const auto plain = [](const std::filesystem::path& path) { return (path / "").lexically_normal(); };
  for (Wish& wish : wishes_) {
    const auto same = std::ranges::find(log_dirs, plain(wish.log_dir), plain);
    if (same == log_dirs.end())
      return absl::InvalidArgumentError(absl::StrCat("'", wish.log_dir.native(), "' is no log dir of this copy"));
    wish.log_dir = *same;
  }
  return absl::OkStatus();
}

}  // namespace slipstream
