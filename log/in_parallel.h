// The same work on many things that know nothing of each other, blocking.
#pragma once

#include <cstddef>
#include <functional>

namespace slipstream {

// Calls `work` for every number below `count`, on at most `threads` threads, this one among them; each takes the next
// number once it is free. Returns when all are done. REQUIRES: `work` throws nothing.
void InParallel(size_t count, size_t threads, const std::function<void(size_t number)>& work);

}  // namespace slipstream
