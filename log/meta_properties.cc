#include "log/meta_properties.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kFileName[] = "meta.properties";
constexpr char kCleanShutdownName[] = ".kafka_cleanshutdown";
// The broker epoch is the controller's business: unknown is always right (LOG-56).
constexpr char kCleanShutdownContent[] = R"({"version":0,"brokerEpoch":-1})";

using Properties = absl::flat_hash_map<std::string, std::string>;

// Java's property text, as far as a tool or a hand puts it into this file: comments, any separator, escaped characters.
// Unicode escapes and continued lines are refused: no valid id needs them.
absl::StatusOr<Properties> ParseProperties(absl::string_view content) {
  Properties properties;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    const auto refuse = [&line] {
      return absl::DataLossError(absl::StrCat("line '", line, "' is not '<key>=<value>'"));
    };
    const size_t key_end = line.find_first_of("=: \t");
    if (key_end == 0 || key_end == absl::string_view::npos) return refuse();
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(line.substr(key_end));
    if (!rest.empty() && (rest[0] == '=' || rest[0] == ':')) rest = absl::StripLeadingAsciiWhitespace(rest.substr(1));
    std::string& value = properties[line.substr(0, key_end)];
    value.clear();
    for (size_t i = 0; i < rest.size(); ++i) {
      if (rest[i] == '\\' && (++i == rest.size() || absl::ascii_isalnum(rest[i]))) return refuse();
      value.push_back(rest[i]);
    }
  }
  return properties;
}

absl::StatusOr<std::string> RequiredValue(const Properties& properties, absl::string_view key) {
  const auto found = properties.find(key);
  if (found == properties.end() || found->second.empty())
    return absl::DataLossError(absl::StrCat("no value for ", key));
  return found->second;
}

absl::StatusOr<int32_t> RequiredNumber(const Properties& properties, absl::string_view key) {
  SLIP_ASSIGN_OR_RETURN(const std::string text, RequiredValue(properties, key));
  int32_t value = -1;
  if (!absl::SimpleAtoi(text, &value) || value < 0)
    return absl::DataLossError(absl::StrCat(key, " '", text, "' is not a number from 0 on"));
  return value;
}

absl::StatusOr<MetaProperties> Interpret(const Properties& properties) {
  SLIP_ASSIGN_OR_RETURN(const int32_t version, RequiredNumber(properties, "version"));
  if (version > 1) return absl::DataLossError(absl::StrCat("version ", version, ", only 0 and 1 are known"));
  MetaProperties meta;
  SLIP_ASSIGN_OR_RETURN(meta.cluster_id, RequiredValue(properties, "cluster.id"));
  SLIP_ASSIGN_OR_RETURN(meta.node_id, RequiredNumber(properties, version == 0 ? "broker.id" : "node.id"));
  const auto directory_id = properties.find("directory.id");
  if (directory_id == properties.end()) return meta;
  const absl::StatusOr<Uuid> id = Uuid::Parse(directory_id->second);
  if (!id.ok()) return absl::DataLossError(absl::StrCat("directory.id: ", id.status().message()));
  meta.directory_id = *id;
  return meta;
}

std::string Escape(absl::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (absl::StrContains(R"(\:=#! )", c)) escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

}  // namespace

absl::StatusOr<std::optional<MetaProperties>> ReadMetaProperties(FileIo& io, const std::filesystem::path& log_dir) {
  const std::filesystem::path path = log_dir / kFileName;
  const absl::StatusOr<std::string> content = ReadWholeFile(io, path);
  if (absl::IsNotFound(content.status())) return std::nullopt;
  SLIP_RETURN_IF_ERROR(content.status());
  const absl::StatusOr<Properties> properties = ParseProperties(*content);
  if (!properties.ok()) return Annotate(properties.status(), path.native());
  const absl::StatusOr<MetaProperties> meta = Interpret(*properties);
  if (!meta.ok()) return Annotate(meta.status(), path.native());
  return *meta;
}

absl::Status WriteMetaProperties(FileIo& io, const std::filesystem::path& log_dir, const MetaProperties& properties) {
  std::string content = absl::StrCat("cluster.id=", Escape(properties.cluster_id), "\n");
  if (!properties.directory_id.IsZero())
    absl::StrAppend(&content, "directory.id=", properties.directory_id.ToString(), "\n");
  absl::StrAppend(&content, "node.id=", properties.node_id, "\nversion=1\n");
  return ReplaceFile(io, log_dir / kFileName, content);
}

absl::StatusOr<bool> TakeCleanShutdownMark(FileIo& io, const std::filesystem::path& log_dir) {
  const std::filesystem::path path = log_dir / kCleanShutdownName;
  if (!io.Exists(path)) return false;
  // Opened first: a mark that is gone, but not for good, would not be taken again.
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> directory, io.Open(log_dir, OpenMode::kDirectory));
  SLIP_RETURN_IF_ERROR(io.Remove(path));
  SLIP_RETURN_IF_ERROR(directory->Sync());
  return true;
}

absl::Status WriteCleanShutdownMark(FileIo& io, const std::filesystem::path& log_dir) {
  return ReplaceFile(io, log_dir / kCleanShutdownName, kCleanShutdownContent);
}

}  // namespace slipstream
