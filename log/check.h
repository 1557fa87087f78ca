// Assertions that stay on in release builds: for our own mistakes only, never for bytes from a peer or a disk.
#pragma once

#include <absl/strings/str_cat.h>

#include <string>
#include <type_traits>

namespace slipstream {

// Prints `message` to stderr and aborts. A plain text, and cold: else every check brings the making of a string into
// the function it is in, and functions that only read a number become too large to be inlined.
[[noreturn, gnu::cold]] void CheckFailed(const char* file, int line, const char* message);

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

template <typename Left, typename Right>
[[noreturn, gnu::cold, gnu::noinline]] void CheckOpFailed(const char* file, int line, const char* what,
                                                          const Left& left, const Right& right) {
  CheckFailed(file, line, absl::StrCat("check failed: ", what, " (", Print(left), " vs ", Print(right), ")").c_str());
}
}  // namespace check_internal
}  // namespace slipstream

#define SLIP_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::slipstream::CheckFailed(__FILE__, __LINE__, "check failed: " #condition))

// Print both sides when they disagree.
#define SLIP_CHECK_OP(op, left, right)                                                                     \
  do {                                                                                                     \
    const auto& slip_left = (left);                                                                        \
    const auto& slip_right = (right);                                                                      \
    if (!(slip_left op slip_right)) [[unlikely]]                                                           \
      ::slipstream::check_internal::CheckOpFailed(__FILE__, __LINE__, #left " " #op " " #right, slip_left, \
                                                  slip_right);                                             \
  } while (false)
#define SLIP_CHECK_EQ(left, right) SLIP_CHECK_OP(==, left, right)
#define SLIP_CHECK_LE(left, right) SLIP_CHECK_OP(<=, left, right)
#define SLIP_CHECK_LT(left, right) SLIP_CHECK_OP(<, left, right)
#define SLIP_CHECK_GE(left, right) SLIP_CHECK_OP(>=, left, right)
#define SLIP_CHECK_GT(left, right) SLIP_CHECK_OP(>, left, right)
