// Printing that never ends the work: a full disk or a closed pipe behind it costs the text only. Where the text is the
// result, the program ends with an error.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <utility>

namespace slipstream {

template <typename... Args>
void PrintTo(std::FILE* stream, fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  (void)std::fwrite(text.data(), 1, text.size(), stream);
}

}  // namespace slipstream
