// The dump of each kind of file, all of one shape for the table that picks one by name. A corrupt file is a problem in
// the report and OK; an error is one of reading it.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <filesystem>

#include "log/io/file_io.h"
#include "log/offset.h"
#include "tool/dump.h"
#include "tool/dump_report.h"

namespace slipstream {

absl::Status DumpLog(FileIo& io, const std::filesystem::path& path, const DumpOptions& options, DumpReport& report);

// Both compare every entry with the .log file beside them (LOG-94).
absl::Status DumpOffsetIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                             DumpReport& report);
absl::Status DumpTimeIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                           DumpReport& report);

absl::Status DumpTransactionIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                  DumpReport& report);
absl::Status DumpProducerSnapshot(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                  DumpReport& report);

absl::Status DumpOffsetCheckpoint(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                  DumpReport& report);
absl::Status DumpLeaderEpochs(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                              DumpReport& report);
absl::Status DumpPartitionMetadata(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                   DumpReport& report);
absl::Status DumpMetaProperties(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                DumpReport& report);

// The base offset that a segment file is named by. kInvalidArgument for another name.
absl::StatusOr<Offset> SegmentBaseOffset(const std::filesystem::path& path);

}  // namespace slipstream
