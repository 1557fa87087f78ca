#include "tool/properties.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>

#include "log/io/file_io.h"
#include "log/status.h"
#include "tool/nearest.h"

namespace slipstream {

constexpr uint64_t kConfigFileBytesMax = 1 << 20;

void PropertyTable::Add(std::string name, std::string help, Setter set) {
  properties_.push_back({std::move(name), std::move(help), std::move(set)});
}

void PropertyTable::AddInt(std::string name, std::string help, std::function<void(int64_t)> set) {
  Add(std::move(name), std::move(help), [set = std::move(set)](absl::string_view value) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(value, &number)) return absl::InvalidArgumentError("is not a whole number");
    set(number);
    return absl::OkStatus();
  });
}

void PropertyTable::AddInt32(std::string name, std::string help, int32_t& field) {
  Add(std::move(name), std::move(help), [&field](absl::string_view value) {
    // absl reads into 32 bits only what fits.
    if (absl::SimpleAtoi(value, &field)) return absl::OkStatus();
    return absl::InvalidArgumentError("is not a whole number between -2147483648 and 2147483647");
  });
}

void PropertyTable::AddMilliseconds(std::string name, std::string help, std::chrono::milliseconds& field) {
  AddInt(std::move(name), std::move(help), [&field](int64_t value) { field = std::chrono::milliseconds(value); });
}

void PropertyTable::AddBool(std::string name, std::string help, std::function<void(bool)> set) {
  Add(std::move(name), std::move(help), [set = std::move(set)](absl::string_view value) {
    if (value != "true" && value != "false") return absl::InvalidArgumentError("is neither true nor false");
    set(value == "true");
    return absl::OkStatus();
  });
}

absl::Status PropertyTable::Apply(absl::string_view key, absl::string_view value, absl::string_view source) const {
  const auto found = std::find_if(properties_.begin(), properties_.end(),
                                  [&](const Property& property) { return property.name == key; });
  if (found == properties_.end()) {
    std::vector<std::string> names;
    for (const Property& property : properties_) names.push_back(property.name);
    const std::string nearest = NearestWord(key, names);
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": unknown property '", key, "'",
                     nearest.empty() ? "" : absl::StrCat(", did you mean '", nearest, "'?")));
  }
  const absl::Status set = found->set(value);
  return set.ok() ? set
                  : absl::InvalidArgumentError(absl::StrCat(source, ": ", key, " = '", value, "' ", set.message()));
}

absl::Status PropertyTable::ApplyFlag(absl::string_view text) const {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos)
    return absl::InvalidArgumentError(absl::StrCat("--property '", text, "' is not KEY=VALUE"));
  return Apply(text.substr(0, equals), text.substr(equals + 1), "--property");
}

absl::Status PropertyTable::ApplyFile(const std::string& path) const {
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(SystemFileIo(), path, kConfigFileBytesMax));
  int line_number = 0;
  for (const absl::string_view line : absl::StrSplit(content, '\n')) {
    ++line_number;
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.front() == '#' || text.front() == '!') continue;
    const std::string source = absl::StrCat(path, " line ", line_number);
    const size_t separator = text.find_first_of("=:");
    if (separator == absl::string_view::npos)
      return absl::InvalidArgumentError(absl::StrCat(source, ": '", text, "' is not KEY=VALUE"));
    SLIP_RETURN_IF_ERROR(Apply(absl::StripAsciiWhitespace(text.substr(0, separator)),
                               absl::StripAsciiWhitespace(text.substr(separator + 1)), source));
  }
  return absl::OkStatus();
}

std::string PropertyTable::Help() const {
  std::string text = "Properties (--property KEY=VALUE, or lines of a --config file):\n";
  for (const Property& property : properties_)
    absl::StrAppend(&text, "  ", property.name, "\n      ", property.help, "\n");
  return text;
}

}  // namespace slipstream
