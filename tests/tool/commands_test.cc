// The whole program on wrong command lines: a usage error is exit code 2 and one line that names what is wrong.
#include "tool/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tool/exit_code.h"

namespace slipstream {
namespace {

using ::testing::HasSubstr;

class UsageTest : public ::testing::Test {
 protected:
  // What is printed on stderr.
  std::string ErrorOf(std::vector<std::string> words) {
    words.insert(words.begin(), "slipstream");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    ::testing::internal::CaptureStderr();
    exit_ = RunSlipstream(static_cast<int>(argv.size()), argv.data());
    return ::testing::internal::GetCapturedStderr();
  }
  std::string ErrorOfFollow(const std::string& bootstrap, const std::string& topic, const std::string& log_dir) {
    return ErrorOf({"follow", "--bootstrap-server", bootstrap, "--topic", topic, "--log-dir", log_dir});
  }
  void ExpectUsageError(const std::string& error, const std::vector<std::string>& words) {
    EXPECT_EQ(exit_, static_cast<int>(ExitCode::kUsage)) << error;
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
    for (const std::string& word : words) EXPECT_THAT(error, HasSubstr(word));
  }

  TempDir dir_;
  int exit_ = -1;
};

TEST_F(UsageTest, EmptyValuesNameTheirFlag) {
  ExpectUsageError(ErrorOfFollow("127.0.0.1:1", "", dir_.path()), {"--topic", "empty"});
  ExpectUsageError(ErrorOfFollow("127.0.0.1:1", "t", ""), {"--log-dir", "empty"});
  ExpectUsageError(ErrorOfFollow("", "t", dir_.path()), {"--bootstrap-server", "empty"});
  ExpectUsageError(
      ErrorOf({"follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--topic", "", "--log-dir", dir_.path()}),
      {"--topic", "empty"});
  ExpectUsageError(ErrorOf({"follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--log-dir", dir_.path(),
                            "--config", ""}),
                   {"--config", "empty"});
  ExpectUsageError(ErrorOf({"lead", "--log-dir", ""}), {"--log-dir", "empty"});
  ExpectUsageError(ErrorOf({"lead", "--log-dir", dir_.path(), "--listen", ""}), {"--listen", "empty"});
  ExpectUsageError(ErrorOf({"verify", "", dir_.path()}), {"A", "empty"});
  ExpectUsageError(ErrorOf({"verify", dir_.path(), ""}), {"B", "empty"});
  ExpectUsageError(ErrorOf({"dump", ""}), {"PATH", "empty"});
}

// What happened: the word became another log dir, in which partitions would have been spread.
TEST_F(UsageTest, AWordTooManyIsNoFurtherValueOfTheFlagBeforeIt) {
  const std::vector<std::string> flags = {"follow",    "--bootstrap-server", "127.0.0.1:1", "--topic",    "t",
                                          "--log-dir", dir_.path(),          "--property",  "client.id=x"};
  for (const ptrdiff_t behind : {5, 7, 9}) {
    std::vector<std::string> words = flags;
    words.insert(words.begin() + behind, "stray");
    ExpectUsageError(ErrorOf(words), {"stray"});
  }
}

// What happened: a mistyped subcommand in a script showed help and ended as done.
TEST_F(UsageTest, HelpOfWhatIsNotThereIsAnError) {
  ExpectUsageError(ErrorOf({"folow", "--help"}), {"'folow'", "'follow'"});
  ExpectUsageError(ErrorOf({}), {"no subcommand", "follow, verify, lead, dump"});
  ExpectUsageError(ErrorOf({"--folow"}), {"'--folow'", "(see slipstream --help)"});
  ExpectUsageError(ErrorOf({"follow", "--bootstrp-server", "x:1"}), {"(see slipstream follow --help)"});
}

// What happened: the line ended at the NUL, before what was wrong with it.
TEST_F(UsageTest, ControlCharactersOfAConfigFileAreShown) {
  const std::filesystem::path config = dir_.path() / "follow.properties";
  std::ofstream(config) << "segment.b" << '\0' << "tes\x1b[2J=1\n";
  ExpectUsageError(ErrorOf({"follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--log-dir",
                            dir_.path() / "copy", "--config", config}),
                   {"line 1", "'segment.b\\x00tes\\x1b[2J'"});
}

// What happened: clients were told to connect to 0.0.0.0, which is themselves.
TEST_F(UsageTest, ALeaderAdvertisesOnlyWhereClientsCanConnect) {
  const auto error_of = [this](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"lead", "--log-dir", dir_.path()});
    return ErrorOf(flags);
  };
  for (const std::string wildcard : {"0.0.0.0:0", "[::]:0", "[::0]:9092"})
    ExpectUsageError(error_of({"--listen", wildcard}), {"--listen", wildcard, "--advertise HOST:PORT"});
  for (const std::string wildcard : {"0.0.0.0:9092", "[::]:9092"})
    ExpectUsageError(error_of({"--listen", "0.0.0.0:0", "--advertise", wildcard}), {"--advertise", wildcard});
  ExpectUsageError(error_of({"--advertise", "kafka:0"}), {"--advertise", "port"});
  ExpectUsageError(error_of({"--advertise", ""}), {"--advertise", "empty"});
  ExpectUsageError(error_of({"--listen", "localhost:0"}), {"--listen", "localhost:0", "IP address"});
}

TEST_F(UsageTest, AddressesThatLackSomethingSayWhat) {
  ExpectUsageError(ErrorOfFollow("kafka:9092,", "t", dir_.path()), {"--bootstrap-server", "'kafka:9092,'", "comma"});
  ExpectUsageError(ErrorOfFollow("[::1]", "t", dir_.path()), {"--bootstrap-server", "'[::1]'", "no port"});
  ExpectUsageError(ErrorOf({"lead", "--log-dir", dir_.path(), "--listen", "[::1]"}), {"--listen", "no port"});
}

// What happened: within their documented bounds one was refused and the other led to answers that were refused.
TEST_F(UsageTest, TheLargestSettingsOfAFetchCanWork) {
  const std::string error =
      ErrorOf({"follow", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", "--log-dir", dir_.path(), "--property",
               "bootstrap.timeout.ms=1", "--property", "replica.fetch.response.max.bytes=1073741824", "--property",
               "replica.fetch.backoff.ms=300000", "--property", "failed.partition.backoff.max.ms=300000"});
  EXPECT_EQ(exit_, static_cast<int>(ExitCode::kCannotStart)) << error;
}

}  // namespace
}  // namespace slipstream
