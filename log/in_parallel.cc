#include "log/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace slipstream {

void InParallel(size_t count, size_t threads, const std::function<void(size_t number)>& work) {
  std::atomic<size_t> next = 0;
  const auto take_some = [&] {
    for (size_t number = next++; number < count; number = next++) work(number);
  };
  std::vector<std::jthread> helpers;  // joined at the end
  try {
    for (size_t i = 1; i < std::min(count, threads); ++i) helpers.emplace_back(take_some);
  } catch (const std::system_error&) {
    // No thread is to be had: those there are do it.
  }
  take_some();
}

}  // namespace slipstream
