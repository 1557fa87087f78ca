#include "session/wire/error_message.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(ErrorMessage, WhatFitsIsLeftAsItIs) {
  EXPECT_EQ(ErrorMessage(""), "");
  const std::string longest(kErrorMessageBytesMax, 'x');
  EXPECT_EQ(ErrorMessage(longest), longest);
}

TEST(ErrorMessage, IsCutBetweenCharactersWhereverTheBoundFalls) {
  for (size_t before = 0; before < 5; ++before) {
    std::string why(before, 'x');
    while (why.size() < 2 * kErrorMessageBytesMax) why += "\xf0\x9f\x90\x9f";  // one character of four bytes
    const std::string cut = ErrorMessage(why);
    EXPECT_LE(cut.size(), kErrorMessageBytesMax);
    EXPECT_GT(cut.size(), kErrorMessageBytesMax - 7);
    EXPECT_EQ((cut.size() - before - 3) % 4, 0u) << "a character is cut in two";
    EXPECT_EQ(cut.substr(cut.size() - 3), "...");
  }
}

TEST(ErrorMessage, BytesThatAreNoTextAreCutToo) {
  EXPECT_EQ(ErrorMessage(std::string(2 * kErrorMessageBytesMax, '\x80')), "...");
}

}  // namespace
}  // namespace slipstream
