// ApiVersions: which requests, versions and features a node knows. The first message on a connection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct ApiVersionsResponse;

struct ApiVersionsRequest {
  static constexpr const char* kName = "ApiVersionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kApiVersions;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 4, kFlexibleFrom = 3;
  using Response = ApiVersionsResponse;

  std::string client_software_name;     // letters, digits, dot and dash, not empty: else INVALID_REQUEST
  std::string client_software_version;  // the same

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ClientSoftwareName", m.client_software_name, {.from = 3});
    visitor.Field("ClientSoftwareVersion", m.client_software_version, {.from = 3});
  }
  bool operator==(const ApiVersionsRequest&) const = default;
};

struct ApiVersion {
  ApiKey api_key{};
  int16_t min_version = 0;
  int16_t max_version = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ApiKey", m.api_key);
    visitor.Field("MinVersion", m.min_version);
    visitor.Field("MaxVersion", m.max_version);
  }
  bool operator==(const ApiVersion&) const = default;
};

struct SupportedFeatureKey {
  std::string name;
  int16_t min_version = 0;
  int16_t max_version = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("MinVersion", m.min_version);
    visitor.Field("MaxVersion", m.max_version);
  }
  bool operator==(const SupportedFeatureKey&) const = default;
};

struct FinalizedFeatureKey {
  std::string name;
  int16_t max_version_level = 0;
  int16_t min_version_level = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("MaxVersionLevel", m.max_version_level);
    visitor.Field("MinVersionLevel", m.min_version_level);
  }
  bool operator==(const FinalizedFeatureKey&) const = default;
};

// UNSUPPORTED_VERSION is answered in version 0, with the range of ApiVersions itself as the only entry.
struct ApiVersionsResponse {
  static constexpr const char* kName = "ApiVersionsResponse";
  using Request = ApiVersionsRequest;

  KafkaError error_code{};
  std::vector<ApiVersion> api_keys;
  int32_t throttle_time_ms = 0;
  std::vector<SupportedFeatureKey> supported_features;  // version 3 hides those whose minimum is 0
  int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeatureKey> finalized_features;
  bool zk_migration_ready = false;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("ApiKeys", m.api_keys);
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms, {.from = 1});
    visitor.Field("SupportedFeatures", m.supported_features, {.from = 3, .tag = 0});
    visitor.Field("FinalizedFeaturesEpoch", m.finalized_features_epoch, {.from = 3, .tag = 1, .default_value = -1});
    visitor.Field("FinalizedFeatures", m.finalized_features, {.from = 3, .tag = 2});
    visitor.Field("ZkMigrationReady", m.zk_migration_ready, {.from = 3, .tag = 3});
  }
  bool operator==(const ApiVersionsResponse&) const = default;
};

}  // namespace slipstream
