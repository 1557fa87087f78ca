// One broker of the model as the follower reaches it: over a network that is slow, loses, cuts, damages and mixes up.
// It never breaks what a connection guarantees by itself: an answer belongs to the request that waits for it, or the
// connection ends (INV-10: the correlation id is checked below this seam).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "session/leader_endpoint.h"
#include "tests/sim/leader_answers.h"
#include "tests/sim/model.h"

namespace slipstream::sim {

class SimLeader;

// What the follower's side of the wire sees.
class Witness {
 public:
  using Asked = std::map<TopicPartition, FetchPartition>;

  virtual ~Witness() = default;
  // `asked`: all that the session asks with this request, told now or before.
  virtual void OnFetchSent(const SimLeader& leader, const Asked& asked) = 0;
  // Its answer has come whole, or never will.
  virtual void OnFetchEnded(const SimLeader& leader) = 0;
  // The answer has come: its records of one partition, as far as they are whole.
  virtual void OnRecords(const SimLeader& leader, const TopicPartition& partition, const FetchPartition& asked,
                         const ModelBatches& records) = 0;
};

class SimLeader final : public LeaderEndpoint {
 public:
  // All outlive it.
  SimLeader(Model& model, int32_t broker, const Options& options, Random& random, Scheduler& scheduler, Trace& trace,
            Witness& witness);
  ~SimLeader() override;

  BrokerId broker_id() const override { return BrokerId{broker_}; }
  const Endpoint& endpoint() const override { return endpoint_; }
  asio::awaitable<absl::StatusOr<bool>> SupportsTopicIds() override;
  asio::awaitable<absl::StatusOr<bool>> SupportsTruncationOnFetch() override;
  asio::awaitable<absl::Status> Fetch(FetchExchange& exchange, int16_t version_max) override;
  asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> OffsetsForLeaderEpoch(
      std::vector<EpochQuery> queries) override;
  asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> ListOffset(TopicPartition partition,
                                                                          LeaderEpoch current_leader_epoch,
                                                                          Timestamp timestamp) override;
  void Close() override;

 private:
  struct Link {  // a connection: one for fetches, one for questions
    bool connected = false;
  };
  struct Answer {
    FetchResponse response;
    std::map<TopicPartition, ModelBatches> records;
    Witness::Asked asked;  // what it answers
  };
  enum class Fate { kArrives, kRequestLost, kAnswerLost, kCut, kCutLate, kStale, kWrongSession, kDamaged };

  Fate DrawFate();
  bool Faulty() const { return !model_.healed(); }
  bool Up() { return model_.broker(broker_).up; }
  std::chrono::milliseconds Delay() { return random_.WaitUpTo(options_.delay_max); }
  // OK: the call goes on. Ends a connection otherwise.
  asio::awaitable<absl::Status> Connect(Link& link);
  asio::awaitable<absl::Status> Travel(Link& link, bool lost, bool cut);
  asio::awaitable<absl::Status> Lose(Link& link, absl::Status why, std::chrono::nanoseconds after);
  asio::awaitable<void> Serve(FetchRequest request, int16_t version, Answer* answer);
  std::vector<FetchPart> ReadAll(FetchContext& context, const FetchRequest& request, int16_t version);
  void Track(const FetchRequest& request);
  TopicPartition NameOf(int32_t partition) const { return {"orders", partition}; }
  bool TakeStale(Answer& answer);
  void Deliver(FetchExchange& exchange, Answer answer, bool misplaced, bool damaged);

  Model& model_;
  const int32_t broker_;
  const Options& options_;
  Random& random_;
  Scheduler& scheduler_;
  Trace& trace_;
  Witness& witness_;
  const Endpoint endpoint_;
  Naps naps_;
  Naps polls_;               // fetches that wait for news
  Witness::Asked session_;   // as the follower built it up
  std::deque<Answer> kept_;  // answers of connections that ended, to be mixed up later
  std::deque<Answer> told_;  // of this connection
  Link fetching_, asking_;
};

}  // namespace slipstream::sim
