// InitProducerId: the identity of an idempotent or transactional producer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"

namespace slipstream {

struct InitProducerIdResponse;

struct InitProducerIdRequest {
  static constexpr const char* kName = "InitProducerIdRequest";
  static constexpr ApiKey kApiKey = ApiKey::kInitProducerId;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 2;
  using Response = InitProducerIdResponse;

  std::optional<std::string> transactional_id;  // null: idempotent only
  int32_t transaction_timeout_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("TransactionalId", m.transactional_id);
    visitor.Field("TransactionTimeoutMs", m.transaction_timeout_ms);
    visitor.Field("ProducerId", m.producer_id, {.from = 3, .default_value = -1});
    visitor.Field("ProducerEpoch", m.producer_epoch, {.from = 3, .default_value = -1});
  }
  bool operator==(const InitProducerIdRequest&) const = default;
};

struct InitProducerIdResponse {
  static constexpr const char* kName = "InitProducerIdResponse";
  using Request = InitProducerIdRequest;

  int32_t throttle_time_ms = 0;
  KafkaError error_code{};
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;

  static void Describe(auto& visitor, auto& m) {
    visitor.Field("ThrottleTimeMs", m.throttle_time_ms);
    visitor.Field("ErrorCode", m.error_code);
    visitor.Field("ProducerId", m.producer_id);
    visitor.Field("ProducerEpoch", m.producer_epoch);
  }
  bool operator==(const InitProducerIdResponse&) const = default;
};

}  // namespace slipstream
