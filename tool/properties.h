// KEY=VALUE settings: from --property flags and from --config files, checked against a table of known names.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace slipstream {

// The settings a subcommand knows: a name, what it is for, and how a value becomes a field.
class PropertyTable {
 public:
  using Setter = std::function<absl::Status(absl::string_view value)>;

  void Add(std::string name, std::string help, Setter set);
  // Whole numbers; narrower bounds are the config's own Validate's.
  void AddInt(std::string name, std::string help, std::function<void(int64_t)> set);
  void AddInt32(std::string name, std::string help, int32_t& field);
  void AddMilliseconds(std::string name, std::string help, std::chrono::milliseconds& field);
  void AddBool(std::string name, std::string help, std::function<void(bool)> set);
  // One of a few words.
  template <typename T>
  void AddChoice(std::string name, std::string help, std::vector<std::pair<std::string, T>> choices, T& field) {
    std::vector<std::string> words;
    for (const auto& [word, value] : choices) words.push_back(word);
    Add(std::move(name), std::move(help), [choices = std::move(choices), words, &field](absl::string_view text) {
      for (const auto& [word, value] : choices) {
        if (word != text) continue;
        field = value;
        return absl::OkStatus();
      }
      return absl::InvalidArgumentError(absl::StrCat("is none of ", absl::StrJoin(words, ", ")));
    });
  }

  // kInvalidArgument for a name that is not known (naming the nearest that is) or a value that cannot be read; `source`
  // says where it came from, a flag or file and line.
  absl::Status Apply(absl::string_view key, absl::string_view value, absl::string_view source) const;
  // "KEY=VALUE" of a --property flag.
  absl::Status ApplyFlag(absl::string_view text) const;
  // A Java properties file: KEY=VALUE lines, '#' and '!' comments.
  absl::Status ApplyFile(const std::string& path) const;
  std::string Help() const;

 private:
  struct Property {
    std::string name, help;
    Setter set;
  };
  std::vector<Property> properties_;
};

}  // namespace slipstream
