// What an answer tells a person beside its error code.
#pragma once

#include <absl/strings/string_view.h>

#include <string>

namespace slipstream {

inline constexpr size_t kErrorMessageBytesMax = 1024;

// `why` as it may be sent: it can repeat what a client or a disk said, of any length, and is cut to
// kErrorMessageBytesMax between two characters of its UTF-8. Every error_message that is no constant goes through here.
std::string ErrorMessage(absl::string_view why);

}  // namespace slipstream
