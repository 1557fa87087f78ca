#include "tests/sim/lane_watch.h"

#include <absl/strings/str_cat.h>

namespace slipstream::sim {
namespace {

constexpr LaneKind kKinds[] = {LaneKind::kIdle, LaneKind::kTail, LaneKind::kBulk};

// What has caught up is busy first, and then quiet.
bool MayFollow(LaneKind from, LaneKind to) { return from != LaneKind::kBulk || to != LaneKind::kIdle; }

}  // namespace

void LaneMoves::Add(const LaneMoves& others) {
  for (size_t from = 0; from < kLaneKinds; ++from)
    for (size_t to = 0; to < kLaneKinds; ++to) counts[from][to] += others.counts[from][to];
}

bool LaneMoves::AllKinds() const {
  for (const LaneKind from : kKinds)
    for (const LaneKind to : kKinds)
      if (from != to && MayFollow(from, to) && counts[static_cast<size_t>(from)][static_cast<size_t>(to)] == 0)
        return false;
  return true;
}

std::string LaneMoves::ToString() const {
  std::string text;
  for (const LaneKind from : kKinds) {
    for (const LaneKind to : kKinds) {
      if (from == to || !MayFollow(from, to)) continue;
      absl::StrAppend(&text, text.empty() ? "" : ", ", LaneName(from), "-", LaneName(to), " ",
                      counts[static_cast<size_t>(from)][static_cast<size_t>(to)]);
    }
  }
  return text;
}

void LaneWatch::Look(const TopicPartition& partition, const LaneGroup* group) {
  const FetchLane* now_in = nullptr;
  for (const LaneKind kind : kKinds) {
    if (group == nullptr) break;
    const FetchLane& lane = group->lane(kind);
    if (!lane.Holds(partition)) continue;
    if (now_in != nullptr)
      trace_.Report("INV-22", absl::StrCat(partition.ToString(), ": in lane ", LaneName(kind), ", and in lane ",
                                           LaneName(now_in->kind())));
    now_in = &lane;
  }
  const FetchLane*& last_in = last_in_[partition];
  // One that is added again meanwhile is in none for a while.
  if (last_in != nullptr && now_in != nullptr && last_in != now_in) {
    ++moves_.counts[static_cast<size_t>(last_in->kind())][static_cast<size_t>(now_in->kind())];
    trace_.Tell(partition.ToString(), ": from lane ", LaneName(last_in->kind()), " to ", LaneName(now_in->kind()));
  }
  last_in = now_in;
}

void LaneWatch::OnFetchSent(const SimLeader& leader, const Witness::Asked& asked) {
  std::set<TopicPartition> names;
  for (const auto& [name, partition] : asked) {
    for (const auto& [other, waited_for] : in_flight_)
      if (other != &leader && waited_for.contains(name))
        trace_.Report("INV-22", absl::StrCat(name.ToString(), ": asked for in two lanes at once, of ",
                                             leader.endpoint().host, " and ", other->endpoint().host));
    names.insert(name);
  }
  in_flight_[&leader] = std::move(names);
}

void LaneWatch::OnLetGo(const TopicPartition& partition) {
  for (auto& [leader, names] : in_flight_) names.erase(partition);
}

}  // namespace slipstream::sim
