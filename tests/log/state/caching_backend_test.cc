// What only the cache does; that nobody sees it: state_backend_test.cc.
#include "log/state/caching_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/state/heap_backend.h"
#include "tests/log/state/hand_clock.h"
#include "tests/support/memory_io.h"

namespace slipstream {
namespace {

using ::testing::Optional;

class CachingBackendTest : public ::testing::Test {
 protected:
  CachingBackendTest() {
    auto heap = std::make_unique<HeapBackend>(io_, HeapBackendOptions{clock_.function(), {}});
    heap_ = heap.get();
    cache_ = std::make_unique<CachingBackend>(std::move(heap), kBytesMax);
    list_ = *cache_->OpenState({"list", StateKind::kList});
  }
  absl::Status Put(StateBackend& backend, const std::string& key, const std::string& value,
                   Timestamp expires_at = kNeverExpires) {
    StateBatch batch;
    batch.Put(list_, key, {value, expires_at});
    return backend.Apply(batch);
  }
  std::string Get(const std::string& key) {
    const auto value = *cache_->Get(list_, key);
    return value ? value->bytes : "none";
  }

  static constexpr size_t kBytesMax = 2000;
  MemoryIo io_;
  HandClock clock_;
  HeapBackend* heap_;
  std::unique_ptr<CachingBackend> cache_;
  StateId list_;
};

TEST_F(CachingBackendTest, WhatWasReadOrWrittenIsAnsweredWithoutTheBackend) {
  ASSERT_TRUE(Put(*heap_, "read", "1").ok());
  EXPECT_EQ(Get("read"), "1");
  ASSERT_TRUE(Put(*cache_, "written", "2").ok());
  EXPECT_EQ(Get("read"), "1");
  EXPECT_EQ(Get("written"), "2");
  EXPECT_EQ(cache_->hits(), 2u);
  EXPECT_EQ(cache_->misses(), 1u);
  EXPECT_THAT(*heap_->Get(list_, "written"), Optional(StateValue{"2"}));  // written through
}

TEST_F(CachingBackendTest, AppendsAndDeletesAreSeen) {
  ASSERT_TRUE(Put(*cache_, "key", "1").ok());
  StateBatch append;
  append.Append(list_, "key", {"2"});
  ASSERT_TRUE(cache_->Apply(append).ok());
  EXPECT_EQ(Get("key"), "12");
  StateBatch remove;
  remove.Delete(list_, "key");
  ASSERT_TRUE(cache_->Apply(remove).ok());
  EXPECT_EQ(Get("key"), "none");
}

TEST_F(CachingBackendTest, TheLeastRecentlyUsedGoesFirst) {
  size_t one_entry = 0;
  for (const char* key : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(Put(*cache_, key, std::string(300, 'v')).ok());
    if (one_entry == 0) one_entry = cache_->bytes_held();
  }
  ASSERT_EQ(cache_->bytes_held(), 4 * one_entry);
  ASSERT_GT(5 * one_entry, kBytesMax);
  Get("a");
  ASSERT_TRUE(Put(*cache_, "e", std::string(300, 'v')).ok());
  EXPECT_EQ(cache_->bytes_held(), 4 * one_entry);
  const uint64_t misses = cache_->misses();
  for (const char* key : {"a", "c", "d", "e"}) Get(key);
  EXPECT_EQ(cache_->misses(), misses);
  Get("b");
  EXPECT_EQ(cache_->misses(), misses + 1);
}

TEST_F(CachingBackendTest, AValueAboveTheBoundIsNotKept) {
  ASSERT_TRUE(Put(*cache_, "key", "small").ok());
  ASSERT_TRUE(Put(*cache_, "key", std::string(kBytesMax, 'v')).ok());
  EXPECT_EQ(cache_->bytes_held(), 0u);
  EXPECT_EQ(Get("key").size(), kBytesMax);
  EXPECT_EQ(cache_->bytes_held(), 0u);
}

TEST_F(CachingBackendTest, AnExpiredEntryIsNeitherAnsweredNorKept) {
  ASSERT_TRUE(Put(*cache_, "key", "1", Timestamp{clock_.now() + 1}).ok());
  EXPECT_EQ(Get("key"), "1");
  clock_.SetTo(clock_.now() + 1);
  EXPECT_EQ(Get("key"), "none");
  EXPECT_EQ(cache_->bytes_held(), 0u);
}

TEST_F(CachingBackendTest, AFailedBatchForgetsWhatItTouched) {
  ASSERT_TRUE(Put(*cache_, "key", "1").ok());
  StateBatch bad;
  bad.Put(list_, "key", {"2"});
  bad.Put(list_, "", {"no key"});
  EXPECT_FALSE(cache_->Apply(bad).ok());
  EXPECT_EQ(cache_->bytes_held(), 0u);
  EXPECT_EQ(Get("key"), "1");
}

TEST_F(CachingBackendTest, ARestoreForgetsAll) {
  ASSERT_TRUE(Put(*cache_, "key", "1").ok());
  ASSERT_TRUE(cache_->Snapshot("/snapshot").ok());
  ASSERT_TRUE(Put(*cache_, "key", "2").ok());
  ASSERT_TRUE(cache_->Restore("/snapshot").ok());
  EXPECT_EQ(cache_->bytes_held(), 0u);
  EXPECT_EQ(Get("key"), "1");
}

}  // namespace
}  // namespace slipstream
