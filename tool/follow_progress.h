// What `follow` prints: one live line on a terminal, otherwise a line per interval; human or JSON.
#pragma once

#include <absl/strings/string_view.h>

#include <chrono>
#include <string>

#include "fetcher/topic_follower.h"

namespace slipstream {

class FollowProgress {
 public:
  explicit FollowProgress(bool json);

  void Print(TopicFollower& follower);  // how it stands now
  // An event worth a line of its own. One of a leader goes to stderr: the copying may stand still until it is over.
  void Notice(NoticeKind kind, const std::string& line);
  void Finish(const FollowSnapshot& end, absl::string_view outcome);  // the totals

 private:
  using Clock = std::chrono::steady_clock;
  void ClearLine();

  const bool json_;
  const bool live_;  // stdout is a terminal, and not JSON
  const Clock::time_point started_;
  Clock::time_point last_at_;
  FollowSnapshot last_;
  bool line_open_ = false;
};

}  // namespace slipstream
