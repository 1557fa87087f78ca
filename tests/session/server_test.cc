#include "session/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <map>
#include <new>

#include "log/async_event.h"
#include "session/wire/messages/metadata.h"
#include "tests/support/memory_io.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace slipstream {
namespace {

using asio::ip::tcp;
using ::testing::HasSubstr;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::vector<std::byte> Counting(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

// Answers with the correlation id and, between two marks, whatever file regions the test has put aside for it.
class ScriptedHandler final : public RequestHandler {
 public:
  struct Script {
    absl::Status status;
    bool silent = false;
    bool throws = false;
    bool parked = false;   // until Release
    bool watches = false;  // until the client leaves
    std::vector<FileRegion> regions;
  };

  explicit ScriptedHandler(asio::io_context& io) : released_(io.get_executor()) {}

  asio::awaitable<absl::Status> Handle(RequestHeader header, std::span<std::byte> body, WaitingClient& client,
                                       ServerAnswer& answer) override {
    handled.push_back(header.correlation_id);
    last_body.assign(body.begin(), body.end());
    Script& script = scripts[header.correlation_id];
    ++running;
    if (script.watches) {
      client.Watch([this, id = header.correlation_id] {
        left.push_back(id);
        Release(id);
      });
    }
    while (script.parked) co_await released_.Wait();
    client.Unwatch();
    --running;
    if (script.throws) throw std::bad_alloc();
    if (!script.status.ok() || script.silent) co_return script.status;
    std::vector<std::byte>& bytes = answer.frame.bytes;
    uint64_t size = 6;
    for (const FileRegion& region : script.regions) size += region.bytes;
    AppendBigEndian(bytes, static_cast<int32_t>(size));
    AppendBigEndian(bytes, header.correlation_id);
    bytes.push_back(std::byte{'<'});
    for (const FileRegion& region : script.regions) {
      answer.frame.splices.push_back(
          {.offset = bytes.size(), .index = answer.frame.splices.size(), .length = region.bytes, .bytes = {}});
      answer.regions.push_back(region);
    }
    bytes.push_back(std::byte{'>'});
    co_return absl::OkStatus();
  }

  void Release(int32_t correlation_id) {
    scripts[correlation_id].parked = false;
    released_.NotifyAll();
  }

  std::map<int32_t, Script> scripts;
  std::vector<int32_t> handled, left;
  std::vector<std::byte> last_body;
  int running = 0;

 private:
  AsyncEvent released_;
};

// The smallest request the header reader knows, followed by `body`.
std::vector<std::byte> Frame(int32_t correlation_id, ByteSpan body = {}) {
  MetadataRequest request;
  std::vector<std::byte> frame = EncodeRequest(request, 0, correlation_id, "test").bytes;
  frame.insert(frame.end(), body.begin(), body.end());
  WriteBigEndian(std::span(frame), 0, static_cast<int32_t>(frame.size() - 4));
  return frame;
}

class ServerTest : public ::testing::Test {
 public:
  void Start(ServerConfig config = {}) {
    config.on_error = [this](const absl::Status& status) { errors_.push_back(status); };
    auto server = Server::Bind(io_, {"127.0.0.1", 0}, std::move(config), handler_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(server_->Start().ok());
  }
  // Lets the server run beside the test's coroutine until that is done, then stops the server.
  void Run(asio::awaitable<void> test) {
    bool done = false;
    asio::co_spawn(io_, std::move(test), [&](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      asio::co_spawn(io_, server_->Stop(), [&](std::exception_ptr) { done = true; });
    });
    io_.run_for(kPatience);
    EXPECT_TRUE(done) << "it hangs";
  }

  asio::awaitable<tcp::socket> Connect() {
    tcp::socket socket(io_);
    auto [error] = co_await socket.async_connect({asio::ip::address_v4::loopback(), server_->endpoint().port}, kAwait);
    EXPECT_FALSE(error) << error.message();
    co_return socket;
  }
  asio::awaitable<void> Write(tcp::socket& socket, std::vector<std::byte> bytes) {
    auto [error, written] = co_await asio::async_write(socket, asio::buffer(bytes), kAwait);
    EXPECT_FALSE(error) << error.message();
  }
  // What follows an answer's size; empty when the server closed instead.
  asio::awaitable<std::vector<std::byte>> ReadAnswer(tcp::socket& socket) {
    std::vector<std::byte> size(4);
    auto [size_error, size_read] = co_await asio::async_read(socket, asio::buffer(size), kAwait);
    if (size_error) co_return std::vector<std::byte>{};
    std::vector<std::byte> answer(static_cast<size_t>(ReadBigEndian<int32_t>(size, 0)));
    auto [error, read] = co_await asio::async_read(socket, asio::buffer(answer), kAwait);
    if (error) co_return std::vector<std::byte>{};
    co_return answer;
  }
  asio::awaitable<int32_t> ReadCorrelationId(tcp::socket& socket) {
    const std::vector<std::byte> answer = co_await ReadAnswer(socket);
    co_return answer.size() < 4 ? -1 : ReadBigEndian<int32_t>(answer, 0);
  }
  asio::awaitable<bool> ClosedByServer(tcp::socket& socket) {
    const std::vector<std::byte> answer = co_await ReadAnswer(socket);
    co_return answer.empty();
  }
  asio::awaitable<void> ExpectRefused(std::vector<std::byte> bytes) {
    tcp::socket socket = co_await Connect();
    co_await Write(socket, std::move(bytes));
    const bool closed = co_await ClosedByServer(socket);
    EXPECT_TRUE(closed);
  }
  // A file with `content` and the region of it from `from` on.
  FileRegion Region(FileIo& io, const std::filesystem::path& path, ByteSpan content, uint64_t from, uint64_t bytes) {
    auto file = io.Open(path, OpenMode::kCreateNew);
    EXPECT_TRUE(file.ok() && (*file)->WriteAt(content, {0}).ok());
    return {.file = std::shared_ptr<File>(*std::move(file)), .position = {from}, .bytes = bytes};
  }
  void ExpectSpliced(const std::vector<std::byte>& answer, std::vector<ByteSpan> parts) {
    std::vector<std::byte> expected{std::byte{'<'}};
    for (const ByteSpan part : parts) expected.insert(expected.end(), part.begin(), part.end());
    expected.push_back(std::byte{'>'});
    ASSERT_GE(answer.size(), 4u);
    EXPECT_TRUE(std::ranges::equal(ByteSpan(answer).subspan(4), expected));
  }

  asio::io_context io_;
  ScriptedHandler handler_{io_};
  std::vector<absl::Status> errors_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersInTheOrderOfTheRequestsThoughTheFirstWaits) {
  Start();
  handler_.scripts[1].parked = true;
  const auto test = [](ServerTest& t, ScriptedHandler& handler) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    std::vector<std::byte> three = Frame(1);
    for (const int32_t id : {2, 3}) {
      const std::vector<std::byte> next = Frame(id);
      three.insert(three.end(), next.begin(), next.end());
    }
    co_await t.Write(socket, three);
    tcp::socket other = co_await t.Connect();
    co_await t.Write(other, Frame(9));
    const int32_t others = co_await t.ReadCorrelationId(other);
    EXPECT_EQ(others, 9);
    EXPECT_EQ(handler.running, 1);  // the first, and nothing behind it
    handler.Release(1);
    for (const int32_t expected : {1, 2, 3}) {
      const int32_t id = co_await t.ReadCorrelationId(socket);
      EXPECT_EQ(id, expected);
    }
  };
  Run(test(*this, handler_));
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ServerTest, ARequestMayComeByteByByte) {
  Start();
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    for (const std::byte byte : Frame(5, Counting(9))) {
      const std::vector<std::byte> one(1, byte);
      co_await t.Write(socket, one);
    }
    const int32_t id = co_await t.ReadCorrelationId(socket);
    EXPECT_EQ(id, 5);
  };
  Run(test(*this));
  // Metadata version 0 with null topics, written as none, is a count of four bytes; then what the test added.
  EXPECT_TRUE(std::ranges::equal(ByteSpan(handler_.last_body).subspan(4), Counting(9)));
}

TEST_F(ServerTest, Log152_RegionsOfFilesStandWhereTheFrameLeavesRoom) {
  Start();
  TempDir dir;
  const std::vector<std::byte> large = Counting(5 << 20), small = Counting(100);
  handler_.scripts[1].regions = {Region(SystemFileIo(), dir.path() / "large", large, 1000, (5 << 20) - 1000),
                                 Region(SystemFileIo(), dir.path() / "small", small, 0, 100)};
  const auto test = [](ServerTest& t, ByteSpan first, ByteSpan second) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    const std::vector<std::byte> answer = co_await t.ReadAnswer(socket);
    t.ExpectSpliced(answer, {first, second});
  };
  Run(test(*this, ByteSpan(large).subspan(1000), small));
}

