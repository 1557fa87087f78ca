#include "session/endpoint.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <limits>

#include "log/status.h"
#include "session/wire/describe.h"

namespace slipstream {

std::string Endpoint::ToString() const {
  return host.find(':') == std::string::npos ? absl::StrCat(host, ":", port) : absl::StrCat("[", host, "]:", port);
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text, bool allow_any_port) {
  const auto wrong = [text](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "'", what...));
  };
  const size_t colon = text.rfind(':');
  if (absl::StartsWith(text, "[") && absl::EndsWith(text, "]")) return wrong(" has no port: [IPV6]:PORT is expected");
  if (colon == absl::string_view::npos) return wrong(" is not HOST:PORT");
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && absl::StrContains(host, ":"))
    return wrong(" has more than one colon: an IPv6 address is written [IPV6]:PORT");
  if (host.empty() || host.size() > kHostBytesMax)
    return wrong(": the host has ", host.size(), " characters, 1 to ", kHostBytesMax, " allowed");
  int port = -1;
  const int port_min = allow_any_port ? 0 : 1;
  if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port < port_min ||
      port > std::numeric_limits<uint16_t>::max())
    return wrong(": the port must be a number from ", port_min, " to 65535");
  return Endpoint{std::string(host), static_cast<uint16_t>(port)};
}

absl::StatusOr<std::vector<Endpoint>> ParseEndpoints(absl::string_view text) {
  std::vector<Endpoint> endpoints;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  for (const absl::string_view part : parts) {
    if (part.empty() && parts.size() > 1)
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' has a comma too many: one stands between two HOST:PORT"));
    SLIP_ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint(part));
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

}  // namespace slipstream
