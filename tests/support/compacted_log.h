// A log of keyed records for tests of compaction: written record by record, read as consumers do.
#pragma once

#include <absl/strings/match.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/compaction/compaction.h"
#include "log/compression.h"
#include "log/partition_log.h"
#include "log/record.h"
#include "log/record_batch_writer.h"
#include "log/segment_name.h"
#include "log/transaction_index.h"
#include "tests/support/failing_queue.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

namespace slipstream {

struct KeyedRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;  // nullopt: a tombstone
};

// A record as a consumer gets it.
struct SeenRecord {
  int64_t offset;
  std::optional<std::string> key, value;
  int64_t timestamp;
  bool operator==(const SeenRecord&) const = default;
};

class CompactedLog {
 public:
  static constexpr int64_t kStart = 1'700'000'000'000;  // the first record's time

  CompactedLog() {
    config.segment_bytes = 500;
    config.index_interval_bytes = 100;
    config.retention_ms = std::chrono::milliseconds(-1);
    config.cleanup_compact = true;
    config.cleanup_delete = false;
    config.delete_retention = std::chrono::milliseconds(1000);
    config.min_cleanable_dirty_ratio = 0;
    config.file_delete_delay = std::chrono::milliseconds(0);
  }

  LogConfig config;
  FailingQueue queue;
  CompactionLimits limits;
  BatchOptions options;  // of the batches to come; base offset and sequence are set here
  int64_t now = kStart;  // a millisecond passes with each record
  FileIo* io = &SystemFileIo();

