// What Fetch and Produce answers say about a leader that moved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "log/offset.h"
#include "session/wire/describe.h"

namespace slipstream {

struct LeaderIdAndEpoch {
  BrokerId leader_id;
  LeaderEpoch leader_epoch;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("LeaderId", m.leader_id);
    visitor.Field("LeaderEpoch", m.leader_epoch);
  }
  bool operator==(const LeaderIdAndEpoch&) const = default;
};

struct NodeEndpoint {
  BrokerId node_id;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("NodeId", m.node_id);
    visitor.Field("Host", m.host, {.bytes_max = kHostBytesMax});
    visitor.Field("Port", m.port);
    visitor.Field("Rack", m.rack);
  }
  bool operator==(const NodeEndpoint&) const = default;
};

}  // namespace slipstream