TEST_F(ServerTest, RegionsOfFilesWithoutADescriptorAreCopied) {
  Start();
  MemoryIo disk;
  const std::vector<std::byte> content = Counting(300'000);
  handler_.scripts[1].regions = {Region(disk, "/file", content, 10, 299'990)};
  const auto test = [](ServerTest& t, ByteSpan part) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    const std::vector<std::byte> answer = co_await t.ReadAnswer(socket);
    t.ExpectSpliced(answer, {part});
  };
  Run(test(*this, ByteSpan(content).subspan(10)));
}

TEST_F(ServerTest, Log152_AFileThatShrankEndsTheConnection) {
  Start();
  TempDir dir;
  handler_.scripts[1].regions = {Region(SystemFileIo(), dir.path() / "short", Counting(50), 0, 60)};
  const auto test = [](ServerTest& t) -> asio::awaitable<void> { co_await t.ExpectRefused(Frame(1)); };
  Run(test(*this));
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_TRUE(absl::IsDataLoss(errors_[0])) << errors_[0];
}

TEST_F(ServerTest, ASilentAnswerSendsNothing) {
  Start();
  handler_.scripts[1].silent = true;
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    co_await t.Write(socket, Frame(2));
    const int32_t id = co_await t.ReadCorrelationId(socket);
    EXPECT_EQ(id, 2);
  };
  Run(test(*this));
  EXPECT_EQ(handler_.handled, (std::vector<int32_t>{1, 2}));
}

TEST_F(ServerTest, GarbageEndsTheConnectionAndIsReported) {
  Start({.request_bytes_max = 1000});
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    for (const int32_t size : {-1, 0, 7, 1001, 0x47455420}) {  // the last is "GET "
      std::vector<std::byte> bytes;
      AppendBigEndian(bytes, size);
      co_await t.ExpectRefused(bytes);
    }
    std::vector<std::byte> unknown = Frame(1);
    WriteBigEndian<int16_t>(unknown, 4, 999);
    co_await t.ExpectRefused(unknown);
    std::vector<std::byte> cut = Frame(1);
    WriteBigEndian<int16_t>(cut, 12, 30'000);  // the client id's length
    co_await t.ExpectRefused(cut);
  };
  Run(test(*this));
  EXPECT_TRUE(handler_.handled.empty());
  ASSERT_EQ(errors_.size(), 7u);
  EXPECT_THAT(std::string(errors_[3].message()), HasSubstr("request of 1001 bytes, 8 to 1000 allowed"));
  EXPECT_THAT(std::string(errors_[3].message()), HasSubstr("client 127.0.0.1:"));
  EXPECT_TRUE(absl::IsUnimplemented(errors_[5])) << errors_[5];
}

TEST_F(ServerTest, AHandlersErrorEndsItsConnectionOnly) {
  Start();
  handler_.scripts[1].status = absl::UnimplementedError("Metadata v99 is not served");
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket other = co_await t.Connect();
    co_await t.ExpectRefused(Frame(1));
    co_await t.Write(other, Frame(2));
    const int32_t id = co_await t.ReadCorrelationId(other);
    EXPECT_EQ(id, 2);
  };
  Run(test(*this));
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_THAT(std::string(errors_[0].message()), HasSubstr("Metadata v99 is not served"));
}

