// Where a broker listens.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace slipstream {

struct Endpoint {
  std::string host;
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
  std::string ToString() const;  // "host:port", an IPv6 host in brackets
};

// "HOST:PORT" or "[IPV6]:PORT". kInvalidArgument names the text and what is wrong. Port 0 only with `allow_any_port`.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text, bool allow_any_port = false);
// A comma-separated list of at least one, as --bootstrap-server takes it.
absl::StatusOr<std::vector<Endpoint>> ParseEndpoints(absl::string_view text);

}  // namespace slipstream
