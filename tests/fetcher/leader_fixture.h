// A log dir of a test's own with the leader's parts over it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <memory>
#include <string>
#include <vector>

#include "fetcher/leader/leader_service.h"
#include "fetcher/leader/topic_catalog.h"
#include "log/io/blocking_queue.h"
#include "log/log_manager.h"
#include "session/wire/messages/fetch.h"
#include "session/wire/messages/produce.h"
#include "tests/support/batches.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace slipstream {

// A client that leaves when the test says so.
class TestClient final : public WaitingClient {
 public:
  void Watch(std::function<void()> left) override { left_ = std::move(left); }
  void Unwatch() override { left_ = nullptr; }
  bool watched() const { return left_ != nullptr; }
  // REQUIRES: watched().
  void Leave() { std::exchange(left_, nullptr)(); }

 private:
  std::function<void()> left_;
};

class LeaderTest : public ::testing::Test {
 public:
  static constexpr int32_t kSegmentBytes = 1 << 20;

  LeaderTest() { Open(); }
  ~LeaderTest() override { Close(); }

  void Open() {
    LogManagerConfig config;
    config.log_dirs = {dir_.path()};
    config.log.segment_bytes = kSegmentBytes;
    auto logs = LogManager::Open(SystemFileIo(), config);
    SLIP_CHECK(logs.ok());
    logs_ = *std::move(logs);
    auto catalog = TopicCatalog::Open(*logs_, SystemFileIo(), dir_.path());
    SLIP_CHECK(catalog.ok());
    catalog_ = *std::move(catalog);
    SLIP_CHECK(catalog_->ElectAll().ok());
    service_ = std::make_unique<LeaderService>(*catalog_, queue_, MetadataConfig{.advertised = {"127.0.0.1", 9092}});
  }
  void Close() {
    service_.reset();
    catalog_.reset();
    SLIP_CHECK(logs_->Close().ok());
    logs_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }

  // Runs a coroutine to its end on the context that the test's waits run on.
  template <typename T>
  T Await(asio::awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr error, T value) {
      if (error) std::rethrow_exception(error);
      result = std::move(value);
      io_.stop();  // what else waits goes on waiting
    });
    io_.restart();
    io_.run_for(kPatience);
    SLIP_CHECK(result.has_value());
    return *std::move(result);
  }
  void Await(asio::awaitable<void> work) {
    bool done = false;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      done = true;
      io_.stop();
    });
    io_.restart();
    io_.run_for(kPatience);
    SLIP_CHECK(done);
  }

  HostedTopic& Create(const std::string& name, int32_t partitions = 1) {
    const absl::StatusOr<HostedTopic*> created = catalog_->Create(name, partitions);
    SLIP_CHECK(created.ok());
    return **created;
  }
  // Appends `count` records of one batch, the way a producer's get there.
  void Append(HostedPartition& partition, int32_t count, int64_t timestamp = 1000, size_t value_bytes = 10) {
    std::vector<std::byte> batch =
        MakeBatch({.record_count = count, .base_timestamp = timestamp, .value_bytes = value_bytes});
    const auto appended = Await(partition.log.AppendAsLeader(queue_, batch, partition.leader_epoch));
    SLIP_CHECK(appended.ok());
    partition.OnAppended(batch.size());
    io_.restart();
    io_.poll();  // whoever waited for it goes on
  }

  // One request through the service, as bytes; nullopt: the connection would be closed, `refused_` says why.
  template <class Request>
  std::optional<typename Request::Response> Call(const Request& request, int16_t version) {
    constexpr int32_t kCorrelationId = 77;
    std::vector<std::byte> frame = Join(EncodeRequest(request, version, kCorrelationId, "test"));
    ByteCursor cursor(ByteSpan(frame).subspan(4));
    absl::StatusOr<RequestHeader> header = DecodeRequestHeader(cursor);
    SLIP_CHECK(header.ok());
    ServerAnswer answer;
    const std::span<std::byte> body = std::span(frame).subspan(4 + cursor.position());
    refused_ = Await(service_->Handle(*std::move(header), body, client_, answer));
    regions_ = std::move(answer.regions);
    answer_bytes_ = answer.frame.TotalSize();
    if (!refused_.ok() || answer.frame.bytes.empty()) return std::nullopt;
    FillIn(answer.frame);
    answer_ = Join(answer.frame);
    typename Request::Response response;
    SLIP_CHECK(DecodeResponse(ByteSpan(answer_).subspan(4), version, kCorrelationId, response).ok());
    return response;
  }

  TempDir dir_;
  asio::io_context io_;
  BlockingIoQueue queue_;
  std::unique_ptr<LogManager> logs_;
  std::unique_ptr<TopicCatalog> catalog_;
  std::unique_ptr<LeaderService> service_;
  TestClient client_;
  absl::Status refused_;
  std::vector<FileRegion> regions_;  // of the last answer
  uint64_t answer_bytes_ = 0;

 private:
  // Puts the files' bytes where the frame leaves room for them.
  void FillIn(EncodedFrame& frame) {
    spliced_.clear();
    SLIP_CHECK_EQ(frame.splices.size(), regions_.size());
    for (size_t i = 0; i < regions_.size(); ++i) {
      std::vector<std::byte>& bytes = spliced_.emplace_back(regions_[i].bytes);
      SLIP_CHECK_EQ(regions_[i].file->ReadAt(bytes, regions_[i].position).value_or(0), bytes.size());
      frame.splices[i].bytes = bytes;
    }
  }

  std::vector<std::vector<std::byte>> spliced_;
  std::vector<std::byte> answer_;  // what the last answer's records point into
};

}  // namespace slipstream
