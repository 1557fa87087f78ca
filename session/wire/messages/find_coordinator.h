// FindCoordinator: the broker that coordinates a group or a transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/offset.h"
#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct FindCoordinatorResponse;

struct FindCoordinatorRequest {
  static constexpr const char* kName = "FindCoordinatorRequest";
  static constexpr ApiKey kApiKey = ApiKey::kFindCoordinator;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 6, kFlexibleFrom = 3;
  using Response = FindCoordinatorResponse;

  std::string key;      // to version 3, then coordinator_keys
  int8_t key_type = 0;  // 0 group, 1 transaction, 2 share
  std::vector<std::string> coordinator_keys;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Key", m.key, {.to = 3});
    visitor.Field("KeyType", m.key_type, {.from = 1});
    visitor.Field("CoordinatorKeys", m.coordinator_keys, {.from = 4});
  }
  bool operator==(const FindCoordinatorRequest&) const = default;
};

struct Coordinator {
  std::string key;
  BrokerId node_id;
  std::string host;
  int32_t port = 0;
  KafkaError error_code{};
  std::optional<std::string> error_message;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Key", m.key);
    visitor.Field("NodeId", m.node_id);
    visitor.Field("Host", m.host, {.bytes_max = kHostBytesMax});
    visitor.Field("Port", m.port);
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("ErrorMessage", m.error_message);
  }
  bool operator==(const Coordinator&) const = default;
};

struct FindCoordinatorResponse {
  static constexpr const char* kName = "FindCoordinatorResponse";
  using Request = FindCoordinatorRequest;

  int32_t throttle_time_ms = 0;
  KafkaError error_code{};  // from here to port: to version 3, then coordinators
  std::optional<std::string> error_message;
  BrokerId node_id;
  std::string host;
  int32_t port = 0;
  std::vector<Coordinator> coordinators;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms, {.from = 1});
    visitor.Field("ErrorCode", m.error_code, {.to = 3});
    visitor.Field("ErrorMessage", m.error_message, {.from = 1, .to = 3});
    visitor.Field("NodeId", m.node_id, {.to = 3});
    visitor.Field("Host", m.host, {.to = 3, .bytes_max = kHostBytesMax});
    visitor.Field("Port", m.port, {.to = 3});
    visitor.Field("Coordinators", m.coordinators, {.from = 4});
  }
  bool operator==(const FindCoordinatorResponse&) const = default;
};

}  // namespace slipstream
