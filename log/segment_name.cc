#include "log/segment_name.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

namespace slipstream {

std::string SegmentFileName(Offset base_offset, absl::string_view suffix) {
  return absl::StrCat(absl::Dec(base_offset.value, absl::kZeroPad20), suffix);
}

std::filesystem::path SegmentFile::path() const {
  return *directory / SegmentFileName(base_offset, absl::StrCat(suffix, mark));
}

std::optional<Offset> OffsetFromFileName(absl::string_view name) {
  const absl::string_view digits = name.substr(0, name.find('.'));
  Offset offset;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) return std::nullopt;
  if (!absl::SimpleAtoi(digits, &offset.value)) return std::nullopt;
  return offset;
}

}  // namespace slipstream
