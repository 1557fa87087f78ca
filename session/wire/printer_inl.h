// The body of printer.h. Included through codec_inl.h only.
#pragma once

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "session/wire/api_key.h"
#include "session/wire/describe.h"
#include "session/wire/kafka_error.h"
#include "session/wire/printer.h"

namespace slipstream {
namespace wire_internal {

class Printer {
 public:
  explicit Printer(int16_t version) : version_(version) {}

  template <class M>
  void Struct(const M& message) {
    text_.push_back('{');
    Fields fields{*this};
    M::Describe(fields, message);
    text_.push_back('}');
  }

  std::string& text() { return text_; }

 private:
  struct Fields {
    Printer& printer;
    bool first = true;
    template <class T>
    void Field(absl::string_view name, const T& field, const FieldOptions& options = {}) {
      if (!options.In(printer.version_)) return;
      absl::StrAppend(&printer.text_, first ? "" : ", ", name, ": ");
      first = false;
      printer.Value(field);
    }
  };

  template <class T>
  void Value(const T& field) {
    if constexpr (std::same_as<T, bool>) {
      text_ += field ? "true" : "false";
    } else if constexpr (std::same_as<T, KafkaError>) {
      text_ += KafkaErrorName(field);
    } else if constexpr (std::same_as<T, ApiKey>) {
      text_ += ApiKeyName(field);
    } else if constexpr (Number<T>) {
      absl::StrAppend(&text_, static_cast<int64_t>(ToWire(field)));
    } else if constexpr (std::same_as<T, Uuid>) {
      text_ += field.ToString();
    } else if constexpr (std::same_as<T, std::string>) {
      absl::StrAppend(&text_, "\"", absl::CEscape(field), "\"");
    } else if constexpr (std::same_as<T, Records>) {
      field.null ? absl::StrAppend(&text_, "null") : absl::StrAppend(&text_, "<", field.size(), " bytes>");
    } else if constexpr (kIsOptional<T>) {
      field ? Value(*field) : absl::StrAppend(&text_, "null");
    } else if constexpr (kIsVector<T>) {
      List(field);
    } else {
      Struct(field);
    }
  }

  template <class T>
  void List(const std::vector<T>& items) {
    text_.push_back('[');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text_ += ", ";
      Value(items[i]);
    }
    text_.push_back(']');
  }

  const int16_t version_;
  std::string text_;
};

}  // namespace wire_internal

template <class M>
std::string PrintMessage(const M& message, int16_t version) {
  wire_internal::Printer printer(version);
  absl::StrAppend(&printer.text(), M::kName, " v", version, " ");
  printer.Struct(message);
  return std::move(printer.text());
}

}  // namespace slipstream
