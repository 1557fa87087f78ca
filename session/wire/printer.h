// A message as one line of text, for logs and tests.
#pragma once

#include <cstdint>
#include <string>

namespace slipstream {

// "FetchRequest v17 {MaxWaitMs: 500, Topics: [{TopicId: ..., Partitions: [...]}]}": the fields this version has, under
// Kafka's names. Records show as their size.
template <class M>
std::string PrintMessage(const M& message, int16_t version);

}  // namespace slipstream
