#include "tool/dump_command.h"

#include <iostream>

#include "tool/dump.h"
#include "tool/exit_code.h"
#include "tool/flag_checks.h"

namespace slipstream {

void AddDumpFlags(CLI::App& command, DumpFlags& flags) {
  command.add_option("PATH", flags.path, "a log, index or checkpoint file, a partition directory or a log dir")
      ->required()
      ->check(NotEmpty());
  command.add_flag("--deep", flags.deep, "also each record, with its key and value");
}

absl::Status RunDump(const DumpFlags& flags) {
  DumpOptions options;
  options.deep = flags.deep;
  const absl::Status dumped = DumpPath(SystemFileIo(), flags.path, options, std::cout);
  std::cout.flush();
  if (absl::IsNotFound(dumped) || absl::IsPermissionDenied(dumped)) return WithExitCode(dumped, ExitCode::kCannotStart);
  if (absl::IsInvalidArgument(dumped)) return WithExitCode(dumped, ExitCode::kUsage);
  return dumped;
}

}  // namespace slipstream
