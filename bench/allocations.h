// How often the program has allocated memory: what must cost none is held to that.
#pragma once

#include <cstdint>

namespace slipstream {

// Since the program began, on this thread. Only programs that are linked with allocations.cc count.
uint64_t Allocations();

}  // namespace slipstream
