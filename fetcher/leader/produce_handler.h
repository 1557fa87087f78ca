// Appends what producers send. The ISR is the leader alone: acks 1 and acks -1 are the same, and nothing waits.
#pragma once

#include <cstdint>
#include <span>

#include "fetcher/leader/topic_catalog.h"
#include "log/io/file_io.h"
#include "session/wire/messages/produce.h"

namespace slipstream {

class ProduceHandler {
 public:
  static constexpr int32_t kBatchBytesMax = 1'048'588;  // max.message.bytes

  // Both outlive the handler.
  ProduceHandler(TopicCatalog& catalog, IoQueue& queue) : catalog_(catalog), queue_(queue) {}

  // `body`: the bytes `request` was decoded from; its batches are stamped with offset and epoch in place. Errors are
  // per partition, in the answer.
  asio::awaitable<void> Handle(const ProduceRequest& request, int16_t version, std::span<std::byte> body,
                               ProduceResponse& response);

 private:
  // The partition to append to; nullptr: refused, the answer says why.
  HostedPartition* Accept(const TopicProduceData& topic_data, const PartitionProduceData& produced, int16_t version,
                          PartitionProduceResponse& answer);
  asio::awaitable<void> Append(HostedPartition& partition, std::span<std::byte> batch,
                               PartitionProduceResponse& answer);

  TopicCatalog& catalog_;
  IoQueue& queue_;
};

// True when some partition of the answer has an error: with acks 0 the client learns of it by a closed connection.
bool HasError(const ProduceResponse& response);

}  // namespace slipstream
