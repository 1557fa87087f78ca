// Output for programs: one JSON object a line.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace slipstream {

// On stdout. Text of a peer or of a record need not be UTF-8: bytes that are not come out as U+FFFD.
void PrintJsonLine(const nlohmann::json& line);

}  // namespace slipstream
