// A path that is kept for long and seldom used: its text alone. std::filesystem::path also keeps its parts, some 50
// bytes each, and there is one for each of very many logs.
#pragma once

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <filesystem>
#include <string>

namespace slipstream {

class StoredPath {
 public:
  explicit StoredPath(const std::filesystem::path& path) : text_(path.native()) {}

  operator std::filesystem::path() const { return text_; }
  std::filesystem::path operator/(absl::string_view name) const { return absl::StrCat(text_, "/", name); }
  const std::string& native() const { return text_; }

 private:
  std::string text_;
};

}  // namespace slipstream
