// What the program's exit status means to a script.
#pragma once

#include <absl/status/status.h>

namespace slipstream {

enum class ExitCode : int {
  kDone = 0,
  kRuntime = 1,      // failed while running: disk full, the cluster went away
  kUsage = 2,        // wrong flag, property or config
  kCannotStart = 3,  // no broker answers, directory unreadable or in use
  kDivergence = 4,   // verify found a difference
  kGap = 5,          // records were deleted at the source before they were copied
  // Kept for it: nothing authenticates yet.
  kAuthentication = 6,
};

// The exit code an error carries with it, kRuntime when it carries none (kUnauthenticated: kAuthentication).
ExitCode ExitCodeOf(const absl::Status& status);
absl::Status WithExitCode(absl::Status status, ExitCode code);  // OK stays OK

}  // namespace slipstream
