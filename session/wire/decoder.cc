#include "session/wire/decoder.h"

#include <absl/strings/str_cat.h>

namespace slipstream::wire_internal {
namespace {

// Well-formed as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(absl::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    const unsigned char lead = *at;
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || end - at <= more) return false;
    const unsigned char second = at[1];
    const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (int i = 2; i <= more; ++i)
      if ((at[i] & 0xc0) != 0x80) return false;
    at += more + 1;
  }
  return true;
}

}  // namespace

absl::Status Decoder::Finish(absl::string_view message_name) {
  if (!cursor_.failed() && cursor_.remaining() == 0) return absl::OkStatus();
  if (!cursor_.failed())
    return absl::DataLossError(absl::StrCat(message_name, " v", version_, " at byte ", cursor_.position(), ": ",
                                            cursor_.remaining(), " bytes too many"));
  return absl::DataLossError(absl::StrCat(
      message_name, " v", version_, " field ", field_path_.empty() ? "(tagged fields)" : field_path_, " at byte ",
      cursor_.position(), ": ", reason_ != nullptr ? reason_ : "ends too early or has a bad varint"));
}

uint32_t Decoder::ReadTagCount() {
  const uint32_t count = cursor_.UnsignedVarint();
  if (count > cursor_.remaining() / 2) FailWith("more tagged fields than bytes");  // a tag and a size each
  return count;
}

Decoder::TagHead Decoder::ReadTagHead(int64_t last_tag) {
  TagHead head;
  head.tag = cursor_.UnsignedVarint();
  head.size = cursor_.UnsignedVarint();
  if (static_cast<int64_t>(head.tag) <= last_tag) FailWith("tags do not rise");
  if (head.size > cursor_.remaining()) FailWith("tagged field beyond the end");
  if (!cursor_.failed()) head.remaining_after = cursor_.remaining() - head.size;
  return head;
}

int64_t Decoder::ReadLength(int fixed_bytes) {
  if (flexible_) return static_cast<int64_t>(cursor_.UnsignedVarint()) - 1;
  return fixed_bytes == 4 ? cursor_.Int32() : cursor_.Int16();
}

bool Decoder::CountFits(int64_t count, size_t item_bytes_min) {
  if (cursor_.failed()) return false;
  if (count < 0) {
    FailWith(count == -1 ? "null is not allowed" : "negative count");
    return false;
  }
  if (static_cast<uint64_t>(count) > cursor_.remaining() / item_bytes_min && !stop_at_records_) {
    FailWith("more items than bytes");
    return false;
  }
  return true;
}

void Decoder::ReadText(int64_t length, std::string& text, size_t bytes_max) {
  if (cursor_.failed()) return;
  if (length < 0) return FailWith(length == -1 ? "null is not allowed" : "negative length");
  if (static_cast<uint64_t>(length) > cursor_.remaining()) return FailWith("string beyond the end");
  if (static_cast<uint64_t>(length) > bytes_max) return FailWith("string too long");
  const absl::string_view bytes = cursor_.Text(length);
  if (!IsUtf8(bytes)) return FailWith("string is not UTF-8");
  text.assign(bytes.data(), bytes.size());
}

void Decoder::ReadRecords(Records& records) {
  const int64_t length = ReadLength(4);
  records = Records{};
  if (cursor_.failed()) return;
  if (stop_at_records_ && length > 0) {
    records_at_ = cursor_.position();
    cursor_.Fail();
  } else if (length == -1) {
    records.null = true;
  } else if (length < 0 || static_cast<uint64_t>(length) > cursor_.remaining()) {
    FailWith("records beyond the end");
  } else {
    records.bytes = cursor_.Bytes(length);
  }
}

void Decoder::FailWith(const char* reason) {
  if (!cursor_.failed()) reason_ = reason;
  cursor_.Fail();
}

void Decoder::Blame(absl::string_view field_name) {
  field_path_ = field_path_.empty() ? std::string(field_name) : absl::StrCat(field_name, ".", field_path_);
}

}  // namespace slipstream::wire_internal
