#include "session/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <deque>
#include <functional>
#include <future>

#include "session/wire/messages/api_versions.h"
#include "session/wire/messages/fetch.h"
#include "session/wire/messages/metadata.h"
#include "tests/support/patience.h"

namespace slipstream {
namespace {

using asio::ip::tcp;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Bytes to send for a request; none: stay silent.
struct Reply {
  std::vector<std::byte> bytes;
  bool close = false;  // after them
  bool deaf = false;   // nothing is read any more
};
using Replier = std::function<Reply(const RequestHeader&)>;

Reply Versions(const RequestHeader& header) {
  ApiVersionsResponse response;
  response.api_keys = {{ApiKey::kApiVersions, 0, 4}, {ApiKey::kMetadata, 0, 9}};
  return {EncodeResponse(response, header.version, header.correlation_id).bytes};
}
// A Metadata answer that tells of cluster `id`.
Reply Cluster(const RequestHeader& header, const std::string& id) {
  MetadataResponse response;
  response.cluster_id = id;
  return {EncodeResponse(response, header.version, header.correlation_id).bytes};
}
Reply SizePrefix(int32_t size) {
  Reply reply;
  AppendBigEndian(reply.bytes, size);
  return reply;
}

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest()
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        endpoint_{"127.0.0.1", acceptor_.local_endpoint().port()} {
    asio::co_spawn(io_, Broker(), asio::detached);
  }

  // Answers the requests in order by the script, once `held` of them are there.
  asio::awaitable<void> Broker() {
    auto [accept_error, socket] = co_await acceptor_.async_accept(kAwait);
    if (accept_error) co_return;
    std::vector<RequestHeader> waiting;
    while (true) {
      std::vector<std::byte> size(4);
      auto [size_error, size_read] = co_await asio::async_read(socket, asio::buffer(size), kAwait);
      if (size_error) break;
      std::vector<std::byte> frame(static_cast<size_t>(ReadBigEndian<int32_t>(size, 0)));
      auto [error, read] = co_await asio::async_read(socket, asio::buffer(frame), kAwait);
      if (error) break;
      ByteCursor cursor(frame);
      waiting.push_back(DecodeRequestHeader(cursor).value());
      if (seen_.empty() || waiting.size() >= held_) {
        for (const RequestHeader& header : std::exchange(waiting, {})) {
          seen_.push_back(header);
          if (script_.empty()) continue;
          const Reply reply = script_.front()(header);
          script_.pop_front();
          auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(reply.bytes), kAwait);
          if (write_error || reply.close) co_return;
          if (reply.deaf) co_await asio::steady_timer(io_, asio::steady_timer::time_point::max()).async_wait(kAwait);
        }
      }
    }
    broker_saw_the_end_ = true;
  }

  template <typename Condition>
  void RunUntil(Condition condition) {
    while (!condition())
      if (io_.run_one_for(kPatience) == 0) FAIL() << "it hangs";
  }
  void StartOpening() {
    connection_ = Connection::Create(io_.get_executor(), endpoint_, config_, look_up_);
    asio::co_spawn(io_, connection_->Open(),
                   [this](std::exception_ptr, absl::Status status) { opened_ = std::move(status); });
  }
  absl::Status Open() {
    StartOpening();
    RunUntil([&] { return opened_.has_value(); });
    return opened_.value_or(absl::InternalError("it hangs"));
  }
  // Nothing but Close can end it: any deadline is far away.
  void ExpectCloseEndsOpening() {
    ASSERT_FALSE(opened_) << *opened_;
    connection_->Close();
    RunUntil([&] { return opened_.has_value(); });
    EXPECT_TRUE(absl::IsCancelled(*opened_)) << *opened_;
    EXPECT_THAT(std::string(opened_->message()), HasSubstr(endpoint_.ToString()));
  }
  // One Metadata call's result.
  struct Result {
    MetadataResponse response;
    std::optional<absl::Status> status;
  };
  void StartCall(Result& result) {
    asio::co_spawn(io_, connection_->Call(request_, result.response),
                   [this, &result](std::exception_ptr, absl::Status status) {
                     result.status = std::move(status);
                     ended_.push_back(&result);
                   });
  }
  absl::Status CallOnce() {
    Result result;
    StartCall(result);
    RunUntil([&] { return result.status.has_value(); });
    return result.status.value_or(absl::InternalError("it hangs"));
  }
  // The status of a call that is answered so, on a connection that is good until then.
  absl::Status CallAnsweredBy(Replier reply) {
    script_ = {Versions, std::move(reply)};
    const absl::Status opened = Open();
    EXPECT_TRUE(opened.ok()) << opened;
    return opened.ok() ? CallOnce() : opened;
  }
  void ExpectLost(const absl::Status& status, absl::StatusCode code, const std::string& what) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(endpoint_.ToString()), HasSubstr(what)));
    EXPECT_TRUE(connection_->closed());
    EXPECT_EQ(CallOnce(), status) << "what came first is told from then on";
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  Endpoint endpoint_;
  ClientConfig config_;
  HostLookup::BlockingLookup look_up_;
  std::deque<Replier> script_{Versions};
  size_t held_ = 1;
  std::vector<RequestHeader> seen_;
  bool broker_saw_the_end_ = false;
  MetadataRequest request_;
  std::vector<Result*> ended_;
  std::shared_ptr<Connection> connection_;
  std::optional<absl::Status> opened_;
};

