// Writes a message's bytes by walking its Describe.
#pragma once

#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "log/bytes.h"
#include "session/wire/codec.h"
#include "session/wire/describe.h"

namespace slipstream::wire_internal {

// Appends to one frame. A null in a version that has none is written as empty, so that no answer of ours can fail.
class Encoder {
 public:
  Encoder(EncodedFrame& frame, int16_t version, bool flexible)
      : frame_(frame), version_(version), flexible_(flexible) {}

  template <class M>
  void Struct(const M& message) {
    PlainFields plain{*this};
    M::Describe(plain, message);
    if (flexible_) TaggedSection(message);
  }

  template <Number T>
  void Put(const T& number) {
    AppendBigEndian(frame_.bytes, ToWire(number));
  }
  void PutUuid(const Uuid& uuid);
  void PutString(const std::optional<absl::string_view>& text);  // REQUIRES: at most kStringBytesMax
  void PutRecords(const Records& records);
  void PutUnsignedVarint(uint32_t value);

 private:
  struct PlainFields {
    Encoder& encoder;
    template <class T>
    void Field(absl::string_view, const T& field, const FieldOptions& options = {}) {
      if (options.tag < 0 && options.In(encoder.version_)) encoder.Value(field, options);
    }
  };
  struct TaggedFieldCount {
    int16_t version;
    uint32_t count = 0;
    template <class T>
    void Field(absl::string_view, const T& field, const FieldOptions& options = {}) {
      if (options.tag >= 0 && options.In(version) && !IsDefault(field, options)) ++count;
    }
  };
  struct TaggedFields {
    Encoder& encoder;
    template <class T>
    void Field(absl::string_view, const T& field, const FieldOptions& options = {}) {
      if (options.tag < 0 || !options.In(encoder.version_) || IsDefault(field, options)) return;
      encoder.PutUnsignedVarint(static_cast<uint32_t>(options.tag));
      const size_t at = encoder.frame_.bytes.size();
      encoder.Value(field, options);
      encoder.InsertSize(at);
    }
  };

  template <class M>
  void TaggedSection(const M& message) {
    TaggedFieldCount tagged{version_};
    M::Describe(tagged, message);
    PutUnsignedVarint(tagged.count);
    if (tagged.count == 0) return;
    TaggedFields fields{*this};
    M::Describe(fields, message);
  }

  template <class T>
  void Value(const T& field, const FieldOptions& options) {
    if constexpr (Number<T>) {
      Put(field);
    } else if constexpr (std::same_as<T, Uuid>) {
      PutUuid(field);
    } else if constexpr (std::same_as<T, std::string>) {
      PutString(absl::string_view(field));
    } else if constexpr (std::same_as<T, Records>) {
      PutRecords(field);
    } else if constexpr (kIsOptional<T>) {
      Nullable(field, options);
    } else if constexpr (kIsVector<T>) {
      PutLength(static_cast<int64_t>(field.size()), 4);
      for (const auto& item : field) Value(item, FieldOptions{});
    } else {
      Struct(field);
    }
  }

  template <class T>
  void Nullable(const std::optional<T>& field, const FieldOptions& options) {
    constexpr int kLengthBytes = kIsVector<T> ? 4 : 2;
    if (field) {
      Value(*field, options);
    } else {
      PutLength(version_ < options.null_from ? 0 : -1, kLengthBytes);
    }
  }

  // -1 is null. `fixed_bytes` (2 or 4) is the width in versions that are not flexible.
  void PutLength(int64_t length, int fixed_bytes);
  // Puts the size of what was written since `at` in front of it.
  void InsertSize(size_t at);

  EncodedFrame& frame_;
  const int16_t version_;
  const bool flexible_;
  size_t records_seen_ = 0;
};

}  // namespace slipstream::wire_internal
