// How long a test waits for what must happen. Never used up: a test that hangs should fail instead.
#pragma once

#include <chrono>

namespace slipstream {

inline constexpr std::chrono::seconds kPatience{30};

}  // namespace slipstream
