#include "tool/dump.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/status.h"
#include "log/topic_partition.h"
#include "tool/dump_files.h"
#include "tool/dump_report.h"

namespace slipstream {
namespace {

using DumpFunction = absl::Status (*)(FileIo&, const std::filesystem::path&, const DumpOptions&, DumpReport&);

struct FileKind {
  absl::string_view name_end;
  bool is_segment;  // named by a base offset: in a log dir, "server.log" is something else
  DumpFunction dump;
};

constexpr FileKind kKinds[] = {
    {".log", true, DumpLog},
    {".index", true, DumpOffsetIndex},
    {".timeindex", true, DumpTimeIndex},
    {".txnindex", true, DumpTransactionIndex},
    {".snapshot", true, DumpProducerSnapshot},
    {"-offset-checkpoint", false, DumpOffsetCheckpoint},
    {"leader-epoch-checkpoint", false, DumpLeaderEpochs},
    {"partition.metadata", false, DumpPartitionMetadata},
    {"meta.properties", false, DumpMetaProperties},
};

// False: not a file this program knows.
absl::StatusOr<bool> DumpFile(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                              DumpReport& report) {
  for (const FileKind& kind : kKinds) {
    if (!absl::EndsWith(path.filename().native(), kind.name_end)) continue;
    if (kind.is_segment && !SegmentBaseOffset(path).ok()) return false;
    report.Line(absl::StrCat("Dumping ", path.native()));
    SLIP_RETURN_IF_ERROR(kind.dump(io, path, options, report));
    return true;
  }
  return false;
}

// False: there was nothing of a kind that is known.
absl::StatusOr<bool> DumpDirectory(FileIo& io, const std::filesystem::path& path, const DumpOptions& options,
                                   DumpReport& report, const std::vector<std::string>& files) {
  bool any_known = false;
  for (const std::string& name : files) {
    SLIP_ASSIGN_OR_RETURN(const bool known, DumpFile(io, path / name, options, report));
    if (!known) report.Line(absl::StrCat("Skipping ", (path / name).native()));
    any_known |= known;
  }
  // A log dir: then its partitions. What else lies there is not ours to descend into.
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> directories, io.List(path, /*directories=*/true));
  for (const std::string& name : directories) {
    if (!ParsePartitionDirectoryName(name).ok()) continue;
    SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(path / name, /*directories=*/false));
    SLIP_ASSIGN_OR_RETURN(const bool known, DumpDirectory(io, path / name, options, report, names));
    any_known |= known;
  }
  return any_known;
}

absl::Status DumpAll(FileIo& io, const std::filesystem::path& path, const DumpOptions& options, DumpReport& report) {
  if (!io.Exists(path)) return absl::NotFoundError(absl::StrCat(path.native(), " does not exist"));
  const absl::StatusOr<std::vector<std::string>> names = io.List(path, /*directories=*/false);
  if (absl::IsPermissionDenied(names.status())) return names.status();
  if (names.ok()) {
    SLIP_ASSIGN_OR_RETURN(const bool known, DumpDirectory(io, path, options, report, *names));
    if (known) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat(path.native(), " holds no file of a log dir or a partition"));
  }
  SLIP_ASSIGN_OR_RETURN(const bool known, DumpFile(io, path, options, report));
  if (known) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path.native(), " is neither a directory nor a kind of file that is known"));
}

}  // namespace

absl::StatusOr<Offset> SegmentBaseOffset(const std::filesystem::path& path) {
  Offset base;
  const std::string digits = path.stem().native();
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(digits, &base.value))
    return absl::InvalidArgumentError(absl::StrCat(path.native(), ": the name is not a segment's base offset"));
  return base;
}

absl::Status DumpPath(FileIo& io, const std::filesystem::path& path, const DumpOptions& options, std::ostream& out) {
  DumpReport report(out);
  SLIP_RETURN_IF_ERROR(DumpAll(io, path, options, report));
  if (report.problems() > 0)
    return absl::DataLossError(absl::StrCat(path.native(), ": ", report.problems(),
                                            report.problems() == 1 ? " problem" : " problems", " found"));
  return absl::OkStatus();
}

}  // namespace slipstream
