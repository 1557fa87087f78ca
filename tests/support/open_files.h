// What this process holds open, as the kernel tells it.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace slipstream {

// Names of the open files below `directory`, one for each descriptor.
inline std::vector<std::string> OpenFilesBelow(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& descriptor : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code closed_meanwhile;
    const std::string target = std::filesystem::read_symlink(descriptor.path(), closed_meanwhile);
    if (target.compare(0, directory.native().size(), directory.native()) == 0)
      names.push_back(std::filesystem::path(target).filename());
  }
  return names;
}

}  // namespace slipstream
