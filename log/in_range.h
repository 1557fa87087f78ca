// The check that every config's Validate is made of.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <cstdint>

namespace slipstream {

// kInvalidArgument names the field, its value and the bounds.
inline absl::Status CheckInRange(absl::string_view name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " = ", value, ", must be ", low, " to ", high));
}

}  // namespace slipstream
