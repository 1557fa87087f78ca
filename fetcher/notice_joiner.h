// Joins what happens to many partitions at once, as after a leader's restart, into one line for a person to read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/topic_partition.h"

namespace slipstream {

// Plain data; whoever holds it decides when enough was waited for more of the same.
class NoticeJoiner {
 public:
  // `what` is the same for all that may be joined; `detail` is this partition's own, or empty.
  void Add(const TopicPartition& partition, const std::string& what, const std::string& detail = "");
  bool empty() const { return notices_.empty(); }
  // One line for each `what`, in the order in which they first came. Forgets them.
  std::vector<std::string> Take();

 private:
  struct Notice {
    std::string what;
    std::map<TopicPartition, std::string> partitions;  // with their details
  };
  static std::string Line(const Notice& notice);

  std::vector<Notice> notices_;
};

}  // namespace slipstream