  void Open(LogOpenOptions open_options = {.clean = true}) {
    log_.reset();
    auto opened = PartitionLog::Open(*io, directory(), {"t", 0}, config, open_options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    log_ = *std::move(opened);
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  void Close() {
    const absl::Status closed = log_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    log_.reset();
  }
  void Abandon() { log_.reset(); }  // as a process does that is killed
  void Reopen() {
    const Offset first_dirty = log_->first_dirty_offset().value_or(Offset{});
    const Offset log_start = log_->log_start_offset();
    Close();
    Open({.clean = true, .log_start_offset = log_start, .first_dirty_offset = first_dirty});
  }

  void Append(const std::vector<std::byte>& batch) {
    const absl::Status appended = RunToEnd(log_->AppendAsFollower(queue, batch, WriteHint::kCached));
    ASSERT_TRUE(appended.ok()) << appended;
    log_->UpdateHighWatermark(log_->log_end_offset());
  }
  // One batch.
  void Write(const std::vector<KeyedRecord>& records) {
    BatchOptions batch = options;
    batch.base_offset = log_->log_end_offset();
    if (batch.producer_id >= 0)
      batch.base_sequence =
          std::exchange(sequences_[batch.producer_id], sequences_[batch.producer_id] + Count(records));
    if (batch.log_append_time) batch.log_append_time = Timestamp{now};
    RecordBatchWriter writer(batch);
    for (const KeyedRecord& record : records) {
      std::optional<ByteSpan> key, value;
      if (record.key) key = AsBytes(*record.key);
      if (record.value) value = AsBytes(*record.value);
      writer.Append({.timestamp = Timestamp{now++}, .key = key, .value = value});
    }
    const auto bytes = std::move(writer).Finish();
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    Append(*bytes);
  }
  void Put(const std::string& key, const std::string& value) { Write({{key, value}}); }
  void Remove(const std::string& key) { Write({{key, std::nullopt}}); }
  void End(int64_t producer, ControlType how, int16_t epoch = 0) {
    BatchOptions marker = options;
    marker.base_offset = log_->log_end_offset();
    marker.producer_id = producer;
    marker.producer_epoch = epoch;
    marker.base_sequence = -1;
    Append(BuildEndTransactionMarker(marker, how, 0, Timestamp{now++}));
  }
  void WriteInTransaction(int64_t producer, const std::vector<KeyedRecord>& records) {
    options.producer_id = producer;
    options.producer_epoch = 0;
    options.is_transactional = true;
    Write(records);
    options.producer_id = -1;
    options.producer_epoch = -1;
    options.is_transactional = false;
  }
  // What follows begins a segment; the key is there once, so that it is no one else's business.
  void Seal() {
    const size_t segments = log_->segment_count();
    while (log_->segment_count() == segments) Put("seal", std::string(40, 's'));
    Flush();
  }
  void Flush() {
    const absl::Status flushed = RunToEnd(log_->Flush(queue));
    ASSERT_TRUE(flushed.ok()) << flushed;
  }
  absl::StatusOr<std::optional<CompactionResult>> TryCompact() { return log_->Compact(Timestamp{now}, limits); }
  CompactionResult Compact() {
    const auto compacted = TryCompact();
    EXPECT_TRUE(compacted.ok()) << compacted.status();
    EXPECT_TRUE(!compacted.ok() || compacted->has_value()) << "no round was due";
    return compacted.ok() ? compacted->value_or(CompactionResult{}) : CompactionResult{};
  }

  // All batches, from the log start.
  std::vector<std::vector<std::byte>> Batches() {
    std::vector<std::vector<std::byte>> batches;
    for (Offset next = log_->log_start_offset(); next < log_->log_end_offset();) {
      const auto slice = log_->Read(next, log_->log_end_offset(), 1);
      EXPECT_TRUE(slice.ok()) << slice.status();
      if (!slice.ok() || slice->file == nullptr) break;
      std::vector<std::byte> bytes(slice->bytes);
      EXPECT_EQ(*slice->file->ReadAt(bytes, slice->position), bytes.size());
      next = RecordBatchView(bytes).next_offset();
      batches.push_back(std::move(bytes));
    }
    return batches;
  }
  // Data records; `committed`: without those of aborted transactions, as the log tells a reader who goes step by step.
  std::vector<SeenRecord> Records(bool committed = true) {
    std::vector<SeenRecord> seen;
    const Offset end = committed ? log_->last_stable_offset() : log_->log_end_offset();
    for (Offset next = log_->log_start_offset(); next < end;) {
      const auto slice = log_->Read(next, end, 1);
      EXPECT_TRUE(slice.ok()) << slice.status();
      if (!slice.ok() || slice->file == nullptr) break;
      std::vector<AbortedTransactionEntry> aborted;
      if (committed) aborted = *log_->AbortedTransactions(next, *slice);
      std::vector<std::byte> bytes(slice->bytes), storage;
      EXPECT_EQ(*slice->file->ReadAt(bytes, slice->position), bytes.size());
      const RecordBatchView batch(bytes);
      EXPECT_TRUE(batch.CrcValid());
      next = batch.next_offset();
      const bool left_out = batch.is_control() || std::ranges::any_of(aborted, [&](const auto& entry) {
                              return batch.is_transactional() && entry.producer_id == batch.producer_id() &&
                                     entry.first_offset <= batch.base_offset() &&
                                     entry.last_offset > batch.last_offset();
                            });
      if (left_out) continue;
      const auto plain = PlainRecords(batch, 1 << 20, storage);
      EXPECT_TRUE(plain.ok()) << plain.status();
      RecordCursor records(batch, *plain);
      while (records.Next()) {
        const Record& record = records.record();
        seen.push_back({record.offset.value, Text(record.key), Text(record.value), record.timestamp.value});
      }
      EXPECT_TRUE(records.status().ok()) << records.status();
    }
    return seen;
  }
  // "key=value" or "key-" of what a reader of committed records ends with, and sees on its way.
  std::vector<std::string> Committed() {
    std::vector<std::string> lines;
    for (const SeenRecord& record : Records()) {
      if (record.key == "seal") continue;
      lines.push_back(record.key.value_or("?") + (record.value ? "=" + *record.value : "-"));
    }
    return lines;
  }
  std::vector<std::string> Files(absl::string_view suffix) {
    std::vector<std::string> names = *io->List(directory(), /*directories=*/false);
    std::erase_if(names, [&](const std::string& name) { return !absl::EndsWith(name, suffix); });
    return names;
  }
  PartitionLog& log() { return *log_; }
  std::filesystem::path directory() const { return dir_.path() / "t-0"; }

 private:
  static int32_t Count(const std::vector<KeyedRecord>& records) { return static_cast<int32_t>(records.size()); }
  static std::optional<std::string> Text(const std::optional<ByteSpan>& bytes) {
    if (!bytes) return std::nullopt;
    return std::string(AsText(*bytes));
  }

  TempDir dir_;
  std::unique_ptr<PartitionLog> log_;
  std::map<int64_t, int32_t> sequences_;
};

}  // namespace slipstream
