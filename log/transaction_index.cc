#include "log/transaction_index.h"

#include <absl/strings/str_cat.h>

#include "log/status.h"

namespace slipstream {
namespace {

constexpr int16_t kVersion = 0;

std::vector<std::byte> Encode(const AbortedTransactionEntry& entry) {
  std::vector<std::byte> out;
  AppendBigEndian<int16_t>(out, kVersion);
  AppendBigEndian<int64_t>(out, entry.producer_id);
  AppendBigEndian<int64_t>(out, entry.first_offset.value);
  AppendBigEndian<int64_t>(out, entry.last_offset.value);
  AppendBigEndian<int64_t>(out, entry.last_stable_offset.value);
  return out;
}

}  // namespace

AbortedTransactionEntry IndexEntryOf(const CompletedTransaction& completed, const ProducerStateTable& producers) {
  return {completed.producer_id, completed.first_offset, completed.last_offset,
          producers.LastStableOffsetAt(completed)};
}

absl::StatusOr<std::vector<AbortedTransactionEntry>> DecodeTransactionIndex(ByteSpan content) {
  std::vector<AbortedTransactionEntry> entries;
  ByteCursor cursor(content);
  while (cursor.remaining() >= kTransactionIndexEntryBytes) {
    const int16_t version = cursor.Int16();
    if (version != kVersion) return absl::DataLossError(absl::StrCat("version ", version, " is not known"));
    AbortedTransactionEntry& entry = entries.emplace_back();
    entry.producer_id = cursor.Int64();
    entry.first_offset = {cursor.Int64()};
    entry.last_offset = {cursor.Int64()};
    entry.last_stable_offset = {cursor.Int64()};
  }
  return entries;
}

absl::StatusOr<std::vector<AbortedTransactionEntry>> TransactionIndex::Entries() {
  const absl::StatusOr<std::string> content = ReadWholeFile(*io_, name_.path(), kLargeFileBytesMax);
  if (absl::IsNotFound(content.status())) return std::vector<AbortedTransactionEntry>();
  SLIP_RETURN_IF_ERROR(content.status());
  absl::StatusOr<std::vector<AbortedTransactionEntry>> entries = DecodeTransactionIndex(AsBytes(*content));
  if (!entries.ok()) return Annotate(entries.status(), name_.path().native());
  return entries;
}

absl::StatusOr<TransactionIndex::Tail> TransactionIndex::LoadTail() {
  if (!tail_) {
    SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> entries, Entries());
    tail_ = Tail{entries.size(), entries.empty() ? Offset{} : entries.back().last_offset};
  }
  return *tail_;
}

absl::Status TransactionIndex::Append(const AbortedTransactionEntry& entry) {
  SLIP_ASSIGN_OR_RETURN(const Tail tail, LoadTail());
  if (entry.last_offset <= tail.last_offset)
    return absl::InvalidArgumentError(absl::StrCat(name_.path().native(), ": the marker at offset ",
                                                   entry.last_offset.value, " does not come after the last one's, ",
                                                   tail.last_offset.value));
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io_->Open(name_.path(), OpenMode::kCreate));
  // At the end of the whole entries: a torn one is overwritten.
  SLIP_RETURN_IF_ERROR(file->WriteAt(Encode(entry), FilePosition{tail.count * kTransactionIndexEntryBytes}));
  tail_ = Tail{tail.count + 1, entry.last_offset};
  return absl::OkStatus();
}

absl::Status TransactionIndex::TruncateTo(Offset offset) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> present, Entries());
  size_t keep = 0;
  while (keep < present.size() && present[keep].last_offset < offset) ++keep;
  if (keep == present.size()) return absl::OkStatus();
  if (keep == 0) return Clear();
  tail_.reset();
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, io_->Open(name_.path(), OpenMode::kReadWrite));
  return file->Truncate(keep * kTransactionIndexEntryBytes);
}

absl::Status TransactionIndex::Clear() {
  tail_.reset();
  return io_->Remove(name_.path());
}

absl::StatusOr<std::shared_ptr<File>> TransactionIndex::FileToSync() {
  absl::StatusOr<std::unique_ptr<File>> file = io_->Open(name_.path(), OpenMode::kReadWrite);
  if (absl::IsNotFound(file.status())) return std::shared_ptr<File>();
  SLIP_RETURN_IF_ERROR(file.status());
  return std::shared_ptr<File>(*std::move(file));
}

absl::Status TransactionIndex::Check() {
  SLIP_ASSIGN_OR_RETURN(const std::vector<AbortedTransactionEntry> entries, Entries());
  Offset last{-1};
  for (const AbortedTransactionEntry& entry : entries) {
    if (entry.last_offset < name_.base_offset || entry.last_offset <= last)
      return absl::DataLossError(absl::StrCat(name_.path().native(), ": a marker at offset ", entry.last_offset.value,
                                              " in a segment that begins at ", name_.base_offset.value,
                                              ", after one at ", last.value));
    last = entry.last_offset;
  }
  return absl::OkStatus();
}

}  // namespace slipstream
