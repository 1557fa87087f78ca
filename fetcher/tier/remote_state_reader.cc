#include "fetcher/tier/remote_state_reader.h"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace slipstream {
namespace {

asio::awaitable<absl::StatusOr<RemoteLogState>> ReadHere(RemoteStorage& storage, TopicIdPartition partition,
                                                         TieredLeader leader, RemoteTarget target) {
  co_return ReadRemoteState(storage, partition, leader, target);
}

}  // namespace

asio::awaitable<absl::StatusOr<RemoteLogState>> RemoteStateReader::Read(TopicIdPartition partition, TieredLeader leader,
                                                                        RemoteTarget target) {
  asio::awaitable<absl::StatusOr<RemoteLogState>> reading = ReadHere(storage_, std::move(partition), leader, target);
  co_return co_await asio::co_spawn(threads_.get_executor(), std::move(reading), asio::use_awaitable);
}

}  // namespace slipstream
