// Where `verify` reads batches from: the partitions of a log dir or of a cluster, one of them at a time.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "log/offset.h"
#include "log/record_batch.h"
#include "log/topic_partition.h"

namespace slipstream {

// One partition, read once from start to end. Blocking; dies before its source.
class BatchStream {
 public:
  virtual ~BatchStream() = default;

  // The log start offset when the stream was opened.
  virtual Offset start_offset() const = 0;
  // Next() begins with the batch that holds `offset`, or the first one after it. REQUIRES: before the first Next().
  virtual void SkipTo(Offset offset) = 0;
  // True: batch() is the next one, whatever its CRC. False: the end. An error that carries ExitCode::kDivergence is a
  // finding about the partition's bytes; any other, a failure to read them.
  virtual absl::StatusOr<bool> Next() = 0;
  // Where the partition ends. No Next() may follow.
  virtual absl::StatusOr<Offset> EndOffset() = 0;

  RecordBatchView batch() const { return RecordBatchView(batch_); }  // until the next call
  bool crc_valid() const { return crc_valid_; }                      // of batch()

 protected:
  void SetBatch(const RecordBatchView& batch) {
    batch_ = batch.bytes();
    crc_valid_ = batch.CrcValid();
  }

 private:
  ByteSpan batch_;
  bool crc_valid_ = false;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;

  virtual const std::string& name() const = 0;                        // for people
  virtual const std::vector<TopicPartition>& partitions() const = 0;  // sorted
  // REQUIRES: one of partitions(); no other stream is open.
  virtual absl::StatusOr<std::unique_ptr<BatchStream>> Open(const TopicPartition& partition) = 0;
};

}  // namespace slipstream
