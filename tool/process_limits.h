// The limits that the system puts on a process: open files, file sizes.
#pragma once

namespace slipstream {

// For the whole process. Raises the number of files it may have open as far as it may: a log in use holds three. And
// makes a write beyond the largest file size an error of that write: by default it would end the process.
void AdaptToProcessLimits();

}  // namespace slipstream
