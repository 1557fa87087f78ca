// Typed handles over a StateBackend, each for one named state: a value, a list or a map for every (namespace, key). The
// namespace is a log dir or a source cluster, the key a partition or a group; keys and values are any types with a
// StateCodec. A write takes effect at once; with a StateBatch in front it waits for StateBackend::Apply, together with
// whatever else is in the batch. kDataLoss from a read: the bytes are not what the handle's types are written as.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "log/state/state_handle.h"

namespace slipstream {

template <typename K, typename V>
class ValueState : public StateHandle {
 public:
  static absl::StatusOr<ValueState> Open(StateBackend& backend, std::string name, StateOptions options = {}) {
    SLIP_ASSIGN_OR_RETURN(StateHandle state, StateHandle::Open(backend, {std::move(name), StateKind::kValue}, options));
    return ValueState(std::move(state));
  }
  // `name` is that of a checkpoint file of Kafka's, the namespaces are the backend's log dirs.
  static absl::StatusOr<ValueState> OpenOffsetCheckpoint(StateBackend& backend, std::string name)
    requires std::is_same_v<K, TopicPartition> && std::is_same_v<V, Offset>
  {
    SLIP_ASSIGN_OR_RETURN(StateHandle state,
                          StateHandle::Open(backend, {std::move(name), StateKind::kOffsetCheckpoint}, {}));
    return ValueState(std::move(state));
  }

  absl::StatusOr<std::optional<V>> Get(absl::string_view name_space, const K& key) const {
    SLIP_ASSIGN_OR_RETURN(const std::optional<StateValue> found, StateHandle::Get(Key(name_space, key)));
    if (!found) return std::nullopt;
    return Decode<V>("value", found->bytes);
  }
  // Keys rise; false from `visit` ends it. No writes meanwhile.
  absl::Status ForEach(absl::string_view name_space, absl::FunctionRef<bool(const K&, const V&)> visit) const {
    return Scan(Key(name_space), [&](absl::string_view rest, absl::string_view bytes) -> absl::StatusOr<bool> {
      SLIP_ASSIGN_OR_RETURN(const K key, Decode<K>("key", rest));
      SLIP_ASSIGN_OR_RETURN(const V value, Decode<V>("value", bytes));
      return visit(key, value);
    });
  }

  void Put(StateBatch& batch, absl::string_view name_space, const K& key, const V& value) const {
    StateHandle::Put(batch, Key(name_space, key), EncodeState(value));
  }
  absl::Status Put(absl::string_view name_space, const K& key, const V& value) const {
    StateBatch batch;
    Put(batch, name_space, key, value);
    return Apply(batch);
  }
  void Delete(StateBatch& batch, absl::string_view name_space, const K& key) const {
    StateHandle::Delete(batch, Key(name_space, key));
  }
  absl::Status Delete(absl::string_view name_space, const K& key) const {
    StateBatch batch;
    Delete(batch, name_space, key);
    return Apply(batch);
  }

 private:
  explicit ValueState(StateHandle state) : StateHandle(std::move(state)) {}
};

// One entry per list, so for lists that are read whole. An empty list and none are the same.
template <typename K, typename T>
class ListState : public StateHandle {
 public:
  static absl::StatusOr<ListState> Open(StateBackend& backend, std::string name, StateOptions options = {}) {
    SLIP_ASSIGN_OR_RETURN(StateHandle state, StateHandle::Open(backend, {std::move(name), StateKind::kList}, options));
    return ListState(std::move(state));
  }

  absl::StatusOr<std::vector<T>> Get(absl::string_view name_space, const K& key) const {
    SLIP_ASSIGN_OR_RETURN(const std::optional<StateValue> found, StateHandle::Get(Key(name_space, key)));
    std::vector<T> elements;
    if (!found) return elements;
    ByteCursor in(AsBytes(found->bytes));
    while (in.remaining() > 0 && !in.failed()) elements.push_back(StateCodec<T>::Decode(in));
    if (in.failed()) return Undecodable(absl::StrCat("element ", elements.size() - 1, " of the list"), found->bytes);
    return elements;
  }

