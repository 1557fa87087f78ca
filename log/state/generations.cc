#include "log/state/generations.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr char kPrefix[] = "generation-";

// 0: not the name of a generation.
uint32_t NumberOf(absl::string_view name) {
  uint32_t number = 0;
  if (!absl::ConsumePrefix(&name, kPrefix) || name.empty()) return 0;
  if (!std::ranges::all_of(name, absl::ascii_isdigit) || !absl::SimpleAtoi(name, &number)) return 0;
  return number;
}

}  // namespace

absl::StatusOr<std::filesystem::path> CurrentGeneration(FileIo& io, const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kCurrentGenerationFile;
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  absl::string_view name = content;
  if (!absl::ConsumeSuffix(&name, "\n") || NumberOf(name) == 0)
    return absl::DataLossError(absl::StrCat(path.native(), ": '", content, "' names no generation"));
  return directory / std::string(name);
}

absl::StatusOr<std::filesystem::path> NextGeneration(FileIo& io, const std::filesystem::path& directory) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(directory, /*directories=*/true));
  uint32_t newest = 0;
  for (const std::string& name : names) newest = std::max(newest, NumberOf(name));
  return directory / absl::StrCat(kPrefix, newest + 1);
}

absl::Status MakeCurrent(FileIo& io, const std::filesystem::path& generation) {
  const std::filesystem::path directory = generation.parent_path();
  SLIP_RETURN_IF_ERROR(io.SyncDirectory(directory));
  return ReplaceFile(io, directory / kCurrentGenerationFile, absl::StrCat(generation.filename().native(), "\n"));
}

absl::Status RemoveOtherGenerations(FileIo& io, const std::filesystem::path& directory) {
  const absl::StatusOr<std::filesystem::path> current = CurrentGeneration(io, directory);
  if (!current.ok() && !absl::IsNotFound(current.status())) return current.status();
  SLIP_ASSIGN_OR_RETURN(const std::vector<std::string> names, io.List(directory, /*directories=*/true));
  for (const std::string& name : names) {
    const bool is_generation = absl::StartsWith(name, kPrefix);  // "generation-2.tmp" too: RocksDB's, half made
    if (is_generation && !(current.ok() && directory / name == *current))
      SLIP_RETURN_IF_ERROR(io.RemoveTree(directory / name));
  }
  return absl::OkStatus();
}

}  // namespace slipstream
