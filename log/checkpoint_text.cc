#include "log/checkpoint_text.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <limits>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr int64_t kCheckpointVersion = 0;
constexpr char kWhitespace[] = " \t\r\v\f";

// Hands out the lines of a text and knows the number of the last one, for messages.
class LineReader {
 public:
  explicit LineReader(absl::string_view rest) : rest_(rest) {}

  bool AtEnd() const { return rest_.empty(); }
  size_t line_number() const { return line_number_; }

  absl::StatusOr<absl::string_view> Next() {
    ++line_number_;
    if (AtEnd()) return absl::DataLossError("the line is missing");
    const size_t end = rest_.find('\n');
    if (end == absl::string_view::npos) return absl::DataLossError("the line is cut");
    const absl::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }

 private:
  absl::string_view rest_;
  size_t line_number_ = 0;
};

absl::StatusOr<int64_t> NextNumber(LineReader& lines, absl::string_view what, int64_t max) {
  SLIP_ASSIGN_OR_RETURN(const absl::string_view line, lines.Next());
  return ParseCheckpointNumber(line, what, max);
}

absl::Status ParseLines(LineReader& lines, size_t fields_per_entry,
                        absl::FunctionRef<absl::Status(CheckpointFields)> entry) {
  SLIP_ASSIGN_OR_RETURN(const int64_t version, NextNumber(lines, "version", std::numeric_limits<int32_t>::max()));
  if (version != kCheckpointVersion)
    return absl::DataLossError(absl::StrCat("version ", version, ", only ", kCheckpointVersion, " is known"));
  SLIP_ASSIGN_OR_RETURN(const int64_t count, NextNumber(lines, "count", std::numeric_limits<int32_t>::max()));
  for (int64_t i = 0; i < count; ++i) {
    SLIP_ASSIGN_OR_RETURN(const absl::string_view line, lines.Next());
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::ByAnyChar(kWhitespace), absl::SkipEmpty());
    if (fields.size() != fields_per_entry)
      return absl::DataLossError(absl::StrCat("'", line, "' has ", fields.size(), " fields, not ", fields_per_entry));
    SLIP_RETURN_IF_ERROR(entry(fields));
  }
  if (!lines.AtEnd()) return absl::DataLossError(absl::StrCat("more lines follow than the ", count, " announced"));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadCheckpointText(FileIo& io, const std::filesystem::path& path, size_t fields_per_entry,
                                absl::FunctionRef<absl::Status(CheckpointFields)> entry) {
  const absl::StatusOr<std::string> content = ReadWholeFile(io, path);
  if (absl::IsNotFound(content.status())) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(content.status());
  if (content->empty()) return absl::OkStatus();
  LineReader lines(*content);
  const absl::Status status = ParseLines(lines, fields_per_entry, entry);
  if (status.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path.native(), " line ", lines.line_number(), ": ", status.message()));
}

absl::Status WriteCheckpointText(FileIo& io, const std::filesystem::path& path,
                                 const std::vector<std::string>& entries) {
  return ReplaceFile(io, path, CheckpointText(entries));
}

std::string CheckpointText(const std::vector<std::string>& entries) {
  std::string content = absl::StrCat(kCheckpointVersion, "\n", entries.size(), "\n");
  for (const std::string& entry : entries) absl::StrAppend(&content, entry, "\n");
  return content;
}

absl::StatusOr<int64_t> ParseCheckpointNumber(absl::string_view text, absl::string_view what, int64_t max) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return absl::DataLossError(absl::StrCat(what, " '", text, "' is not a number"));
  if (value < 0 || value > max) return absl::DataLossError(absl::StrCat(what, " ", value, " is not in 0..", max));
  return value;
}

}  // namespace slipstream
