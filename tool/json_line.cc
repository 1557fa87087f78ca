#include "tool/json_line.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace slipstream {

void PrintJsonLine(const nlohmann::json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace slipstream
