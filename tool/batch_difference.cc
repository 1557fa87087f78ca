#include "tool/batch_difference.h"

#include <absl/strings/str_cat.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "log/bytes.h"

namespace slipstream {
namespace {

struct Field {
  const char* name;
  size_t at, bytes;
};
// The three that tell most first; then in the order of the layout (LOG-01).
constexpr std::array<Field, 13> kFields = {{{"base offset", BatchField::kBaseOffset, 8},
                                            {"last offset delta", BatchField::kLastOffsetDelta, 4},
                                            {"crc", BatchField::kCrc, 4},
                                            {"length", BatchField::kLength, 4},
                                            {"partition leader epoch", BatchField::kPartitionLeaderEpoch, 4},
                                            {"magic", BatchField::kMagic, 1},
                                            {"attributes", BatchField::kAttributes, 2},
                                            {"base timestamp", BatchField::kBaseTimestamp, 8},
                                            {"max timestamp", BatchField::kMaxTimestamp, 8},
                                            {"producer id", BatchField::kProducerId, 8},
                                            {"producer epoch", BatchField::kProducerEpoch, 2},
                                            {"base sequence", BatchField::kBaseSequence, 4},
                                            {"record count", BatchField::kRecordCount, 4}}};

std::string FieldValue(ByteSpan batch, const Field& field) {
  if (field.at == BatchField::kCrc) return fmt::format("{:#010x}", ReadBigEndian<uint32_t>(batch, field.at));
  switch (field.bytes) {
    case 1: return absl::StrCat(static_cast<int>(batch[field.at]));
    case 2: return absl::StrCat(ReadBigEndian<int16_t>(batch, field.at));
    case 4: return absl::StrCat(ReadBigEndian<int32_t>(batch, field.at));
    default: return absl::StrCat(ReadBigEndian<int64_t>(batch, field.at));
  }
}

}  // namespace

std::string Difference::Describe() const {
  return absl::StrCat(partition.ToString(), offset ? absl::StrCat(" at offset ", offset->value) : "", ": ", field,
                      ": A ", a, ", B ", b);
}

bool SameBytes(const RecordBatchView& a, const RecordBatchView& b) {
  return a.bytes().size() == b.bytes().size() && std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

Difference Explain(const TopicPartition& partition, const RecordBatchView& a, const RecordBatchView& b) {
  const Offset offset = std::min(a.base_offset(), b.base_offset());
  for (const Field& field : kFields) {
    if (std::memcmp(a.bytes().data() + field.at, b.bytes().data() + field.at, field.bytes) != 0)
      return {partition, offset, field.name, FieldValue(a.bytes(), field), FieldValue(b.bytes(), field)};
  }
  const size_t at = static_cast<size_t>(std::ranges::mismatch(a.bytes(), b.bytes()).in1 - a.bytes().begin());
  const auto hex = [at](const RecordBatchView& batch) {
    return fmt::format("{:#04x}", static_cast<unsigned>(batch.bytes()[at]));
  };
  return {partition, offset, absl::StrCat("byte ", at, " of the batch"), hex(a), hex(b)};
}

}  // namespace slipstream
