#include "log/state/heap_snapshot.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <utility>

#include "log/crc32c.h"
#include "log/io/make_directory.h"
#include "log/state/state_registry.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 1;
constexpr size_t kCrcFrom = 6, kHeaderBytes = 10;
constexpr uint64_t kFileBytesMax = 1 << 30;

template <typename T>
void AppendNumber(std::string& out, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  WriteBigEndian<T>(bytes, 0, value);
  absl::StrAppend(&out, AsText(bytes));
}

void AppendText(std::string& out, absl::string_view text) {
  AppendNumber<int32_t>(out, static_cast<int32_t>(text.size()));
  absl::StrAppend(&out, text);
}

std::string ReadText(ByteCursor& cursor) { return std::string(cursor.Text(cursor.Int32())); }

bool IsOwnKind(StateKind kind) {
  return kind == StateKind::kValue || kind == StateKind::kList || kind == StateKind::kMap;
}

absl::StatusOr<HeapState> ReadState(ByteCursor& cursor) {
  HeapState state;
  state.spec.name = ReadText(cursor);
  state.spec.kind = static_cast<StateKind>(cursor.Int8());
  const int32_t count = cursor.Int32();
  if (cursor.failed() || count < 0 || !IsOwnKind(state.spec.kind) || !ValidateStateName(state.spec.name).ok())
    return absl::DataLossError(absl::StrCat("no state begins at byte ", cursor.position()));
  for (int32_t i = 0; i < count; ++i) {
    std::string key = ReadText(cursor);
    StateValue value;
    value.expires_at = {cursor.Int64()};
    value.bytes = ReadText(cursor);
    const bool rises = state.entries.empty() || state.entries.rbegin()->first < key;
    if (cursor.failed() || value.expires_at < kNeverExpires || !rises)
      return absl::DataLossError(
          absl::StrCat("entry ", i, " of ", count, " of state '", state.spec.name, "' is broken"));
    state.entries.emplace_hint(state.entries.end(), std::move(key), std::move(value));
  }
  return state;
}

}  // namespace

void HeapSnapshotEncoder::Add(const StateSpec& spec, const HeapEntries& entries) {
  ++states_;
  AppendText(body_, spec.name);
  AppendNumber<int8_t>(body_, static_cast<int8_t>(spec.kind));
  AppendNumber<int32_t>(body_, static_cast<int32_t>(entries.size()));
  for (const auto& [key, value] : entries) {
    AppendText(body_, key);
    AppendNumber<int64_t>(body_, value.expires_at.value);
    AppendText(body_, value.bytes);
  }
}

absl::StatusOr<std::string> HeapSnapshotEncoder::Finish() && {
  if (kHeaderBytes + body_.size() > kFileBytesMax)
    return absl::ResourceExhaustedError(
        absl::StrCat("a heap snapshot of ", kHeaderBytes + body_.size(), " bytes, at most ", kFileBytesMax));
  std::string states;
  AppendNumber<int32_t>(states, states_);
  const uint32_t crc = Crc32c(AsBytes(body_), Crc32c(AsBytes(states)));
  std::string content;
  content.reserve(kHeaderBytes + body_.size());
  AppendNumber<int16_t>(content, kVersion);
  AppendNumber<uint32_t>(content, crc);
  content += states;
  content += body_;
  return content;
}

absl::StatusOr<std::vector<HeapState>> DecodeHeapSnapshot(ByteSpan content) {
  if (content.size() < kHeaderBytes)
    return absl::DataLossError(absl::StrCat("size ", content.size(), " is below ", kHeaderBytes));
  ByteCursor cursor(content);
  if (const int16_t version = cursor.Int16(); version != kVersion)
    return absl::DataLossError(absl::StrCat("version ", version, ", only ", kVersion, " is known"));
  const uint32_t crc = cursor.UInt32();
  if (const uint32_t actual = Crc32c(content.subspan(kCrcFrom)); crc != actual)
    return absl::DataLossError(absl::StrCat("its CRC is ", actual, ", not ", crc));
  const int32_t count = cursor.Int32();
  if (count < 0) return absl::DataLossError(absl::StrCat(count, " states"));
  std::vector<HeapState> states;
  for (int32_t i = 0; i < count; ++i) {
    SLIP_ASSIGN_OR_RETURN(HeapState state, ReadState(cursor));
    for (const HeapState& other : states)
      if (other.spec.name == state.spec.name)
        return absl::DataLossError(absl::StrCat("state '", state.spec.name, "' is there twice"));
    states.push_back(std::move(state));
  }
  if (cursor.remaining() > 0)
    return absl::DataLossError(absl::StrCat(cursor.remaining(), " bytes follow the ", count, " states"));
  return states;
}

absl::StatusOr<std::vector<HeapState>> ReadHeapSnapshot(FileIo& io, const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kHeapSnapshotFile;
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path, kFileBytesMax));
  absl::StatusOr<std::vector<HeapState>> states = DecodeHeapSnapshot(AsBytes(content));
  if (!states.ok()) return Annotate(states.status(), path.native());
  return states;
}

absl::Status WriteHeapSnapshot(FileIo& io, const std::filesystem::path& directory, const std::string& content) {
  SLIP_RETURN_IF_ERROR(MakeDirectory(io, directory));
  return ReplaceFile(io, directory / kHeapSnapshotFile, content);
}

}  // namespace slipstream
