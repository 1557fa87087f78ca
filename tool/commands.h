// The subcommands and how their outcome becomes one line on stderr and an exit code.
#pragma once

namespace slipstream {

// Parses the command line, runs the subcommand; returns the process's exit code. An error is one line on stderr.
int RunSlipstream(int argc, char** argv);

}  // namespace slipstream
