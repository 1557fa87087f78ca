#include "log/state/state_codec.h"

namespace slipstream {
namespace {

constexpr char kEscape = '\x00', kEscapedZero = '\xff', kEnd = '\x01';

}  // namespace

void StateCodec<std::string>::Encode(std::string& out, absl::string_view value) {
  for (size_t zero; (zero = value.find(kEscape)) != absl::string_view::npos; value.remove_prefix(zero + 1)) {
    out.append(value.data(), zero);
    out += {kEscape, kEscapedZero};
  }
  out.append(value.data(), value.size());
  out += {kEscape, kEnd};
}

std::string StateCodec<std::string>::Decode(ByteCursor& in) {
  std::string value;
  while (!in.failed()) {
    const char c = static_cast<char>(in.Int8());
    if (c != kEscape) {
      value += c;
      continue;
    }
    const char next = static_cast<char>(in.Int8());
    if (next == kEnd) break;
    if (next != kEscapedZero) in.Fail();
    value += kEscape;
  }
  return in.failed() ? std::string() : value;
}

}  // namespace slipstream
