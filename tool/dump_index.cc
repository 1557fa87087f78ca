#include <absl/strings/str_cat.h>

#include <vector>

#include "log/batch_header_reader.h"
#include "log/bytes.h"
#include "log/status.h"
#include "tool/dump_files.h"

namespace slipstream {
namespace {

struct OffsetEntry {
  static constexpr size_t kBytes = 8;
  Offset offset;  // last of the batch at `position`
  FilePosition position;

  static OffsetEntry Read(ByteCursor& cursor, Offset base) {
    const Offset offset = base + cursor.Int32();
    return {offset, {cursor.UInt32()}};
  }
  std::string Describe() const { return absl::StrCat("offset: ", offset.value, " position: ", position.value); }
  bool RisesAbove(const OffsetEntry& other) const { return offset > other.offset && position > other.position; }
};

struct TimeEntry {
  static constexpr size_t kBytes = 12;
  Timestamp timestamp;
  Offset offset;  // last of the batch whose largest timestamp it is

  static TimeEntry Read(ByteCursor& cursor, Offset base) {
    const Timestamp timestamp{cursor.Int64()};
    return {timestamp, base + cursor.Int32()};
  }
  std::string Describe() const { return absl::StrCat("timestamp: ", timestamp.value, " offset: ", offset.value); }
  bool RisesAbove(const TimeEntry& other) const { return timestamp > other.timestamp && offset >= other.offset; }
};

// Behind the last byte that is not zero.
size_t UsedBytes(ByteSpan bytes) {
  size_t used = bytes.size();
  while (used > 0 && bytes[used - 1] == std::byte{0}) --used;
  return used;
}

// Prints the entries and checks what can be told without the log.
template <typename Entry>
absl::StatusOr<std::vector<Entry>> DumpEntries(FileIo& io, const std::filesystem::path& path, DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const Offset base, SegmentBaseOffset(path));
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(io, path));
  if (content.empty()) report.Line(absl::StrCat(path.native(), " is empty."));
  if (const size_t surplus = content.size() % Entry::kBytes; surplus != 0)
    report.Problem(path, absl::StrCat("size ", content.size(), " is no multiple of ", Entry::kBytes));
  std::vector<Entry> entries;
  const size_t used_bytes = UsedBytes(AsBytes(content));
  ByteCursor cursor(AsBytes(content));
  while (cursor.remaining() >= Entry::kBytes) {
    if (cursor.position() >= used_bytes) {
      report.Line(absl::StrCat("Found ", cursor.remaining(), " bytes allocated ahead at the end of ",
                               path.filename().native()));
      break;
    }
    const Entry entry = Entry::Read(cursor, base);
    report.Line(entry.Describe());
    if (entry.offset < base) report.Problem(path, absl::StrCat("entry (", entry.Describe(), ") below the base offset"));
    if (!entries.empty() && !entry.RisesAbove(entries.back()))
      report.Problem(path, absl::StrCat("entry (", entry.Describe(), ") does not rise above the one before"));
    entries.push_back(entry);
  }
  return entries;
}

// Steps through the headers of the log beside an index; ends early where the log itself is corrupt.
class LogHeaders {
 public:
  static absl::StatusOr<LogHeaders> Open(FileIo& io, std::filesystem::path index_path) {
    SLIP_ASSIGN_OR_RETURN(std::unique_ptr<File> file, io.Open(index_path.replace_extension(".log"), OpenMode::kRead));
    SLIP_ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
    return LogHeaders(std::move(file), bytes);
  }

  absl::StatusOr<bool> Next() {
    absl::StatusOr<bool> found = reader_->Next();
    if (absl::IsDataLoss(found.status()) || absl::IsUnimplemented(found.status()))
      return false;  // the .log's own dump tells
    return found;
  }
  const BatchHeaderReader& operator*() const { return *reader_; }
  const BatchHeaderReader* operator->() const { return reader_.get(); }

 private:
  LogHeaders(std::unique_ptr<File> file, uint64_t bytes)
      : file_(std::move(file)),
        reader_(std::make_unique<BatchHeaderReader>(*file_, FilePosition{0}, FilePosition{bytes})) {}

  std::unique_ptr<File> file_;
  std::unique_ptr<BatchHeaderReader> reader_;
};

// Walks entries and batches side by side, each once. `reached`: the entry speaks of this batch or of an earlier one;
// `mismatch` then says what is wrong with it, or nothing.
template <typename Entry, typename Reached, typename Mismatch>
absl::Status CompareWithLog(FileIo& io, const std::filesystem::path& path, const std::vector<Entry>& entries,
                            DumpReport& report, Reached reached, Mismatch mismatch) {
  if (entries.empty()) return absl::OkStatus();
  absl::StatusOr<LogHeaders> log = LogHeaders::Open(io, path);
  if (absl::IsNotFound(log.status())) {
    report.Problem(path, "there is no .log file beside it");
    return absl::OkStatus();
  }
  SLIP_RETURN_IF_ERROR(log.status());
  const auto problem = [&](const Entry& entry, absl::string_view what) {
    report.Problem(path, absl::StrCat("entry (", entry.Describe(), "): ", what));
  };
  auto entry = entries.begin();
  while (entry != entries.end()) {
    SLIP_ASSIGN_OR_RETURN(const bool found, log->Next());
    if (!found) break;
    for (; entry != entries.end() && reached(*entry, **log); ++entry) {
      if (const std::string what = mismatch(*entry, **log); !what.empty()) problem(*entry, what);
    }
  }
  for (; entry != entries.end(); ++entry) problem(*entry, "it lies beyond the last whole batch of the log");
  return absl::OkStatus();
}

}  // namespace

absl::Status DumpOffsetIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions&, DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<OffsetEntry> entries, DumpEntries<OffsetEntry>(io, path, report));
  const auto reached = [](const OffsetEntry& entry, const BatchHeaderReader& log) {
    return entry.position <= log.position();
  };
  const auto mismatch = [](const OffsetEntry& entry, const BatchHeaderReader& log) -> std::string {
    if (entry.position != log.position()) return "no batch of the log starts there";
    const Offset last = log.header().last_offset();
    return entry.offset == last ? "" : absl::StrCat("the batch there ends at offset ", last.value);
  };
  return CompareWithLog(io, path, entries, report, reached, mismatch);
}

absl::Status DumpTimeIndex(FileIo& io, const std::filesystem::path& path, const DumpOptions&, DumpReport& report) {
  SLIP_ASSIGN_OR_RETURN(const std::vector<TimeEntry> entries, DumpEntries<TimeEntry>(io, path, report));
  const auto reached = [](const TimeEntry& entry, const BatchHeaderReader& log) {
    return entry.offset <= log.header().last_offset();
  };
  const auto mismatch = [](const TimeEntry& entry, const BatchHeaderReader& log) -> std::string {
    const RecordBatchView batch = log.header();
    if (entry.offset != batch.last_offset()) return "no batch of the log ends with that offset";
    if (entry.timestamp == batch.max_timestamp()) return "";
    return absl::StrCat("the largest timestamp of that batch is ", batch.max_timestamp().value);
  };
  return CompareWithLog(io, path, entries, report, reached, mismatch);
}

}  // namespace slipstream
