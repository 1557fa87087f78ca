#include "tool/verify.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <regex>
#include <vector>

#include "log/crc32c.h"
#include "log/status.h"
#include "tool/batch_difference.h"
#include "tool/cluster_source.h"
#include "tool/exit_code.h"
#include "tool/flag_checks.h"
#include "tool/log_dir_source.h"
#include "tool/verify_report.h"

namespace slipstream {
namespace {

constexpr absl::string_view kClusterScheme = "kafka://";

// Which topics take part: those that every pattern matches whole.
class TopicFilter {
 public:
  absl::Status Add(const std::string& pattern) {
    try {
      patterns_.emplace_back(pattern);
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(absl::StrCat("'", pattern, "' is not a regular expression: ", error.what()));
    }
    names_internal_ = names_internal_ || absl::StartsWith(pattern, "__");
    return absl::OkStatus();
  }
  bool Wanted(const std::string& topic) const {
    // A copy made with .* has none of them, so a comparison with .* must not ask for them.
    if (!patterns_.empty() && IsInternalTopic(topic) && !names_internal_) return false;
    return std::ranges::all_of(patterns_, [&](const std::regex& pattern) { return std::regex_match(topic, pattern); });
  }

 private:
  std::vector<std::regex> patterns_;
  bool names_internal_ = false;
};

// A or B as given on the command line.
struct Side {
  std::string text;
  std::vector<Endpoint> brokers;  // empty: log dirs
};

absl::StatusOr<Side> ParseSide(const std::string& text, TopicFilter& filter) {
  Side side{.text = text, .brokers = {}};
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, kClusterScheme)) {
    if (absl::StrContains(text, "://"))
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is neither a log dir nor kafka://HOST:PORT[,HOST:PORT]/TOPIC-REGEX"));
    return side;
  }
  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos || slash + 1 == rest.size())
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' names no topics: kafka://HOST:PORT[,HOST:PORT]/TOPIC-REGEX is expected"));
  SLIP_ASSIGN_OR_RETURN(side.brokers, ParseEndpoints(rest.substr(0, slash)));
  SLIP_RETURN_IF_ERROR(filter.Add(std::string(rest.substr(slash + 1))));
  return side;
}

absl::StatusOr<std::unique_ptr<BatchSource>> OpenSide(const Side& side) {
  if (side.brokers.empty()) return LogDirSource::Open(SystemFileIo(), side.text);
  return ClusterSource::Open(side.brokers, ClientConfig(), side.text);
}

std::vector<TopicPartition> Wanted(const std::vector<TopicPartition>& partitions, const TopicFilter& filter) {
  std::vector<TopicPartition> wanted;
  std::ranges::copy_if(partitions, std::back_inserter(wanted),
                       [&](const TopicPartition& partition) { return filter.Wanted(partition.topic); });
  return wanted;
}

std::string CrcVerdict(const BatchStream& stream) {
  return stream.crc_valid() ? "is sound"
                            : fmt::format("has crc {:#010x} for bytes that make {:#010x}", stream.batch().crc(),
                                          Crc32c(stream.batch().bytes().subspan(BatchField::kAttributes)));
}

class Comparison {
 public:
  Comparison(BatchSource& a, BatchSource& b, VerifyReport& report) : a_(a), b_(b), report_(report) {}

  // nullopt: no difference.
  absl::StatusOr<std::optional<Difference>> Run(const TopicFilter& filter) {
    const std::vector<TopicPartition> in_a = Wanted(a_.partitions(), filter), in_b = Wanted(b_.partitions(), filter);
    if (in_a.empty() && in_b.empty())
      return WithExitCode(absl::NotFoundError(absl::StrCat("nothing to compare: no partition in A (", a_.name(),
                                                           ") nor in B (", b_.name(), ")")),
                          ExitCode::kCannotStart);
    std::vector<TopicPartition> in_one;
    std::ranges::set_symmetric_difference(in_a, in_b, std::back_inserter(in_one));
    if (!in_one.empty()) {
      const bool a_has_it = std::ranges::binary_search(in_a, in_one.front());
      return Difference{in_one.front(), std::nullopt, "partition", a_has_it ? "has it" : "lacks it",
                        a_has_it ? "lacks it" : "has it"};
    }
    report_.partitions_total = in_a.size();
    for (const TopicPartition& partition : in_a) {
      SLIP_ASSIGN_OR_RETURN(std::optional<Difference> difference, ComparePartition(partition));
      if (difference) return difference;
      ++report_.tally.partitions;
    }
    return std::nullopt;
  }

 private:
  static absl::Status Locate(const absl::Status& status, const TopicPartition& partition, const BatchSource& source) {
    return Annotate(status, absl::StrCat(partition.ToString(), " in ", source.name()));
  }

