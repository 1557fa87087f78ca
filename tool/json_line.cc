#include "tool/json_line.h"

#include <nlohmann/json.hpp>

#include "tool/print.h"

namespace slipstream {

void PrintJsonLine(const nlohmann::json& line) {
  PrintTo(stdout, "{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace slipstream
