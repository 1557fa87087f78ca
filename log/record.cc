#include "log/record.h"

#include <absl/strings/str_cat.h>

#include <limits>

namespace slipstream {
namespace {

constexpr int32_t kNullLength = -1;

std::optional<ByteSpan> NullableBytes(ByteCursor& cursor) {
  const int32_t length = cursor.ZigzagVarint();
  if (length == kNullLength) return std::nullopt;
  return cursor.Bytes(length);  // a length below -1 fails the cursor
}

RecordHeader ReadHeader(ByteCursor& cursor) {
  RecordHeader header;
  header.key = cursor.Text(cursor.ZigzagVarint());  // a null key, length -1, fails the cursor
  header.value = NullableBytes(cursor);
  return header;
}

// Timestamps come from peers: sums wrap as Java's do instead of being undefined.
int64_t WrappingAdd(int64_t left, int64_t right) {
  return static_cast<int64_t>(static_cast<uint64_t>(left) + static_cast<uint64_t>(right));
}

}  // namespace

std::optional<RecordHeader> RecordHeaders::Next() {
  if (remaining_ == 0) return std::nullopt;
  ByteCursor cursor(bytes_);
  const RecordHeader header = ReadHeader(cursor);
  SLIP_CHECK(!cursor.failed());
  bytes_ = bytes_.subspan(cursor.position());
  --remaining_;
  return header;
}

RecordCursor::RecordCursor(RecordBatchView batch, ByteSpan plain) : batch_(batch), rest_(plain) {
  if (batch.record_count() < 0) Corrupt(absl::StrCat("record count ", batch.record_count()));
}

bool RecordCursor::Corrupt(absl::string_view what) {
  status_ = absl::DataLossError(
      absl::StrCat("record ", seen_, " of the batch with base offset ", batch_.base_offset().value, ": ", what));
  return false;
}

bool RecordCursor::Next() {
  if (!status_.ok()) return false;
  if (seen_ == batch_.record_count()) {
    if (!rest_.empty()) return Corrupt(absl::StrCat(rest_.size(), " bytes follow the last record"));
    return false;
  }
  ByteCursor outer(rest_);
  const int32_t length = outer.ZigzagVarint();
  if (outer.failed()) return Corrupt("its length is cut or too long");
  const ByteSpan body = outer.Bytes(length);
  if (outer.failed()) return Corrupt(absl::StrCat("length ", length, " with ", outer.remaining(), " bytes left"));

  ByteCursor cursor(body);
  cursor.Int8();  // attributes: no bit has a meaning
  const int64_t timestamp_delta = cursor.ZigzagVarlong();
  const int32_t offset_delta = cursor.ZigzagVarint();
  record_.key = NullableBytes(cursor);
  record_.value = NullableBytes(cursor);
  const int32_t header_count = cursor.ZigzagVarint();
  if (cursor.failed()) return Corrupt("a field runs past its end");
  if (header_count < 0 || static_cast<size_t>(header_count) > cursor.remaining())
    return Corrupt(absl::StrCat("header count ", header_count, " with ", cursor.remaining(), " bytes left"));
  record_.headers = RecordHeaders(body.subspan(cursor.position()), header_count);
  for (int32_t i = 0; i < header_count && !cursor.failed(); ++i) ReadHeader(cursor);
  if (cursor.failed()) return Corrupt("a header runs past its end or has no key");
  if (cursor.remaining() != 0) return Corrupt(absl::StrCat(cursor.remaining(), " bytes follow its headers"));
  if (offset_delta <= last_delta_ || offset_delta > batch_.last_offset_delta())
    return Corrupt(absl::StrCat("offset delta ", offset_delta, " after ", last_delta_, ", last of the batch ",
                                batch_.last_offset_delta()));

  record_.offset = batch_.base_offset() + offset_delta;
  record_.timestamp = batch_.has_log_append_time()
                          ? batch_.max_timestamp()
                          : Timestamp{WrappingAdd(batch_.base_timestamp().value, timestamp_delta)};
  record_.sequence = AdvanceSequence(batch_.base_sequence(), offset_delta);
  last_delta_ = offset_delta;
  bytes_ = rest_.first(outer.position());
  rest_ = rest_.subspan(outer.position());
  ++seen_;
  return true;
}

}  // namespace slipstream
