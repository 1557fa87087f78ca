// Reads a message from bytes of a peer by walking its Describe. Nothing read is trusted: every length is held against
// the bytes that remain before memory is taken for it, and depth follows from the message's type, never from its bytes.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "log/bytes.h"
#include "session/wire/describe.h"

namespace slipstream::wire_internal {

// The fewest bytes a value of type T takes in some version.
template <class T>
size_t MinimalSize(int16_t version, bool flexible);

struct MinimalSizeSum {
  int16_t version;
  bool flexible;
  size_t bytes;
  template <class T>
  void Field(absl::string_view, const T&, const FieldOptions& options = {}) {
    if (options.tag < 0 && options.In(version)) bytes += MinimalSize<T>(version, flexible);
  }
};

template <class T>
size_t MinimalSize(int16_t version, bool flexible) {
  if constexpr (Number<T>) {
    return sizeof(WireInteger<T>);
  } else if constexpr (std::same_as<T, Uuid>) {
    return sizeof(Uuid);
  } else if constexpr (kIsOptional<T>) {
    return MinimalSize<typename T::value_type>(version, flexible);
  } else if constexpr (std::same_as<T, std::string>) {
    return flexible ? 1 : 2;
  } else if constexpr (kIsVector<T> || std::same_as<T, Records>) {
    return flexible ? 1 : 4;
  } else {
    MinimalSizeSum sum{version, flexible, flexible ? size_t{1} : size_t{0}};  // its tagged section
    const T example{};
    T::Describe(sum, example);
    return sum.bytes;
  }
}

inline constexpr int16_t kWireVersionsMax = 32;  // no API of ours comes near

// The same from a table, for arrays on the hot path.
template <class T>
size_t MinimalItemSize(int16_t version, bool flexible) {
  if constexpr (!Described<T>) {
    return MinimalSize<T>(version, flexible);
  } else {
    static const auto table = [] {
      std::array<std::array<size_t, kWireVersionsMax>, 2> sizes;
      for (int16_t v = 0; v < kWireVersionsMax; ++v)
        for (const bool f : {false, true}) sizes[f][v] = std::max<size_t>(1, MinimalSize<T>(v, f));
      return sizes;
    }();
    return table[flexible][static_cast<size_t>(version)];
  }
}

class Decoder {
 public:
  // REQUIRES: 0 <= version < kWireVersionsMax.
  Decoder(ByteSpan bytes, int16_t version, bool flexible) : cursor_(bytes), version_(version), flexible_(flexible) {}

  template <class M>
  void Struct(M& message) {
    PlainFields plain{*this};
    M::Describe(plain, message);
    if (flexible_ && !cursor_.failed()) TaggedSection(message);
  }

  // Stops, as at the end of the bytes, in front of the first records that are not empty: for bytes of a frame that are
  // still on their way.
  void StopAtRecords() { stop_at_records_ = true; }
  std::optional<size_t> records_at() const { return records_at_; }  // where it stopped

  // OK when everything was read and nothing is left. `message_name` is for the error.
  absl::Status Finish(absl::string_view message_name);

 private:
  struct PlainFields {
    Decoder& decoder;
    template <class T>
    void Field(absl::string_view name, T& field, const FieldOptions& options = {}) {
      if (decoder.cursor_.failed()) return;
      if (options.tag >= 0 || !options.In(decoder.version_)) {
        ResetToDefault(field, options);
        return;
      }
      decoder.Value(field, options);
      if (decoder.cursor_.failed()) decoder.Blame(name);
    }
  };
  struct TaggedField {
    Decoder& decoder;
    uint32_t tag;
    bool known = false;
    template <class T>
    void Field(absl::string_view name, T& field, const FieldOptions& options = {}) {
      if (options.tag < 0 || static_cast<uint32_t>(options.tag) != tag || !options.In(decoder.version_)) return;
      known = true;
      decoder.Value(field, options);
      if (decoder.cursor_.failed()) decoder.Blame(name);
    }
  };