  void Append(StateBatch& batch, absl::string_view name_space, const K& key, const T& element) const {
    StateHandle::Append(batch, Key(name_space, key), EncodeState(element));
  }
  absl::Status Append(absl::string_view name_space, const K& key, const T& element) const {
    StateBatch batch;
    Append(batch, name_space, key, element);
    return Apply(batch);
  }
  void Replace(StateBatch& batch, absl::string_view name_space, const K& key, const std::vector<T>& elements) const {
    std::string bytes;
    for (const T& element : elements) AppendState(bytes, element);
    if (elements.empty()) return Delete(batch, name_space, key);
    StateHandle::Put(batch, Key(name_space, key), std::move(bytes));
  }
  absl::Status Replace(absl::string_view name_space, const K& key, const std::vector<T>& elements) const {
    StateBatch batch;
    Replace(batch, name_space, key, elements);
    return Apply(batch);
  }
  void Delete(StateBatch& batch, absl::string_view name_space, const K& key) const {
    StateHandle::Delete(batch, Key(name_space, key));
  }
  absl::Status Delete(absl::string_view name_space, const K& key) const {
    StateBatch batch;
    Delete(batch, name_space, key);
    return Apply(batch);
  }

 private:
  explicit ListState(StateHandle state) : StateHandle(std::move(state)) {}
};

// One entry per map key.
template <typename K, typename M, typename V>
class MapState : public StateHandle {
 public:
  static absl::StatusOr<MapState> Open(StateBackend& backend, std::string name, StateOptions options = {}) {
    SLIP_ASSIGN_OR_RETURN(StateHandle state, StateHandle::Open(backend, {std::move(name), StateKind::kMap}, options));
    return MapState(std::move(state));
  }

  absl::StatusOr<std::optional<V>> Get(absl::string_view name_space, const K& key, const M& map_key) const {
    SLIP_ASSIGN_OR_RETURN(const std::optional<StateValue> found, StateHandle::Get(Key(name_space, key, map_key)));
    if (!found) return std::nullopt;
    return Decode<V>("value", found->bytes);
  }
  // Map keys rise; false from `visit` ends it. No writes meanwhile.
  absl::Status ForEach(absl::string_view name_space, const K& key,
                       absl::FunctionRef<bool(const M&, const V&)> visit) const {
    return Scan(Key(name_space, key), [&](absl::string_view rest, absl::string_view bytes) -> absl::StatusOr<bool> {
      SLIP_ASSIGN_OR_RETURN(const M map_key, Decode<M>("map key", rest));
      SLIP_ASSIGN_OR_RETURN(const V value, Decode<V>("value", bytes));
      return visit(map_key, value);
    });
  }

  void Put(StateBatch& batch, absl::string_view name_space, const K& key, const M& map_key, const V& value) const {
    StateHandle::Put(batch, Key(name_space, key, map_key), EncodeState(value));
  }
  absl::Status Put(absl::string_view name_space, const K& key, const M& map_key, const V& value) const {
    StateBatch batch;
    Put(batch, name_space, key, map_key, value);
    return Apply(batch);
  }
  void Delete(StateBatch& batch, absl::string_view name_space, const K& key, const M& map_key) const {
    StateHandle::Delete(batch, Key(name_space, key, map_key));
  }
  absl::Status Delete(absl::string_view name_space, const K& key, const M& map_key) const {
    StateBatch batch;
    Delete(batch, name_space, key, map_key);
    return Apply(batch);
  }
  // Removes all entries of one map, or on error none.
  absl::Status Clear(absl::string_view name_space, const K& key) const {
    const std::string prefix = Key(name_space, key);
    StateBatch batch;
    const auto add = [&](absl::string_view rest, absl::string_view) -> absl::StatusOr<bool> {
      StateHandle::Delete(batch, absl::StrCat(prefix, rest));
      return true;
    };
    SLIP_RETURN_IF_ERROR(Scan(prefix, add));
    return Apply(batch);
  }

 private:
  explicit MapState(StateHandle state) : StateHandle(std::move(state)) {}
};

}  // namespace slipstream
