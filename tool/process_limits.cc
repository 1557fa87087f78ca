#include "tool/process_limits.h"

#include <sys/resource.h>

#include <csignal>

namespace slipstream {

void AdaptToProcessLimits() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);  // else it stays as it is
  }
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace slipstream