// What happened: the exception was dropped, the connection stayed open without being served, and Stop waited for it.
TEST_F(ServerTest, AHandlersExceptionEndsTheThreadAndIsNotDropped) {
  Start();
  handler_.scripts[1].throws = true;
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    co_await t.ReadAnswer(socket);
  };
  asio::co_spawn(io_, test(*this), RethrowException{});
  EXPECT_THROW(io_.run_for(kPatience), std::bad_alloc);
}

TEST_F(ServerTest, AClientThatLeavesBetweenRequestsIsNoError) {
  Start();
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    const int32_t id = co_await t.ReadCorrelationId(socket);
    EXPECT_EQ(id, 1);
    socket.close();
    const std::vector<std::byte> garbage(4, std::byte{0x7f});
    co_await t.ExpectRefused(garbage);  // a later connection is still served
  };
  Run(test(*this));
  EXPECT_EQ(errors_.size(), 1u);  // only the garbage
}

TEST_F(ServerTest, MoreConnectionsThanAllowedAreClosed) {
  Start({.connections_max = 1});
  const auto test = [](ServerTest& t) -> asio::awaitable<void> {
    tcp::socket first = co_await t.Connect();
    co_await t.Write(first, Frame(1));
    const int32_t id = co_await t.ReadCorrelationId(first);
    EXPECT_EQ(id, 1);
    tcp::socket second = co_await t.Connect();
    const bool closed = co_await t.ClosedByServer(second);
    EXPECT_TRUE(closed);
  };
  Run(test(*this));
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(errors_[0])) << errors_[0];
}

TEST_F(ServerTest, AnIdleConnectionIsClosedButNotOneWhoseRequestWaits) {
  Start({.idle_max = std::chrono::milliseconds(20)});
  handler_.scripts[1].parked = true;
  const auto test = [](ServerTest& t, ScriptedHandler& handler) -> asio::awaitable<void> {
    tcp::socket waiting = co_await t.Connect();
    co_await t.Write(waiting, Frame(1));
    tcp::socket idle = co_await t.Connect();
    const bool closed = co_await t.ClosedByServer(idle);
    EXPECT_TRUE(closed);
    handler.Release(1);
    const int32_t id = co_await t.ReadCorrelationId(waiting);
    EXPECT_EQ(id, 1);
  };
  Run(test(*this, handler_));
}

