// DescribeConfigs: the settings of topics and brokers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct DescribeConfigsResponse;

enum class ConfigResourceType : int8_t { kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16, kGroup = 32 };

struct DescribeConfigsResource {
  ConfigResourceType resource_type{};
  std::string resource_name;
  std::optional<std::vector<std::string>> configuration_keys;  // null: all

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ResourceType", m.resource_type);
    visitor.Field("ResourceName", m.resource_name);
    visitor.Field("ConfigurationKeys", m.configuration_keys);
  }
  bool operator==(const DescribeConfigsResource&) const = default;
};

struct DescribeConfigsRequest {
  static constexpr const char* kName = "DescribeConfigsRequest";
  static constexpr ApiKey kApiKey = ApiKey::kDescribeConfigs;
  static constexpr int16_t kVersionMin = 1, kVersionMax = 4, kFlexibleFrom = 4;
  using Response = DescribeConfigsResponse;

  std::vector<DescribeConfigsResource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Resources", m.resources);
    visitor.Field("IncludeSynonyms", m.include_synonyms);
    visitor.Field("IncludeDocumentation", m.include_documentation, {.from = 3});
  }
  bool operator==(const DescribeConfigsRequest&) const = default;
};

struct DescribeConfigsSynonym {
  std::string name;
  std::optional<std::string> value;
  int8_t source = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Value", m.value);
    visitor.Field("Source", m.source);
  }
  bool operator==(const DescribeConfigsSynonym&) const = default;
};

struct DescribeConfigsResourceResult {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  int8_t config_source = -1;
  bool is_sensitive = false;
  std::vector<DescribeConfigsSynonym> synonyms;
  int8_t config_type = 0;
  std::optional<std::string> documentation;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("Name", m.name);
    visitor.Field("Value", m.value);
    visitor.Field("ReadOnly", m.read_only);
    visitor.Field("ConfigSource", m.config_source, {.default_value = -1});
    visitor.Field("IsSensitive", m.is_sensitive);
    visitor.Field("Synonyms", m.synonyms);
    visitor.Field("ConfigType", m.config_type, {.from = 3});
    visitor.Field("Documentation", m.documentation, {.from = 3});
  }
  bool operator==(const DescribeConfigsResourceResult&) const = default;
};

struct DescribeConfigsResult {
  KafkaError error_code{};
  std::optional<std::string> error_message;
  ConfigResourceType resource_type{};
  std::string resource_name;
  std::vector<DescribeConfigsResourceResult> configs;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("ErrorMessage", m.error_message);
    visitor.Field("ResourceType", m.resource_type);
    visitor.Field("ResourceName", m.resource_name);
    visitor.Field("Configs", m.configs);
  }
  bool operator==(const DescribeConfigsResult&) const = default;
};

struct DescribeConfigsResponse {
  static constexpr const char* kName = "DescribeConfigsResponse";
  using Request = DescribeConfigsRequest;

  int32_t throttle_time_ms = 0;
  std::vector<DescribeConfigsResult> results;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("Results", m.results);
  }
  bool operator==(const DescribeConfigsResponse&) const = default;
};

}  // namespace slipstream
