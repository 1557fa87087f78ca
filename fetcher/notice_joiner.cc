#include "fetcher/notice_joiner.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

namespace slipstream {

void NoticeJoiner::Add(const TopicPartition& partition, const std::string& what, const std::string& detail) {
  auto notice = std::ranges::find(notices_, what, &Notice::what);
  if (notice == notices_.end()) notice = notices_.insert(notices_.end(), Notice{what, {}});
  std::string& told = notice->partitions[partition];
  if (told != detail) absl::StrAppend(&told, told.empty() ? "" : ", then ", detail);
}

std::vector<std::string> NoticeJoiner::Take() {
  std::vector<std::string> lines;
  for (const Notice& notice : std::exchange(notices_, {})) lines.push_back(Line(notice));
  return lines;
}

std::string NoticeJoiner::Line(const Notice& notice) {
  constexpr size_t kNamed = 3;
  const size_t count = notice.partitions.size();
  if (count == 1) {
    const auto& [partition, detail] = *notice.partitions.begin();
    return absl::StrCat(partition.ToString(), ": ", notice.what, detail.empty() ? "" : ": ", detail);
  }
  std::string line = absl::StrCat(count, " partitions: ", notice.what, ": ");
  size_t named = 0;
  for (const auto& [partition, detail] : notice.partitions) {
    if (named == kNamed) break;
    absl::StrAppend(&line, named++ == 0 ? "" : ", ", partition.ToString(), detail.empty() ? "" : " ", detail);
  }
  if (count > kNamed) absl::StrAppend(&line, " and ", count - kNamed, " more");
  return line;
}

}  // namespace slipstream
