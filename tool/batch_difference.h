// How two batches that should be the same are told apart to a person.
#pragma once

#include <optional>
#include <string>

#include "log/offset.h"
#include "log/record_batch.h"
#include "log/topic_partition.h"

namespace slipstream {

struct Difference {
  TopicPartition partition;
  std::optional<Offset> offset;  // nullopt: of the partition as a whole
  std::string field, a, b;

  std::string Describe() const;  // one line
};

bool SameBytes(const RecordBatchView& a, const RecordBatchView& b);
// The first field that differs, in the order of what tells most. REQUIRES: the bytes are not the same.
Difference Explain(const TopicPartition& partition, const RecordBatchView& a, const RecordBatchView& b);

}  // namespace slipstream
