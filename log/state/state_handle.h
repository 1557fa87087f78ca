// What the typed handles of log/state/typed_state.h share: one open state, keys that begin with a namespace, expiry of
// what is written. Small and copyable; belongs to the backend's thread and must not outlive it.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/strings/string_view.h>

#include <chrono>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "log/state/state_backend.h"
#include "log/state/state_codec.h"
#include "log/status.h"

namespace slipstream {

struct StateOptions {
  // How long an entry lives after it was last written; a list with all its elements is one entry. 0: for ever.
  std::chrono::milliseconds ttl{0};
};

class StateHandle {
 public:
  StateId id() const { return id_; }
  const std::string& name() const { return name_; }

 protected:
  static absl::StatusOr<StateHandle> Open(StateBackend& backend, StateSpec spec, StateOptions options);

  // The namespace comes first in every key: one namespace is one range.
  template <typename... Parts>
  static std::string Key(absl::string_view name_space, const Parts&... parts) {
    std::string key;
    StateCodec<std::string>::Encode(key, name_space);
    AppendState(key, parts...);
    return key;
  }
  // kDataLoss: the bytes are not what a T is written as; `what` they are goes into the message.
  template <typename T>
  absl::StatusOr<T> Decode(absl::string_view what, absl::string_view bytes) const {
    if (auto decoded = DecodeState<T>(bytes)) return std::get<0>(*std::move(decoded));
    return Undecodable(what, bytes);
  }
  absl::Status Undecodable(absl::string_view what, absl::string_view bytes) const;

  absl::StatusOr<std::optional<StateValue>> Get(const std::string& key) const { return backend_->Get(id_, key); }
  // Calls `visit` with the key behind `prefix`, and the value, until it fails or says stop (false).
  using Visitor = absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key_rest, absl::string_view value)>;
  absl::Status Scan(const std::string& prefix, Visitor visit) const;

  void Put(StateBatch& batch, std::string key, std::string value) const;
  void Append(StateBatch& batch, std::string key, std::string value) const;
  void Delete(StateBatch& batch, std::string key) const;
  absl::Status Apply(const StateBatch& batch) const { return backend_->Apply(batch); }

 private:
  StateHandle(StateBackend& backend, StateId id, std::string name, StateOptions options)
      : backend_(&backend), id_(id), name_(std::move(name)), options_(options) {}
  Timestamp ExpiryOfWrite() const;

  StateBackend* backend_;
  StateId id_;
  std::string name_;
  StateOptions options_;
};

}  // namespace slipstream
