// Assertions that stay on in release builds: for our own mistakes only, never for bytes from a peer or a disk.
#pragma once

#include <absl/strings/str_cat.h>

#include <string>
#include <type_traits>

namespace slipstream {

// Prints `message` to stderr and aborts. Never returns.
[[noreturn]] void CheckFailed(const char* file, int line, const std::string& message);

namespace check_internal {
template <typename T>
std::string Print(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return absl::StrCat(static_cast<int64_t>(value));
  } else if constexpr (requires { absl::StrCat(value); }) {
    return absl::StrCat(value);
  } else if constexpr (requires { absl::StrCat(value.value); }) {
    return absl::StrCat(value.value);
  } else {
    return "?";
  }
}
}  // namespace check_internal
}  // namespace slipstream

#define SLIP_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::slipstream::CheckFailed(__FILE__, __LINE__, "check failed: " #condition))

// Print both sides when they disagree.
#define SLIP_CHECK_OP(op, left, right)                                                                 \
  do {                                                                                                 \
    const auto& slip_left = (left);                                                                    \
    const auto& slip_right = (right);                                                                  \
    if (!(slip_left op slip_right)) [[unlikely]]                                                       \
      ::slipstream::CheckFailed(__FILE__, __LINE__,                                                    \
                                ::absl::StrCat("check failed: " #left " " #op " " #right " (",         \
                                               ::slipstream::check_internal::Print(slip_left), " vs ", \
                                               ::slipstream::check_internal::Print(slip_right), ")")); \
  } while (false)
#define SLIP_CHECK_EQ(left, right) SLIP_CHECK_OP(==, left, right)
#define SLIP_CHECK_LE(left, right) SLIP_CHECK_OP(<=, left, right)
#define SLIP_CHECK_LT(left, right) SLIP_CHECK_OP(<, left, right)
#define SLIP_CHECK_GE(left, right) SLIP_CHECK_OP(>=, left, right)
#define SLIP_CHECK_GT(left, right) SLIP_CHECK_OP(>, left, right)
