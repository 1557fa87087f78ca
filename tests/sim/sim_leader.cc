#include "tests/sim/sim_leader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

namespace slipstream::sim {
namespace {

constexpr size_t kAnswersKept = 4;
constexpr int16_t kFetchVersionWithoutDivergence = 11;

struct InFlight {
  InFlight(Witness& told, const SimLeader& asked, const Witness::Asked& session) : witness(told), leader(asked) {
    witness.OnFetchSent(leader, session);
  }
  ~InFlight() { witness.OnFetchEnded(leader); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

  Witness& witness;
  const SimLeader& leader;
};

}  // namespace

SimLeader::SimLeader(Model& model, int32_t broker, const Options& options, Random& random, Scheduler& scheduler,
                     Trace& trace, Witness& witness)
    : model_(model),
      broker_(broker),
      options_(options),
      random_(random),
      scheduler_(scheduler),
      trace_(trace),
      witness_(witness),
      endpoint_{absl::StrCat("broker", broker), 9092},
      naps_(scheduler),
      polls_(scheduler) {
  model_.broker(broker_).waiting.push_back(&polls_);
}

SimLeader::~SimLeader() { std::erase(model_.broker(broker_).waiting, &polls_); }

void SimLeader::Close() {
  naps_.End();
  polls_.End();
}

SimLeader::Fate SimLeader::DrawFate() {
  if (!Faulty()) return Fate::kArrives;
  if (random_.Chance(options_.lost)) return random_.Chance({1, 2}) ? Fate::kRequestLost : Fate::kAnswerLost;
  if (random_.Chance(options_.cut)) return random_.Chance({1, 2}) ? Fate::kCut : Fate::kCutLate;
  if (random_.Chance(options_.stale_answer)) return Fate::kStale;
  if (random_.Chance(options_.wrong_session)) return Fate::kWrongSession;
  if (random_.Chance(options_.damaged)) return Fate::kDamaged;
  return Fate::kArrives;
}

asio::awaitable<absl::Status> SimLeader::Lose(Link& link, absl::Status why, std::chrono::nanoseconds after) {
  co_await naps_.For(after);
  link.connected = false;
  if (&link == &fetching_) kept_ = std::exchange(told_, {});
  if (naps_.ended()) co_return absl::CancelledError("closed");
  co_return why;
}

asio::awaitable<absl::Status> SimLeader::Connect(Link& link) {
  if (naps_.ended()) co_return absl::CancelledError("closed");
  if (link.connected) co_return absl::OkStatus();
  co_await naps_.For(Delay());
  if (naps_.ended()) co_return absl::CancelledError("closed");
  if (!Up()) {
    const bool silent = random_.Chance({1, 2});
    if (silent) co_return co_await Lose(link, absl::DeadlineExceededError("no connection"), options_.request_timeout);
    co_return absl::UnavailableError(absl::StrCat(endpoint_.ToString(), ": connection refused"));
  }
  link.connected = true;
  co_return absl::OkStatus();
}

// One way.
asio::awaitable<absl::Status> SimLeader::Travel(Link& link, bool lost, bool cut) {
  if (lost) co_return co_await Lose(link, absl::DeadlineExceededError("no answer"), options_.request_timeout);
  co_await naps_.For(Delay());
  if (naps_.ended()) co_return absl::CancelledError("closed");
  if (cut || !Up()) co_return co_await Lose(link, absl::UnavailableError("connection reset"), Delay());
  co_return absl::OkStatus();
}

asio::awaitable<absl::StatusOr<bool>> SimLeader::SupportsTopicIds() {
  const absl::Status connected = co_await Connect(fetching_);
  if (!connected.ok()) co_return connected;
  co_return options_.topic_ids;
}

asio::awaitable<absl::StatusOr<bool>> SimLeader::SupportsTruncationOnFetch() {
  const absl::Status connected = co_await Connect(fetching_);
  if (!connected.ok()) co_return connected;
  co_return options_.truncation_on_fetch;
}

asio::awaitable<absl::StatusOr<std::vector<EpochAnswer>>> SimLeader::OffsetsForLeaderEpoch(
    std::vector<EpochQuery> queries) {
  const absl::Status connected = co_await Connect(asking_);
  if (!connected.ok()) co_return connected;
  const Fate fate = DrawFate();
  const absl::Status there = co_await Travel(asking_, fate == Fate::kRequestLost, fate == Fate::kCut);
  if (!there.ok()) co_return there;
  std::vector<EpochAnswer> answers;
  for (const EpochQuery& query : queries) {
    if (Faulty() && random_.Chance(options_.left_out)) continue;
    const Partition& partition = model_.partition(query.partition.partition);
    answers.push_back(AnswerEpochQuery(partition.replicas[static_cast<size_t>(broker_)], query));
  }
  const absl::Status back = co_await Travel(asking_, fate == Fate::kAnswerLost, fate == Fate::kCutLate);
  if (!back.ok()) co_return back;
  for (const EpochAnswer& answer : answers)
    trace_.Tell(endpoint_.host, ": epoch of ", answer.partition.ToString(), " error ", KafkaErrorName(answer.error),
                " epoch ", answer.end.leader_epoch.value, " ends at ", answer.end.end_offset.value);
  co_return answers;
}

asio::awaitable<absl::StatusOr<std::optional<OffsetAnswer>>> SimLeader::ListOffset(TopicPartition partition,
                                                                                   LeaderEpoch current_leader_epoch,
                                                                                   Timestamp timestamp) {
  const absl::Status connected = co_await Connect(asking_);
  if (!connected.ok()) co_return connected;
  const Fate fate = DrawFate();
  const absl::Status there = co_await Travel(asking_, fate == Fate::kRequestLost, fate == Fate::kCut);
  if (!there.ok()) co_return there;
  const Replica& replica = model_.partition(partition.partition).replicas[static_cast<size_t>(broker_)];
  std::optional<OffsetAnswer> answer =
      AnswerOffsetQuery(replica, current_leader_epoch, timestamp == kLatestTimestamp, options_.replica);
  if (Faulty() && random_.Chance(options_.left_out)) answer.reset();
  const absl::Status back = co_await Travel(asking_, fate == Fate::kAnswerLost, fate == Fate::kCutLate);
  if (!back.ok()) co_return back;
  trace_.Tell(endpoint_.host, ": ", timestamp == kLatestTimestamp ? "end" : "start", " of ", partition.ToString(),
              answer ? absl::StrCat(" error ", KafkaErrorName(answer->error), " offset ", answer->offset.value)
                     : std::string(" left out"));
  co_return answer;
}

asio::awaitable<absl::Status> SimLeader::Fetch(FetchExchange& exchange, int16_t version_max) {
  const absl::Status connected = co_await Connect(fetching_);
  if (!connected.ok()) co_return connected;
  exchange.request.replica_id = exchange.request.replica_state.replica_id = BrokerId{options_.replica ? 100 : -1};
  Track(exchange.request);
  const InFlight in_flight(witness_, *this, session_);
  FetchRequest sent = exchange.request;
  const int16_t version = options_.truncation_on_fetch ? version_max : kFetchVersionWithoutDivergence;
  // Any session may answer a full request: only an incremental one tells a wrong one from the right one.
  const bool incremental = sent.session_epoch > 0;
  const Fate fate = DrawFate();
  const absl::Status there = co_await Travel(fetching_, fate == Fate::kRequestLost, fate == Fate::kCut);
  if (!there.ok()) co_return there;
  Answer answer{.asked = session_};
  co_await Serve(std::move(sent), version, &answer);
  const absl::Status back = co_await Travel(fetching_, fate == Fate::kAnswerLost, fate == Fate::kCutLate);
  if (!back.ok()) co_return back;
  const bool stale = fate == Fate::kStale && incremental && TakeStale(answer);
  if (fate == Fate::kStale && !stale)
    co_return co_await Lose(fetching_, absl::DataLossError("wrong correlation id"), Delay());
  const bool wrong_session = fate == Fate::kWrongSession && incremental;
  if (wrong_session) answer.response.session_id += 1;
  told_.push_back(answer);
  if (told_.size() > kAnswersKept) told_.pop_front();
  Deliver(exchange, std::move(answer), stale || wrong_session, fate == Fate::kDamaged);
  co_return absl::OkStatus();
}

}  // namespace slipstream::sim
