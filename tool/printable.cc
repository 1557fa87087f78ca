#include "tool/printable.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdint>

namespace slipstream {
namespace {

uint8_t ByteAt(absl::string_view text, size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; }

bool Continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// Bytes of the printable character that the text begins with; 0: it begins with none.
size_t CharacterBytes(absl::string_view text) {
  const uint8_t first = ByteAt(text, 0), second = ByteAt(text, 1);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < bytes; ++i)
    if (!Continues(ByteAt(text, i))) return 0;
  const bool control = first == 0xc2 && second < 0xa0;  // C1: some terminals obey them as they do ESC
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return control || overlong || no_character ? 0 : bytes;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes > 0) {
      absl::StrAppend(&printable, text.substr(0, bytes));
    } else {
      absl::StrAppend(&printable, "\\x", absl::Hex(ByteAt(text, 0), absl::kZeroPad2));
    }
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return printable;
}

}  // namespace slipstream
