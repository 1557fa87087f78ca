#include "log/uuid.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <random>

namespace slipstream {
namespace {

constexpr size_t kUuidTextLength = 22;

uint64_t ReadBigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

void AppendBigEndian(uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace

std::string Uuid::ToString() const {
  std::string bytes;
  AppendBigEndian(high, bytes);
  AppendBigEndian(low, bytes);
  std::string text = absl::WebSafeBase64Escape(bytes);
  text.resize(kUuidTextLength);  // some versions pad
  return text;
}

absl::StatusOr<Uuid> Uuid::Parse(absl::string_view text) {
  std::string bytes;
  if (text.size() != kUuidTextLength || !absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() != 16)
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a uuid of ", kUuidTextLength, " base64url characters"));
  return Uuid{ReadBigEndian(absl::string_view(bytes).substr(0, 8)), ReadBigEndian(absl::string_view(bytes).substr(8))};
}

Uuid Uuid::Random() {
  std::random_device device;
  const auto word = [&device] { return static_cast<uint64_t>(device()) << 32 | device(); };
  for (;;) {
    const Uuid id{(word() & ~0xf000ULL) | 0x4000ULL, (word() & ~(3ULL << 62)) | (2ULL << 62)};
    if (id.ToString().front() != '-') return id;
  }
}

}  // namespace slipstream
