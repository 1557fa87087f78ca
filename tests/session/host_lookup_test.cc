#include "session/host_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include <future>
#include <optional>
#include <thread>

#include "tests/support/patience.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HostLookupTest : public ::testing::Test {
 protected:
  void Start(HostLookup::BlockingLookup look_up, const std::string& host = "broker.example") {
    lookup_.emplace(io_.get_executor(), std::move(look_up));
    Find(host);
  }
  void Find(const std::string& host) {
    found_.reset();
    io_.restart();
    asio::co_spawn(io_, lookup_->Find(host),
                   [this](std::exception_ptr, absl::StatusOr<HostAddresses> found) { found_ = std::move(found); });
  }
  absl::StatusOr<HostAddresses> Finish() {
    while (!found_) {
      if (io_.run_one_for(kPatience) == 0) return absl::InternalError("it hangs");
    }
    return *found_;
  }

  asio::io_context io_;
  std::optional<HostLookup> lookup_;
  std::optional<absl::StatusOr<HostAddresses>> found_;
};

TEST_F(HostLookupTest, AnswersFromAThreadOfItsOwn) {
  const auto address = asio::ip::make_address("192.0.2.7");
  Start([address, caller = std::this_thread::get_id()](const std::string& host) -> absl::StatusOr<HostAddresses> {
    EXPECT_NE(std::this_thread::get_id(), caller);
    EXPECT_EQ(host, "broker.example");
    return HostAddresses{address};
  });
  const auto found = Finish();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, ElementsAre(address));
}

TEST_F(HostLookupTest, AnAddressIsItsOwnAnswer) {
  for (const char* text : {"192.0.2.7", "::1", "fe80::1"}) {
    Start(
        [](const std::string&) -> absl::StatusOr<HostAddresses> {
          ADD_FAILURE() << "nobody need be asked";
          return HostAddresses{};
        },
        text);
    const auto found = Finish();
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_THAT(*found, ElementsAre(asio::ip::make_address(text)));
  }
}

TEST_F(HostLookupTest, TellsWhyThereIsNoAnswer) {
  Start(nullptr, "no-such-host.invalid");
  const absl::Status status = Finish().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot resolve host"));
}

// Both orders of letting go: the one who asked first, and its io_context after it.
TEST_F(HostLookupTest, CancellingDoesNotWaitForTheSystem) {
  std::promise<void> answer;
  const auto asked = std::make_shared<std::promise<void>>();
  std::shared_future<void> held = answer.get_future().share();
  Start([held, asked](const std::string&) -> absl::StatusOr<HostAddresses> {
    asked->set_value();
    held.wait();
    return HostAddresses{};
  });
  io_.poll();
  asked->get_future().wait();
  EXPECT_FALSE(found_);
  lookup_->Cancel();
  const absl::Status status = Finish().status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  lookup_.reset();
  answer.set_value();
}

TEST_F(HostLookupTest, AfterACancelledLookUpAnotherOneWorks) {
  std::promise<void> answer;
  std::shared_future<void> held = answer.get_future().share();
  Start(
      [held](const std::string& host) -> absl::StatusOr<HostAddresses> {
        if (host == "silent.example") held.wait();
        return HostAddresses{asio::ip::make_address("192.0.2.7")};
      },
      "silent.example");
  io_.poll();
  lookup_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(Finish().status()));
  Find("broker.example");
  EXPECT_TRUE(Finish().ok());
  answer.set_value();
}

}  // namespace
}  // namespace slipstream
