#include "tool/printable.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(Printable, TextStaysAsItIs) {
  for (const char* text : {"", "plain text", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a\\b"})
    EXPECT_EQ(Printable(text), text);
}

TEST(Printable, ControlCharactersAreShown) {
  EXPECT_EQ(Printable("a\n\t\x1b[2J\x7f"), "a\\x0a\\x09\\x1b[2J\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J")
      << "CSI as one character";
}

TEST(Printable, BytesThatAreNoTextAreShown) {
  EXPECT_EQ(Printable("\x9b"
                      "2J"),
            "\\x9b2J")
      << "CSI as one byte";
  EXPECT_EQ(Printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(Printable("\xe2\x82z"), "\\xe2\\x82z");
  EXPECT_EQ(Printable("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"), "\\xc0\\xaf\\xe0\\x80\\xaf\\xf0\\x80\\x80\\xaf");
  EXPECT_EQ(Printable("\xed\xa0\x80\xf4\x90\x80\x80"), "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
}

}  // namespace
}  // namespace slipstream
