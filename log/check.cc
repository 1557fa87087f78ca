#include "log/check.h"

#include <cstdio>
#include <cstdlib>

namespace slipstream {

void CheckFailed(const char* file, int line, const char* message) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, message);
  std::fflush(stderr);
  std::abort();
}

}  // namespace slipstream
