// The limits that the system puts on a process: open files, file sizes.
#pragma once

namespace slipstream {

// For the whole process. Raises the number of files it may have open as far as it may: a log in use holds up to eight,
// four of the segment that is written (.log, once more past the page cache, and two indexes) and as many of the closed
// one that was used last; a flush opens up to four more of each segment, one of each producer snapshot and the
// directory. And makes a write beyond the largest file size an error of that write: by default it would end the
// process.
void AdaptToProcessLimits();

}  // namespace slipstream
