// Numbers of bytes for people.
#pragma once

#include <string>

namespace slipstream {

// "1.5 MB", "812 kB": decimal units, three digits.
std::string HumanBytes(double bytes);

}  // namespace slipstream
