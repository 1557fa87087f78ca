#include "tool/byte_rate.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>
#include <string>

namespace slipstream {
namespace {

struct Unit {
  const char* name;  // lower case
  double bytes;
};
constexpr std::array<Unit, 9> kUnits = {{{"tib", 0x1p40},
                                         {"gib", 0x1p30},
                                         {"mib", 0x1p20},
                                         {"kib", 0x1p10},
                                         {"tb", 1e12},
                                         {"gb", 1e9},
                                         {"mb", 1e6},
                                         {"kb", 1e3},
                                         {"b", 1}}};
constexpr double kRateMax = 0x1p62;

}  // namespace

absl::StatusOr<int64_t> ParseByteRate(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  absl::string_view number = lower;
  absl::ConsumeSuffix(&number, "/s");
  double unit_bytes = 1;
  for (const Unit& unit : kUnits) {
    if (!absl::ConsumeSuffix(&number, unit.name)) continue;
    unit_bytes = unit.bytes;
    break;
  }
  const bool plain = std::ranges::all_of(number, [](char c) { return absl::ascii_isdigit(c) || c == '.'; });
  double value = 0;
  if (!plain || !absl::SimpleAtod(number, &value) || value * unit_bytes < 1 || value * unit_bytes > kRateMax)
    return absl::InvalidArgumentError("must be bytes per second, 1 to 2^62, such as 50MB/s, 1.5GiB/s or 800000");
  return static_cast<int64_t>(value * unit_bytes);
}

}  // namespace slipstream
