// Which log dir a partition is to lie in, as a person says it for many at once. Plain data.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "log/topic_partition.h"

namespace slipstream {

class LogDirWishes {
 public:
  // "PATTERN:DIR[,PATTERN:DIR...]": a pattern is a regular expression, without colon or comma, for a whole
  // TOPIC-NUMBER. Empty: there are none. kInvalidArgument names the piece and what is wrong.
  static absl::StatusOr<LogDirWishes> Parse(absl::string_view text);

  // By the first pattern that matches; nullopt: it may lie anywhere.
  std::optional<std::filesystem::path> DirFor(const TopicPartition& partition) const;
  // Each dir becomes the one of `log_dirs` that it is another spelling of. kInvalidArgument names the first that is
  // none.
  absl::Status ResolveAmong(const std::vector<std::filesystem::path>& log_dirs);
  bool empty() const { return wishes_.empty(); }
  const std::string& text() const { return text_; }  // that they were parsed from

 private:
  struct Wish {
    std::regex pattern;
    std::filesystem::path log_dir;
  };
  std::vector<Wish> wishes_;
  std::string text_;
};

}  // namespace slipstream