  template <class M>
  void TaggedSection(M& message) {
    const uint32_t count = ReadTagCount();
    int64_t last_tag = -1;
    for (uint32_t i = 0; i < count && !cursor_.failed(); ++i) {
      const TagHead head = ReadTagHead(last_tag);
      if (cursor_.failed()) return;
      last_tag = head.tag;
      TaggedField tagged{*this, head.tag};
      M::Describe(tagged, message);
      if (!tagged.known) cursor_.Skip(head.size);
      if (!cursor_.failed() && cursor_.remaining() != head.remaining_after)
        FailWith("tagged field is not as long as it says");
    }
  }

  template <class T>
  void Value(T& field, const FieldOptions& options) {
    if constexpr (Number<T>) {
      ReadNumber(field);
    } else if constexpr (std::same_as<T, Uuid>) {
      field.high = cursor_.UInt64();
      field.low = cursor_.UInt64();
    } else if constexpr (std::same_as<T, std::string>) {
      ReadText(ReadLength(2), field, options.bytes_max);
    } else if constexpr (std::same_as<T, Records>) {
      ReadRecords(field);
    } else if constexpr (kIsOptional<T>) {
      ReadNullable(field, options);
    } else if constexpr (kIsVector<T>) {
      ReadItems(ReadLength(4), field);
    } else {
      Struct(field);
    }
  }

  template <class T>
  void ReadNumber(T& field) {
    using I = WireInteger<T>;
    if constexpr (sizeof(I) == 1) field = FromWire<T>(static_cast<I>(cursor_.Int8()));
    if constexpr (sizeof(I) == 2) field = FromWire<T>(static_cast<I>(cursor_.Int16()));
    if constexpr (sizeof(I) == 4) field = FromWire<T>(static_cast<I>(cursor_.Int32()));
    if constexpr (sizeof(I) == 8) field = FromWire<T>(static_cast<I>(cursor_.Int64()));
  }

  template <class T>
  void ReadNullable(std::optional<T>& field, const FieldOptions& options) {
    const int64_t length = ReadLength(kIsVector<T> ? 4 : 2);
    if (length == -1 && version_ >= options.null_from) {
      field.reset();
      return;
    }
    if (!field) field.emplace();
    if constexpr (kIsVector<T>) {
      ReadItems(length, *field);
    } else {
      ReadText(length, *field, options.bytes_max);
    }
  }

  template <class T>
  void ReadItems(int64_t count, std::vector<T>& items) {
    const size_t item_bytes_min = MinimalItemSize<T>(version_, flexible_);
    // A message's beginning need not hold all its items: it ends in one of them, wherever the records are not found.
    if (stop_at_records_) count = std::min<int64_t>(count, cursor_.remaining() / item_bytes_min + 1);
    if (!CountFits(count, item_bytes_min)) return;
    items.resize(static_cast<size_t>(count));
    for (T& item : items) {
      Value(item, FieldOptions{});
      if (cursor_.failed()) return;
    }
  }

  struct TagHead {
    uint32_t tag = 0;
    uint32_t size = 0;
    size_t remaining_after = 0;
  };

  uint32_t ReadTagCount();
  TagHead ReadTagHead(int64_t last_tag);
  // -1 is null. `fixed_bytes` (2 or 4) is the width in versions that are not flexible.
  int64_t ReadLength(int fixed_bytes);
  bool CountFits(int64_t count, size_t item_bytes_min);
  void ReadText(int64_t length, std::string& text, size_t bytes_max);
  void ReadRecords(Records& records);
  void FailWith(const char* reason);
  // Called from the innermost field outwards while a failure unwinds: builds "Topics.Partitions.FetchOffset".
  void Blame(absl::string_view field_name);

  ByteCursor cursor_;
  const int16_t version_;
  const bool flexible_;
  bool stop_at_records_ = false;
  std::optional<size_t> records_at_;
  const char* reason_ = nullptr;  // set with the first failure that is more than a read past the end
  std::string field_path_;
};

}  // namespace slipstream::wire_internal