  absl::StatusOr<std::optional<Difference>> ComparePartition(const TopicPartition& partition) {
    const absl::StatusOr<std::unique_ptr<BatchStream>> a = a_.Open(partition);
    if (!a.ok()) return Locate(a.status(), partition, a_);
    const absl::StatusOr<std::unique_ptr<BatchStream>> b = b_.Open(partition);
    if (!b.ok()) return Locate(b.status(), partition, b_);
    const Offset a_from = (*a)->start_offset(), b_from = (*b)->start_offset();
    report_.tally.begin_later_in_a += a_from > b_from ? 1 : 0;
    report_.tally.begin_later_in_b += b_from > a_from ? 1 : 0;
    const Offset from = std::max(a_from, b_from);
    (*a)->SkipTo(from);
    (*b)->SkipTo(from);
    return CompareStreams(partition, **a, **b);
  }

  absl::StatusOr<std::optional<Difference>> CompareStreams(const TopicPartition& partition, BatchStream& a,
                                                           BatchStream& b) {
    for (;;) {
      const absl::StatusOr<bool> a_goes_on = a.Next();
      if (!a_goes_on.ok()) return Locate(a_goes_on.status(), partition, a_);
      const absl::StatusOr<bool> b_goes_on = b.Next();
      if (!b_goes_on.ok()) return Locate(b_goes_on.status(), partition, b_);
      if (*a_goes_on != *b_goes_on) return ExplainEnd(partition, a, b, *a_goes_on);
      if (!*a_goes_on) return CompareEnds(partition, a, b);
      const RecordBatchView batch = a.batch();
      if (!a.crc_valid() || !b.crc_valid())
        return Difference{partition, batch.base_offset(), "corrupt batch", CrcVerdict(a), CrcVerdict(b)};
      if (!SameBytes(batch, b.batch())) return Explain(partition, batch, b.batch());
      Tally& tally = report_.tally;
      ++tally.batches;
      tally.records += batch.record_count();
      tally.bytes += static_cast<int64_t>(batch.bytes().size());
      report_.Tick(partition);
    }
  }

  absl::StatusOr<std::optional<Difference>> CompareEnds(const TopicPartition& partition, BatchStream& a,
                                                        BatchStream& b) {
    const absl::StatusOr<Offset> a_end = a.EndOffset();
    if (!a_end.ok()) return Locate(a_end.status(), partition, a_);
    const absl::StatusOr<Offset> b_end = b.EndOffset();
    if (!b_end.ok()) return Locate(b_end.status(), partition, b_);
    if (*a_end == *b_end) return std::nullopt;
    return Difference{partition, std::min(*a_end, *b_end), "end", absl::StrCat("ends at ", a_end->value),
                      absl::StrCat("ends at ", b_end->value)};
  }

  // One side has a batch where the other has no more. The ends may still be equal: an empty last segment says where a
  // log goes on, also behind batches that are gone.
  absl::StatusOr<std::optional<Difference>> ExplainEnd(const TopicPartition& partition, BatchStream& a, BatchStream& b,
                                                       bool a_goes_on) {
    const Offset offset = (a_goes_on ? a : b).batch().base_offset();
    SLIP_ASSIGN_OR_RETURN(std::optional<Difference> ends, CompareEnds(partition, a, b));
    if (ends) return ends;
    return Difference{partition, offset, "batch", a_goes_on ? "has it" : "lacks it", a_goes_on ? "lacks it" : "has it"};
  }

  BatchSource& a_;
  BatchSource& b_;
  VerifyReport& report_;
};

}  // namespace

void AddVerifyFlags(CLI::App& command, VerifyOptions& options) {
  command
      .add_option("A", options.a,
                  "a log dir, or several of one node separated by commas, only read, in use or not; or "
                  "kafka://HOST:PORT[,HOST:PORT]/TOPIC-REGEX")
      ->required()
      ->check(NotEmpty());
  command
      .add_option("B", options.b,
                  "the same; the regular expression of one side holds for both, and leaves out Kafka's internal topics "
                  "unless it begins with __")
      ->required()
      ->check(NotEmpty());
  command.add_option("--format", options.format, "human or json")->check(CLI::IsMember({"human", "json"}));
}

absl::Status RunVerify(const VerifyOptions& options) {
  TopicFilter filter;
  const absl::StatusOr<Side> side_a = ParseSide(options.a, filter);
  if (!side_a.ok()) return WithExitCode(side_a.status(), ExitCode::kUsage);
  const absl::StatusOr<Side> side_b = ParseSide(options.b, filter);
  if (!side_b.ok()) return WithExitCode(side_b.status(), ExitCode::kUsage);
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<BatchSource> a, OpenSide(*side_a));
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<BatchSource> b, OpenSide(*side_b));
  VerifyReport report(options.format == "json");
  const absl::StatusOr<std::optional<Difference>> compared = Comparison(*a, *b, report).Run(filter);
  if (!compared.ok()) {
    if (ExitCodeOf(compared.status()) != ExitCode::kCannotStart)
      report.Finish(ExitCodeOf(compared.status()) == ExitCode::kDivergence ? "different" : "failed");
    return compared.status();
  }
  if (!*compared) {
    report.Finish("identical");
    return absl::OkStatus();
  }
  report.PrintDifference(**compared);
  report.Finish("different");
  return WithExitCode(absl::DataLossError((*compared)->Describe()), ExitCode::kDivergence);
}

}  // namespace slipstream
