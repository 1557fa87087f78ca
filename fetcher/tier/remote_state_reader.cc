#include "fetcher/tier/remote_state_reader.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace slipstream {
namespace {

asio::awaitable<absl::StatusOr<RemoteLogState>> ReadHere(RemoteStorage& storage, const std::atomic<bool>& stopping,
                                                         TopicIdPartition partition, TieredLeader leader,
                                                         RemoteTarget target) {
  if (stopping.load(std::memory_order_relaxed)) co_return absl::CancelledError("stopping");
  absl::StatusOr<RemoteLogState> state = ReadRemoteState(storage, partition, leader, target);
  // A full table of descriptors there, say, is no lack of ours that would end a run.
  if (!state.ok()) co_return absl::UnavailableError(absl::StrCat("remote storage: ", state.status().message()));
  co_return state;
}

}  // namespace

asio::awaitable<absl::StatusOr<RemoteLogState>> RemoteStateReader::Read(TopicIdPartition partition, TieredLeader leader,
                                                                        RemoteTarget target) {
  asio::awaitable<absl::StatusOr<RemoteLogState>> reading =
      ReadHere(storage_, stopping_, std::move(partition), leader, target);
  co_return co_await asio::co_spawn(threads_.get_executor(), std::move(reading), asio::use_awaitable);
}

}  // namespace slipstream