TEST_F(ConnectionTest, OpensAndUsesTheHighestCommonVersion) {
  const absl::Status called = CallAnsweredBy([](const RequestHeader& header) { return Cluster(header, "a"); });
  EXPECT_TRUE(called.ok()) << called;
  ASSERT_EQ(seen_.size(), 2u);
  EXPECT_EQ(seen_[0].api_key, ApiKey::kApiVersions);
  EXPECT_EQ(seen_[0].version, 3);
  EXPECT_EQ(seen_[1].api_key, ApiKey::kMetadata);
  EXPECT_EQ(seen_[1].version, 9);
  EXPECT_EQ(seen_[1].client_id, "slipstream");
}

// What happened: the silent address took all the time, and so it went with each new connection.
TEST_F(ConnectionTest, AHostsSecondAddressIsTriedWhenTheFirstIsSilent) {
  // Nobody accepts there, and the one place in the queue is taken: what comes next gets no answer.
  const tcp::endpoint silent(asio::ip::make_address("127.0.0.2"), endpoint_.port);
  tcp::acceptor full(io_, silent.protocol());
  full.bind(silent);
  full.listen(0);
  tcp::socket taking_the_place(io_);
  taking_the_place.connect(silent);
  look_up_ = [silent](const std::string&) -> absl::StatusOr<HostAddresses> {
    return HostAddresses{silent.address(), asio::ip::address_v4::loopback()};
  };
  endpoint_.host = "two-addresses.test";
  config_.socket_connection_setup_timeout = std::chrono::seconds(1);
  const absl::Status opened = Open();
  EXPECT_TRUE(opened.ok()) << opened;
}

TEST_F(ConnectionTest, SeveralRequestsInFlightAreAnsweredInOrder) {
  ASSERT_TRUE(Open().ok());
  held_ = 3;
  for (const char* id : {"a", "b", "c"})
    script_.push_back([id](const RequestHeader& header) { return Cluster(header, id); });
  std::array<Result, 3> results;
  for (Result& result : results) StartCall(result);
  RunUntil([&] { return ended_.size() == 3; });
  EXPECT_THAT(ended_, ElementsAre(&results[0], &results[1], &results[2]));
  for (Result& result : results) ASSERT_TRUE(result.status->ok()) << *result.status;
  EXPECT_EQ(results[0].response.cluster_id, "a");
  EXPECT_EQ(results[1].response.cluster_id, "b");
  EXPECT_EQ(results[2].response.cluster_id, "c");
}

TEST_F(ConnectionTest, ALostConnectionFailsAllInFlight) {
  ASSERT_TRUE(Open().ok());
  held_ = 3;
  script_.push_back([](const RequestHeader&) { return Reply{{}, true}; });
  std::array<Result, 3> results;
  for (Result& result : results) StartCall(result);
  RunUntil([&] { return ended_.size() == 3; });
  for (Result& result : results) EXPECT_TRUE(absl::IsUnavailable(*result.status)) << *result.status;
}

TEST_F(ConnectionTest, ClosingCancelsWhatIsInFlight) {
  ASSERT_TRUE(Open().ok());
  Result result;
  StartCall(result);
  RunUntil([&] { return seen_.size() == 2; });
  connection_->Close();
  RunUntil([&] { return result.status.has_value() && broker_saw_the_end_; });
  EXPECT_TRUE(absl::IsCancelled(*result.status)) << *result.status;
}

class ConnectionOpeningTest : public ConnectionTest {
 protected:
  ConnectionOpeningTest() { config_.socket_connection_setup_timeout = std::chrono::hours(1); }
};

