// Text from outside, on its way to a terminal.
#pragma once

#include <absl/strings/string_view.h>

#include <string>

namespace slipstream {

// `text` with every control character, and every byte that belongs to no UTF-8 character, as \xNN: shown, not obeyed.
std::string Printable(absl::string_view text);

}  // namespace slipstream
