#include "session/wire/error_message.h"

namespace slipstream {
namespace {

constexpr absl::string_view kCutMark = "...";

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

std::string ErrorMessage(absl::string_view why) {
  if (why.size() <= kErrorMessageBytesMax) return std::string(why.data(), why.size());
  size_t kept = kErrorMessageBytesMax - kCutMark.size();
  while (kept > 0 && ContinuesCharacter(why[kept])) --kept;
  std::string cut(why.data(), kept);
  cut.append(kCutMark.data(), kCutMark.size());
  return cut;
}

}  // namespace slipstream
