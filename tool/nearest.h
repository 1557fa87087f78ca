// "Did you mean": the known word closest to one that is not known.
#pragma once

#include <absl/strings/string_view.h>

#include <string>
#include <vector>

namespace slipstream {

// The known word with the fewest edits from `word`; empty when none is within half of its length.
std::string NearestWord(absl::string_view word, const std::vector<std::string>& known);

}  // namespace slipstream
