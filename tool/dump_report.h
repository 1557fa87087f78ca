// Where the parts of a dump write to, and the count of what they found wrong.
#pragma once

#include <absl/strings/str_cat.h>

#include <filesystem>
#include <ostream>

#include "tool/printable.h"

namespace slipstream {

class DumpReport {
 public:
  explicit DumpReport(std::ostream& out) : out_(out) {}

  void Line(absl::string_view text) { out_ << Printable(text) << '\n'; }
  void Problem(const std::filesystem::path& file, absl::string_view what) {
    ++problems_;
    Line(absl::StrCat("Problem: ", file.filename().native(), ": ", what));
  }
  int problems() const { return problems_; }

 private:
  std::ostream& out_;
  int problems_ = 0;
};

}  // namespace slipstream
