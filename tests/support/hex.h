// Golden bytes written down as hex digits; spaces are for the reader.
#pragma once

#include <absl/strings/escaping.h>
#include <absl/strings/str_replace.h>

#include <string>
#include <vector>

#include "log/bytes.h"

namespace slipstream {

inline std::vector<std::byte> FromHex(absl::string_view digits) {
  const std::string bytes = absl::HexStringToBytes(absl::StrReplaceAll(digits, {{" ", ""}}));
  const ByteSpan span = AsBytes(bytes);
  return {span.begin(), span.end()};
}

inline std::string ToHex(ByteSpan bytes) { return absl::BytesToHexString(AsText(bytes)); }

}  // namespace slipstream