TEST_F(ConnectionOpeningTest, ClosingCancelsTheLookUpOfTheHost) {
  std::promise<void> answer;
  const auto asked = std::make_shared<std::promise<void>>();
  endpoint_.host = "a-name-server-that-is-silent";
  look_up_ = [held = answer.get_future().share(), asked](const std::string&) -> absl::StatusOr<HostAddresses> {
    asked->set_value();
    held.wait();
    return HostAddresses{};
  };
  StartOpening();
  io_.poll();
  asked->get_future().wait();
  io_.poll();
  ExpectCloseEndsOpening();
  answer.set_value();
}

TEST_F(ConnectionOpeningTest, ClosingCancelsTheConnecting) {
  // A full queue of connections that nobody accepts: the next one gets no answer from the kernel.
  tcp::acceptor full(io_, tcp::v4());
  full.bind({asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  endpoint_.port = full.local_endpoint().port();
  tcp::socket in_the_queue(io_);
  in_the_queue.connect(full.local_endpoint());
  StartOpening();
  io_.poll();
  ExpectCloseEndsOpening();
}

TEST_F(ConnectionOpeningTest, ClosingCancelsTheHandshake) {
  script_.clear();
  StartOpening();
  RunUntil([&] { return seen_.size() == 1; });
  ExpectCloseEndsOpening();
  RunUntil([&] { return broker_saw_the_end_; });
}

TEST_F(ConnectionOpeningTest, WhatWasClosedBeforeIsNotOpened) {
  connection_ = Connection::Create(io_.get_executor(), endpoint_, config_);
  connection_->Close();
  asio::co_spawn(io_, connection_->Open(),
                 [this](std::exception_ptr, absl::Status status) { opened_ = std::move(status); });
  RunUntil([&] { return opened_.has_value(); });
  EXPECT_TRUE(absl::IsCancelled(*opened_)) << *opened_;
}

TEST_F(ConnectionTest, Bad01_ANegativeSizeIsRefused) {
  ExpectLost(CallAnsweredBy([](const RequestHeader&) { return SizePrefix(-1); }), absl::StatusCode::kDataLoss,
             "answer of -1 bytes, 4 to 134217728");
}
TEST_F(ConnectionTest, Bad01_ASizeOfZeroIsRefused) {
  ExpectLost(CallAnsweredBy([](const RequestHeader&) { return SizePrefix(0); }), absl::StatusCode::kDataLoss,
             "answer of 0 bytes");
}
TEST_F(ConnectionTest, Bad01_ASizeAboveTheBoundIsRefusedUnread) {
  config_.response_bytes_max = 1 << 20;
  ExpectLost(CallAnsweredBy([](const RequestHeader&) { return SizePrefix((1 << 20) + 1); }),
             absl::StatusCode::kDataLoss, "answer of 1048577 bytes, 4 to 1048576");
}

TEST_F(ConnectionTest, Bad12_AnotherCorrelationIdEndsTheConnection) {
  const auto wrong = [](RequestHeader header) {
    ++header.correlation_id;
    return Cluster(header, "a");
  };
  ExpectLost(CallAnsweredBy(wrong), absl::StatusCode::kDataLoss, "correlation id");
}

TEST_F(ConnectionTest, ClosedInTheMiddleOfAFrame) {
  const auto half = [](const RequestHeader&) {
    Reply reply = SizePrefix(100);
    reply.bytes.resize(14);
    reply.close = true;
    return reply;
  };
  ExpectLost(CallAnsweredBy(half), absl::StatusCode::kUnavailable, "connection lost after 10 of 100 bytes");
}

TEST_F(ConnectionTest, NoAnswerInTime) {
  config_.request_timeout = std::chrono::milliseconds(20);
  ExpectLost(CallAnsweredBy([](const RequestHeader&) { return Reply{}; }), absl::StatusCode::kDeadlineExceeded,
             "no answer within 20 ms");
}

TEST_F(ConnectionTest, NoAnswerWhileConnecting) {
  config_.socket_connection_setup_timeout = std::chrono::milliseconds(20);
  script_.clear();
  ExpectLost(Open(), absl::StatusCode::kDeadlineExceeded, "no answer within 20 ms");
}

// What happened: with bootstrap.timeout.ms=4000 it said after 4 s that there was no answer within 10000 ms.
TEST_F(ConnectionTest, ALimitFromOutsideIsToldAsWhatItWas) {
  config_.socket_connection_setup_timeout = std::chrono::hours(1);
  script_.clear();
  StartOpening();
  connection_->NotAfter(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  RunUntil([&] { return opened_.has_value(); });
  EXPECT_THAT(std::string(opened_->message()), ::testing::ContainsRegex("no answer within [0-9]{1,2} ms"));
}

TEST_F(ConnectionTest, AnOldBrokerIsAskedForItsVersionsInVersion0) {
  const auto unsupported = [](const RequestHeader& header) {
    ApiVersionsResponse response;
    response.error_code = KafkaError::kUnsupportedVersion;
    response.api_keys = {{ApiKey::kApiVersions, 0, 0}};
    return Reply{EncodeResponse(response, 0, header.correlation_id).bytes};
  };
  script_ = {unsupported, Versions};
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  ASSERT_EQ(seen_.size(), 2u);
  EXPECT_EQ(seen_[0].version, 3);
  EXPECT_EQ(seen_[1].version, 0);
  EXPECT_EQ(connection_->VersionFor(ApiKey::kMetadata, 0, 13).value(), 9);
}

TEST_F(ConnectionTest, NoCommonVersionIsToldAndHarmsNothing) {
  ASSERT_TRUE(Open().ok());
  const auto fetch = connection_->VersionFor(ApiKey::kFetch, FetchRequest::kVersionMin, FetchRequest::kVersionMax);
  EXPECT_TRUE(absl::IsUnimplemented(fetch.status()));
  const auto metadata = connection_->VersionFor(ApiKey::kMetadata, 10, 13);
  EXPECT_TRUE(absl::IsUnimplemented(metadata.status()));
  EXPECT_THAT(std::string(metadata.status().message()),
              AllOf(HasSubstr(endpoint_.ToString()), HasSubstr("Metadata"), HasSubstr("0-9"), HasSubstr("10-13")));
  EXPECT_FALSE(connection_->closed());
}

TEST_F(ConnectionTest, NobodyListens) {
  acceptor_.close();
  ExpectLost(Open(), absl::StatusCode::kUnavailable, "cannot connect");
}

// Lays every large frame 777 bytes behind the beginning of a page.
class LandingAt777 final : public FrameLanding {
 public:
  size_t ShiftFor(ByteSpan frame_begin, int16_t version) override {
    ++asked;
    begin.assign(frame_begin.begin(), frame_begin.end());
    EXPECT_EQ(version, 9);
    return 777;
  }
  int asked = 0;
  std::vector<std::byte> begin;
};

TEST_F(ConnectionTest, ALargeFrameLandsWhereItIsWanted) {
  const Replier large = [](const RequestHeader& header) {
    MetadataResponse response;
    for (int32_t i = 0; i < 5'000; ++i) response.brokers.push_back({BrokerId{i}, "a.host.with.a.name", 9092, {}});
    return Reply{EncodeResponse(response, header.version, header.correlation_id).bytes};
  };
  script_ = {Versions, [](const RequestHeader& header) { return Cluster(header, "small"); }, large};
  ASSERT_TRUE(Open().ok());
  LandingAt777 landing;
  BufferPool pool(2);
  ReceivedFrame frame;
  Result small, landed;
  for (Result* result : {&small, &landed}) {
    EXPECT_EQ(landing.asked, 0) << "a small frame may lie anywhere";
    asio::co_spawn(io_, connection_->Call(request_, result->response, pool, frame, 9, &landing),
                   [result](std::exception_ptr, absl::Status status) { result->status = std::move(status); });
    RunUntil([&] { return result->status.has_value(); });
    ASSERT_TRUE(result->status->ok()) << *result->status;
  }
  EXPECT_EQ(landing.asked, 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(frame.bytes.data()) % kPageBytes, 777u);
  ASSERT_EQ(landed.response.brokers.size(), 5'000u);
  EXPECT_EQ(landed.response.brokers.back().node_id, BrokerId{4'999});
  EXPECT_TRUE(std::ranges::equal(landing.begin, frame.bytes.first(landing.begin.size())));
}

// What happened: an answer took the deadline away from a request that was still being sent.
TEST_F(ConnectionTest, Bad17_AnAnswerLeavesTheNextRequestItsDeadline) {
  script_ = {Versions, [](const RequestHeader& header) {
               Reply reply = Cluster(header, "first");
               reply.deaf = true;
               return reply;
             }};
  config_.request_timeout = std::chrono::seconds(1);
  acceptor_.set_option(tcp::socket::receive_buffer_size(64 << 10));
  ASSERT_TRUE(Open().ok());
  Result first, second;
  StartCall(first);
  request_.topics.emplace(30'000, MetadataRequestTopic{.name = std::string(200, 't')});  // more than sockets hold
  StartCall(second);
  RunUntil([&] { return ended_.size() == 2; });
  EXPECT_TRUE(first.status->ok()) << *first.status;
  EXPECT_TRUE(absl::IsDeadlineExceeded(*second.status)) << *second.status;
}

}  // namespace
}  // namespace slipstream
