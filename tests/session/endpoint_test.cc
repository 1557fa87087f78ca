#include "session/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::HasSubstr;

TEST(Endpoint, ParsesHostAndPort) {
  EXPECT_EQ(ParseEndpoint("kafka.example:9092").value(), (Endpoint{"kafka.example", 9092}));
  EXPECT_EQ(ParseEndpoint("10.0.0.1:65535").value(), (Endpoint{"10.0.0.1", 65535}));
  EXPECT_EQ(ParseEndpoint("[::1]:1").value(), (Endpoint{"::1", 1}));
}

TEST(Endpoint, PrintsWhatItParses) {
  for (const char* text : {"kafka:9092", "[fe80::1]:9092"}) EXPECT_EQ(ParseEndpoint(text).value().ToString(), text);
}

TEST(Endpoint, ErrorsNameTheTextAndWhatIsWrong) {
  for (const char* text : {"kafka", ":9092", "kafka:", "kafka:0", "kafka:65536", "kafka:-1", "kafka:x", "[]:9092"}) {
    const absl::Status status = ParseEndpoint(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
  EXPECT_FALSE(ParseEndpoint(std::string(256, 'h') + ":9092").ok());
}

TEST(Endpoint, AnIpv6AddressHasBracketsAndAPort) {
  EXPECT_THAT(std::string(ParseEndpoint("[::1]").status().message()), HasSubstr("'[::1]' has no port"));
  for (const char* text : {"::1", "::1:9092", "fe80::1:9092", "a:b:9092"})
    EXPECT_THAT(std::string(ParseEndpoint(text).status().message()), HasSubstr("[IPV6]:PORT")) << text;
}

TEST(Endpoint, PortZeroOnlyWhereAnyPortWillDo) { EXPECT_EQ(ParseEndpoint("127.0.0.1:0", true).value().port, 0); }

TEST(Endpoint, ListsAreSeparatedByCommas) {
  EXPECT_EQ(ParseEndpoints("a:1,b:2").value(), (std::vector<Endpoint>{{"a", 1}, {"b", 2}}));
  EXPECT_FALSE(ParseEndpoints("").ok());
  for (const char* text : {"a:1,", ",a:1", "a:1,,b:2", ","}) {
    const absl::Status status = ParseEndpoints(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("comma too many")) << text;
  }
}

}  // namespace
}  // namespace slipstream
