#include "tool/lead_command.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/ip/address.hpp>

#include "log/asio.h"
#include "log/status.h"
#include "tool/exit_code.h"
#include "tool/flag_checks.h"
#include "tool/generate_flags.h"
#include "tool/log_properties.h"

namespace slipstream {
namespace {

PropertyTable LeadProperties(LeadOptions& options) {
  PropertyTable table;
  AddLogProperties(table, options.log);
  AddCleanerProperties(table, options.compaction);
  return table;
}

// 0.0.0.0 or ::, every address of the machine: fine to listen on, but no client can connect to it.
bool IsWildcard(const Endpoint& endpoint) {
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(endpoint.host, error);
  return !error && address.is_unspecified();
}

absl::Status ReadAddresses(const LeadFlags& flags, LeadOptions& options) {
  absl::StatusOr<Endpoint> listen = ParseEndpoint(flags.listen, true);
  if (!listen.ok()) return Annotate(listen.status(), "--listen");
  options.listen = *std::move(listen);
  boost::system::error_code no_address;
  asio::ip::make_address(options.listen.host, no_address);
  if (no_address)  // a name may stand for several addresses
    return absl::InvalidArgumentError(absl::StrCat("--listen: '", flags.listen,
                                                   "': the host must be an IP address of this machine, not a name; "
                                                   "--advertise takes a name"));
  if (flags.advertise.empty()) {
    if (!IsWildcard(options.listen)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen: '", flags.listen, "' is every address: --advertise HOST:PORT must say where clients connect"));
  }
  absl::StatusOr<Endpoint> advertise = ParseEndpoint(flags.advertise);
  if (!advertise.ok()) return Annotate(advertise.status(), "--advertise");
  if (IsWildcard(*advertise))
    return absl::InvalidArgumentError(
        absl::StrCat("--advertise: '", flags.advertise, "' is every address, clients cannot connect to it"));
  options.advertise = *std::move(advertise);
  return absl::OkStatus();
}

absl::Status ReadFlags(const LeadFlags& flags, LeadOptions& options) {
  SLIP_RETURN_IF_ERROR(ReadAddresses(flags, options));
  for (const std::string& text : flags.generate) {
    absl::StatusOr<GenerateSpec> spec = ParseGenerateSpec(text);
    if (!spec.ok()) return Annotate(spec.status(), "--generate");
    options.generate.push_back(*std::move(spec));
  }
  for (const std::string& text : flags.cut) {
    absl::StatusOr<CutSpec> spec = ParseCutSpec(text);
    if (!spec.ok()) return Annotate(spec.status(), "--cut");
    options.cut.push_back(*std::move(spec));
  }
  const PropertyTable table = LeadProperties(options);
  if (!flags.config.empty()) SLIP_RETURN_IF_ERROR(table.ApplyFile(flags.config));
  for (const std::string& property : flags.properties) SLIP_RETURN_IF_ERROR(table.ApplyFlag(property));
  SLIP_RETURN_IF_ERROR(options.generate_options.Validate());
  SLIP_RETURN_IF_ERROR(options.compaction.Validate());
  return options.log.Validate();
}

}  // namespace

void AddLeadFlags(CLI::App& command, LeadFlags& flags) {
  LeadOptions& options = flags.options;
  command.add_option("--log-dir", options.log_dir, "directory to serve, created when absent")
      ->required()
      ->check(NotEmpty());
  command.add_option("--listen", flags.listen, "IP:PORT; port 0 takes any free one")
      ->capture_default_str()
      ->check(NotEmpty());
  command
      .add_option(
          "--advertise", flags.advertise,
          "HOST:PORT that clients are told to connect to (default: that of --listen, which is then no wildcard)")
      ->check(NotEmpty());
  command
      .add_option("--generate", flags.generate,
                  "TOPIC:PARTITIONS:BYTES: fill a topic with records first; may be given again")
      ->allow_extra_args(false);
  command.add_option("--generate-batch-bytes", options.generate_options.batch_bytes, "of a generated batch")
      ->capture_default_str();
  command
      .add_option("--generate-epochs", options.generate_options.epochs,
                  "leader epochs that the generated records are spread over")
      ->capture_default_str();
  command
      .add_option("--cut", flags.cut,
                  "TOPIC:BYTES: before all else lose so much of each partition, as an unclean election does")
      ->allow_extra_args(false);
  command.add_option("--segment-bytes", options.log.segment_bytes, "of a log segment")->capture_default_str();
  command.add_option("--property", flags.properties, "KEY=VALUE; see below")->allow_extra_args(false);
  command.add_option("--config", flags.config, "file of KEY=VALUE lines; --property wins")->check(NotEmpty());
  command.add_flag("--auto-create", options.auto_create, "make topics that clients ask for");
}

std::string LeadPropertiesHelp() {
  LeadOptions options;
  return LeadProperties(options).Help();
}

absl::Status RunLead(LeadFlags flags) {
  if (const absl::Status read = ReadFlags(flags, flags.options); !read.ok())
    return WithExitCode(read, ExitCode::kUsage);
  return RunLead(flags.options);
}

}  // namespace slipstream
