// How a client of ours talks to brokers; Kafka's names where Kafka has the knob.
#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace slipstream {

struct ClientConfig {
  std::string client_id = "slipstream";                               // 1 .. 32767 bytes: it goes with each request
  std::chrono::milliseconds socket_connection_setup_timeout{10'000};  // 1 ms .. 1 h: TCP connect and ApiVersions
  std::chrono::milliseconds request_timeout{30'000};       // 1 ms .. 1 h: from sending to the answer's last byte
  std::chrono::milliseconds reconnect_backoff{50};         // doubles per failure, with jitter,
  std::chrono::milliseconds reconnect_backoff_max{1'000};  // up to this
  std::chrono::milliseconds metadata_max_age{30'000};      // refreshed at least this often, 100 ms .. 1 h
  std::chrono::milliseconds bootstrap_timeout{10'000};     // how long the first metadata may take before giving up
  int32_t socket_receive_buffer_bytes = 4 << 20;           // SO_RCVBUF; -1: the system's own tuning
  int32_t response_bytes_max = 128 << 20;                  // >= 1 MiB; a longer frame is refused unread (BAD-01)

  absl::Status Validate() const;  // names field, value and bound
};

}  // namespace slipstream
