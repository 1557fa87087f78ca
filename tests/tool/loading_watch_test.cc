#include "tool/loading_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LoadingWatchTest : public testing::Test {
 protected:
  absl::Status Loaded(size_t loaded, std::chrono::milliseconds after) {
    return watch_.OnLoaded({log_dir_, loaded, 9}, start_ + after);
  }

  const std::filesystem::path log_dir_ = "/logs";
  const LoadingWatch::TimePoint start_{std::chrono::hours(1)};
  bool interrupted_ = false;
  std::vector<std::string> lines_;
  LoadingWatch watch_{[this] { return interrupted_; }, [this](const std::string& line) { lines_.push_back(line); },
                      start_};
};

TEST_F(LoadingWatchTest, WhatTakesLongIsToldEveryTwoSecondsAndNothingElse) {
  for (size_t i = 1; i <= 9; ++i) EXPECT_TRUE(Loaded(i, i * std::chrono::milliseconds(600)).ok());
  EXPECT_THAT(lines_, ElementsAre("/logs: 4 of 9 partitions are loaded", "/logs: 8 of 9 partitions are loaded"));
}

TEST_F(LoadingWatchTest, AnInterruptEndsTheLoadingAndSaysHowFarItCame) {
  EXPECT_TRUE(Loaded(1, std::chrono::milliseconds(1)).ok());
  interrupted_ = true;
  const absl::Status ended = Loaded(2, std::chrono::milliseconds(2));
  EXPECT_TRUE(absl::IsCancelled(ended));
  EXPECT_THAT(std::string(ended.message()), HasSubstr("2 of 9"));
}

}  // namespace
}  // namespace slipstream
