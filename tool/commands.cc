#include "tool/commands.h"

#include <absl/strings/str_cat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>

#include "tool/dump_command.h"
#include "tool/exit_code.h"
#include "tool/follow.h"
#include "tool/lead_command.h"
#include "tool/nearest.h"
#include "tool/print.h"
#include "tool/printable.h"
#include "tool/process_limits.h"
#include "tool/verify.h"

namespace slipstream {
namespace {

// One line, whatever a message brought along.
void PrintError(absl::string_view message) {
  std::string line(message);
  std::ranges::replace(line, '\n', ' ');
  PrintTo(stderr, "slipstream: {}\n", Printable(line));
}

std::vector<std::string> FlagNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) names.push_back(option->get_name());
  return names;
}

std::string SubcommandList(const CLI::App& app) {
  std::string list;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    absl::StrAppend(&list, list.empty() ? "" : ", ", command->get_name());
  return list;
}

// The first word is no flag and no subcommand.
bool SubcommandIsUnknown(const CLI::App& app, int argc, char** argv) {
  return app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-';
}

// CLI11 says what was not expected; a person also wants to know what was meant.
std::string ExplainUsageError(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  if (SubcommandIsUnknown(app, argc, argv)) {
    std::vector<std::string> names;
    for (const CLI::App* known : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(known->get_name());
    const std::string nearest = NearestWord(argv[1], names);
    return absl::StrCat("unknown subcommand '", argv[1], "'",
                        nearest.empty() ? absl::StrCat("; there are ", SubcommandList(app))
                                        : absl::StrCat(", did you mean '", nearest, "'?"));
  }
  if (argc == 1) return absl::StrCat("no subcommand; there are ", SubcommandList(app), " (see slipstream --help)");
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) {
    const std::string flag = extras.front().substr(0, extras.front().find('='));
    const std::string nearest = NearestWord(flag, FlagNames(command));
    return absl::StrCat("unknown argument '", flag, "'",
                        nearest.empty() ? "" : absl::StrCat(", did you mean '", nearest, "'?"), " (see slipstream ",
                        chosen.empty() ? "" : absl::StrCat(command.get_name(), " "), "--help)");
  }
  return error.what();
}

}  // namespace

int RunSlipstream(int argc, char** argv) {
  CLI::App app("Copies Kafka topic-partitions into Kafka-format logs, byte for byte.", "slipstream");
  app.set_version_flag("--version", SLIPSTREAM_VERSION);
  app.require_subcommand(1);
  std::function<absl::Status()> run;
  bool result_is_printed = false;  // what it prints is what it is run for

  FollowOptions follow;
  CLI::App* follow_command = app.add_subcommand("follow", "copy topics of a cluster into a log dir");
  AddFollowFlags(*follow_command, follow);
  follow_command->footer(FollowPropertiesHelp());
  follow_command->callback([&] { run = [&] { return RunFollow(follow); }; });

  VerifyOptions verify;
  CLI::App* verify_command = app.add_subcommand("verify", "compare log dirs and clusters, batch by batch");
  AddVerifyFlags(*verify_command, verify);
  verify_command->callback([&] {
    run = [&] { return RunVerify(verify); };
    result_is_printed = true;
  });

  LeadFlags lead;
  CLI::App* lead_command = app.add_subcommand("lead", "serve a log dir to Kafka clients");
  AddLeadFlags(*lead_command, lead);
  lead_command->footer(LeadPropertiesHelp());
  lead_command->callback([&] { run = [&] { return RunLead(lead); }; });

  DumpFlags dump;
  CLI::App* dump_command = app.add_subcommand("dump", "show what log, index and checkpoint files hold");
  AddDumpFlags(*dump_command, dump);
  dump_command->callback([&] {
    run = [&] { return RunDump(dump); };
    result_is_printed = true;
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version, unless behind a word that means nothing.
    if (error.get_exit_code() == 0 && !SubcommandIsUnknown(app, argc, argv)) return app.exit(error);
    PrintError(ExplainUsageError(app, error, argc, argv));
    return static_cast<int>(ExitCode::kUsage);
  }
  try {
    AdaptToProcessLimits();
    const absl::Status status = run();
    if (!status.ok()) PrintError(status.message());
    const bool all_printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    // A result that did not reach its reader is none.
    if (result_is_printed && !all_printed && status.ok()) {
      PrintError("cannot write to standard output");
      return static_cast<int>(ExitCode::kRuntime);
    }
    return static_cast<int>(ExitCodeOf(status));
  } catch (const std::exception& error) {
    PrintError(error.what());
    return static_cast<int>(ExitCode::kRuntime);
  }
}

}  // namespace slipstream
