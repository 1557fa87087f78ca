// `slipstream dump`: shows what the files of a log dir or a partition directory hold, in the words of Kafka's own
// kafka-dump-log, and checks them as it goes.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <filesystem>
#include <ostream>

#include "log/io/file_io.h"

namespace slipstream {

struct DumpOptions {
  bool deep = false;                           // also a line per record, with its key and value
  size_t plain_bytes_max = size_t{256} << 20;  // what one batch may decompress to
};

// One file, or every file of a directory in name order, of a log dir its partitions after its own files. Corrupt bytes
// and indexes that disagree with their log are reported as lines that start with "Problem:"; the rest of the file and
// the other files still follow, and the result is kDataLoss. kInvalidArgument for a file of no known kind, kNotFound
// for a directory without any that is known; FileIo's errors end the dump.
absl::Status DumpPath(FileIo& io, const std::filesystem::path& path, const DumpOptions& options, std::ostream& out);

}  // namespace slipstream