TEST_F(ServerTest, StopWaitsForTheRequestBeingHandled) {
  Start();
  handler_.scripts[1].parked = true;
  bool stopped = false;
  const auto test = [](ServerTest& t, ScriptedHandler& handler, Server& server, bool& done) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    while (handler.running == 0) co_await asio::post(asio::use_awaitable);
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, server.Stop(), [&done](std::exception_ptr) { done = true; });
    const bool closed = co_await t.ClosedByServer(socket);
    EXPECT_TRUE(closed);
    EXPECT_FALSE(done);
    EXPECT_EQ(server.connection_count(), 1u);
    handler.Release(1);
    while (!done) co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(server.connection_count(), 0u);
  };
  Run(test(*this, handler_, *server_, stopped));
  EXPECT_TRUE(stopped);
}

TEST_F(ServerTest, AClientThatLeavesWhileItsRequestIsParkedIsSeen) {
  Start();
  handler_.scripts[1] = handler_.scripts[2] = {.parked = true, .watches = true};
  const auto test = [](ServerTest& t, ScriptedHandler& handler, Server& server) -> asio::awaitable<void> {
    tcp::socket leaving = co_await t.Connect(), staying = co_await t.Connect();
    co_await t.Write(leaving, Frame(1));
    co_await t.Write(staying, Frame(2));
    while (handler.running < 2) co_await asio::post(asio::use_awaitable);
    leaving.close();
    while (server.connection_count() > 1) co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(handler.left, (std::vector<int32_t>{1}));
    handler.Release(2);
    const int32_t id = co_await t.ReadCorrelationId(staying);
    EXPECT_EQ(id, 2);
  };
  Run(test(*this, handler_, *server_));
  EXPECT_EQ(handler_.left, (std::vector<int32_t>{1}));
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ServerTest, AClientThatSendsItsNextRequestMeanwhileHasNotLeft) {
  Start();
  handler_.scripts[1] = handler_.scripts[2] = {.parked = true, .watches = true};
  const auto test = [](ServerTest& t, ScriptedHandler& handler) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    for (const int32_t request : {1, 2}) co_await t.Write(socket, Frame(request));
    for (const int32_t request : {1, 2}) {
      while (handler.handled.empty() || handler.handled.back() != request) co_await asio::post(asio::use_awaitable);
      handler.Release(request);
      const int32_t id = co_await t.ReadCorrelationId(socket);
      EXPECT_EQ(id, request);
    }
    // Watched again after an earlier look that is still under way.
    handler.scripts[3] = {.parked = true, .watches = true};
    co_await t.Write(socket, Frame(3));
    while (handler.running == 0) co_await asio::post(asio::use_awaitable);
    socket.close();
    while (handler.running > 0) co_await asio::post(asio::use_awaitable);
  };
  Run(test(*this, handler_));
  EXPECT_EQ(handler_.left, (std::vector<int32_t>{3}));
}

TEST_F(ServerTest, StopReachesARequestThatWatchesItsClient) {
  Start();
  handler_.scripts[1] = {.parked = true, .watches = true};
  const auto test = [](ServerTest& t, ScriptedHandler& handler) -> asio::awaitable<void> {
    tcp::socket socket = co_await t.Connect();
    co_await t.Write(socket, Frame(1));
    while (handler.running == 0) co_await asio::post(asio::use_awaitable);
  };
  Run(test(*this, handler_));
  EXPECT_EQ(handler_.left, (std::vector<int32_t>{1}));
}

// As load balancers and port scanners do: connect, and go again without a byte.
TEST_F(ServerTest, AProbeIsNoError) {
  Start();
  const auto test = [](ServerTest& t, Server& server) -> asio::awaitable<void> {
    for (const bool abortive : {false, true}) {
      tcp::socket socket = co_await t.Connect();
      while (server.connection_count() == 0) co_await asio::post(asio::use_awaitable);
      if (abortive) socket.set_option(tcp::socket::linger(true, 0));
      socket.close();
      while (server.connection_count() > 0) co_await asio::post(asio::use_awaitable);
    }
  };
  Run(test(*this, *server_));
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ServerTest, AnAddressThatIsTakenIsNamed) {
  Start();
  const auto second = Server::Bind(io_, server_->endpoint(), {}, handler_);
  ASSERT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(server_->endpoint().ToString()));
}

}  // namespace
}  // namespace slipstream
