#include "tool/follow_progress.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipstream {
namespace {

class NoticeTest : public ::testing::Test {
 protected:
  void Notice(bool json, NoticeKind kind) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    FollowProgress(json).Notice(kind, text_);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
  }
  std::string text_ = "what came about";
  std::string out_, err_;
};

TEST_F(NoticeTest, EventsGoToTheReaderOfProgress) {
  Notice(false, NoticeKind::kEvent);
  EXPECT_EQ(out_, "what came about\n");
  EXPECT_EQ(err_, "");
  Notice(true, NoticeKind::kEvent);
  EXPECT_EQ(out_, "{\"text\":\"what came about\",\"type\":\"notice\"}\n");
  EXPECT_EQ(err_, "");
}

TEST_F(NoticeTest, AboutLeadersIsToldOnStandardError) {
  Notice(false, NoticeKind::kLeader);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "slipstream: what came about\n");
  Notice(true, NoticeKind::kLeader);
  EXPECT_EQ(out_, "{\"text\":\"what came about\",\"type\":\"notice\"}\n") << "programs read this one";
  EXPECT_EQ(err_, "slipstream: what came about\n");
}

// What happened: a peer's words that were no UTF-8 ended the program with an exception.
TEST_F(NoticeTest, BytesThatAreNoTextAreReplacedInJson) {
  text_ = "it said '\xff\xfe'";
  Notice(true, NoticeKind::kEvent);
  EXPECT_EQ(out_, "{\"text\":\"it said '\xef\xbf\xbd\xef\xbf\xbd'\",\"type\":\"notice\"}\n");
}

// What happened: a leader's host name moved the cursor of whoever watched.
TEST_F(NoticeTest, ControlCharactersAreShown) {
  text_ = "broker x\x1b[2J\n:9092 is lost";
  Notice(false, NoticeKind::kLeader);
  EXPECT_EQ(err_, "slipstream: broker x\\x1b[2J\\x0a:9092 is lost\n");
  Notice(false, NoticeKind::kEvent);
  EXPECT_EQ(out_, "broker x\\x1b[2J\\x0a:9092 is lost\n");
}

// What happened: a program that read "caught_up" of every line found a number in some and a truth in others.
TEST(FollowProgressTest, TheEndOfARunTellsItsFiguresAndItsOutcome) {
  const FollowSnapshot end{.partitions = 3, .caught_up = 2};
  ::testing::internal::CaptureStdout();
  FollowProgress(/*json=*/true).Finish(end, "stopped");
  const nlohmann::json line = nlohmann::json::parse(::testing::internal::GetCapturedStdout());
  EXPECT_EQ(line["outcome"], "stopped");
  EXPECT_EQ(line["caught_up"], 2);
}

}  // namespace
}  // namespace slipstream
