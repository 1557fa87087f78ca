#include "fetcher/leader_watch.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace slipstream {
namespace {

std::string Partitions(size_t count) { return count == 1 ? "1 partition" : absl::StrCat(count, " partitions"); }

}  // namespace

std::optional<std::string> LeaderWatch::OnLost(BrokerId leader, size_t partitions, const absl::Status& why) {
  if (partitions == 0 || !lost_.insert(leader).second) return std::nullopt;
  return absl::StrCat("leader ", leader.value, " of ", Partitions(partitions), " is lost: ", why.message(),
                      "; trying again");
}

std::optional<std::string> LeaderWatch::OnReached(BrokerId leader, const Endpoint& endpoint) {
  if (lost_.erase(leader) == 0) return std::nullopt;
  return absl::StrCat("leader ", leader.value, " is back: broker ", endpoint.ToString(), " answers");
}

std::vector<std::string> LeaderWatch::OnLeadersChanged(const std::set<BrokerId>& leading) {
  std::vector<std::string> lines;
  std::erase_if(lost_, [&](BrokerId leader) {
    if (leading.contains(leader)) return false;
    lines.push_back(absl::StrCat("other brokers lead the partitions of lost leader ", leader.value, " now"));
    return true;
  });
  return lines;
}

std::optional<std::string> LeaderWatch::OnMetadata(int failures, const absl::Status& why) {
  constexpr int kFailuresMin = 4;  // sooner a lost leader tells more
  if (failures == 0) {
    if (!std::exchange(cluster_lost_, false)) return std::nullopt;
    return "the cluster tells its metadata again";
  }
  if (failures < kFailuresMin || cluster_lost_ || !lost_.empty()) return std::nullopt;
  cluster_lost_ = true;
  return absl::StrCat("no broker tells the cluster's metadata: ", why.message(), "; trying again");
}

}  // namespace slipstream
