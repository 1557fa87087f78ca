#include "tool/byte_rate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(ByteRate, IsANumberWithOrWithoutAUnit) {
  const std::pair<const char*, int64_t> cases[] = {{"800000", 800'000},
                                                   {"1", 1},
                                                   {"50MB/s", 50'000'000},
                                                   {"50mb", 50'000'000},
                                                   {"512KiB/s", 524'288},
                                                   {"1.5GiB/s", 1'610'612'736},
                                                   {"2kB/s", 2000},
                                                   {"3B/s", 3},
                                                   {"1TB/s", 1'000'000'000'000},
                                                   {"0.5kb", 500}};
  for (const auto& [text, rate] : cases) EXPECT_EQ(ParseByteRate(text).value_or(-1), rate) << text;
}

TEST(ByteRate, WhatIsNoneIsRefusedWithItsForm) {
  for (const char* text : {"", "MB/s", "0", "-5MB/s", "0.9", "1e3", "nan", "inf", "50 MB/s", "50MB/h", "9999999TB/s"}) {
    const absl::Status refused = ParseByteRate(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << text;
    EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("such as 50MB/s")) << text;
  }
}

}  // namespace
}  // namespace slipstream
