#include "log/state/rocksdb_expiry.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <utility>

#include "log/bytes.h"

namespace slipstream {
namespace {

constexpr size_t kExpiryBytes = 8;

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(Timestamp now) : now_(now) {}

  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& stored, std::string*, bool*) const override {
    const absl::StatusOr<StoredValue> value = DecodeStoredValue({stored.data(), stored.size()});
    return value.ok() && HasExpired(value->expires_at, now_);
  }
  const char* Name() const override { return "slipstream.ExpiryFilter"; }

 private:
  const Timestamp now_;
};

class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilterFactory(StateClock clock) : clock_(std::move(clock)) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(clock_());
  }
  const char* Name() const override { return "slipstream.ExpiryFilterFactory"; }

 private:
  const StateClock clock_;
};

}  // namespace

std::string EncodeStoredValue(const StateValue& value) {
  std::array<std::byte, kExpiryBytes> expiry;
  WriteBigEndian<int64_t>(expiry, 0, value.expires_at.value);
  return absl::StrCat(AsText(expiry), value.bytes);
}

absl::StatusOr<StoredValue> DecodeStoredValue(absl::string_view stored) {
  if (stored.size() < kExpiryBytes)
    return absl::DataLossError(absl::StrCat("a value of ", stored.size(), " bytes is below ", kExpiryBytes));
  return StoredValue{{ReadBigEndian<int64_t>(AsBytes(stored), 0)}, stored.substr(kExpiryBytes)};
}

std::shared_ptr<rocksdb::CompactionFilterFactory> MakeExpiryFilterFactory(StateClock clock) {
  return std::make_shared<ExpiryFilterFactory>(std::move(clock));
}

}  // namespace slipstream
