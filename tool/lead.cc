#include "tool/lead.h"

#include <absl/strings/str_cat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>

#include "fetcher/leader/leader_service.h"
#include "fetcher/leader/topic_catalog.h"
#include "log/async_event.h"
#include "log/clock.h"
#include "log/compaction/log_cleaner.h"
#include "log/io/io_ring.h"
#include "log/log_manager.h"
#include "log/status.h"
#include "session/server.h"
#include "tool/exit_code.h"
#include "tool/loading_watch.h"
#include "tool/stop_signals.h"

namespace slipstream {
namespace {

constexpr std::chrono::seconds kCheckpointInterval{5};  // replica.high.watermark.checkpoint.interval.ms
constexpr std::chrono::milliseconds kCleanerPoll{20};   // while a log is being compacted

// All that one run of the command owns, in the order it is built up; everything happens on the thread of `io`.
class Lead {
 public:
  explicit Lead(const LeadOptions& options)
      : options_(options),
        signals_(io_),
        stop_(io_.get_executor()),
        compaction_stop_(io_.get_executor()),
        compaction_ended_(io_.get_executor()),
        cleaner_(options.compaction) {}

  absl::Status Run();

 private:
  absl::Status OpenLogs();
  asio::awaitable<absl::Status> Main();
  asio::awaitable<absl::Status> Prepare();
  absl::Status CheckFlags();
  absl::Status CheckpointForCut(const CutSpec& spec);
  void PrintCut(const CutPartition& cut);
  asio::awaitable<absl::Status> ServeUntilStopped();
  asio::awaitable<absl::Status> Maintain();
  void TellOfChange(const std::string& what, const absl::Status& status);
  std::vector<HostedPartition*> Partitions();
  asio::awaitable<void> CompactUntilStopped();
  asio::awaitable<void> Compact(HostedPartition& partition);

  const LeadOptions& options_;
  asio::io_context io_;
  asio::signal_set signals_;
  InterruptibleSleep stop_, compaction_stop_;
  bool stopped_ = false, compacting_ = false;
  AsyncEvent compaction_ended_;
  std::unique_ptr<IoQueue> queue_;
  std::unique_ptr<LogManager> logs_;
  LogCleaner cleaner_;                         // of one of logs_ at a time
  const HostedPartition* removing_ = nullptr;  // whose deleted files are on their way off the disk
  std::unique_ptr<TopicCatalog> catalog_;
  std::unique_ptr<LeaderService> service_;
  std::unique_ptr<Server> server_;
  std::map<std::string, absl::Status> trouble_;  // of maintenance, as last told
};

absl::Status Lead::Run() {
  SLIP_RETURN_IF_ERROR(WithExitCode(options_.generate_options.Validate(), ExitCode::kUsage));
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  AddHangup(signals_);
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    stopped_ = true;
    stop_.Interrupt();
    compaction_stop_.Interrupt();
  });
  queue_ = MakeIoQueue(io_);
  if (const absl::Status opened = OpenLogs(); absl::IsCancelled(opened)) {
    return absl::OkStatus();
  } else if (!opened.ok()) {
    // What was clean stays so: the next start need not scan everything because a port was taken.
    if (logs_ != nullptr) logs_->Close().IgnoreError();
    return WithExitCode(opened, ExitCode::kCannotStart);
  }
  absl::Status served;
  asio::co_spawn(io_, Main(), [&](std::exception_ptr error, absl::Status status) {
    if (error) std::rethrow_exception(error);
    served = std::move(status);
    io_.stop();  // the queue's own wait would keep it running
  });
  io_.run();
  absl::Status closed = logs_->Close();
  return served.ok() ? closed : served;
}

absl::Status Lead::OpenLogs() {
  LogManagerConfig config;
  config.log_dirs = {options_.log_dir};
  config.log = options_.log;
  LoadingWatch loading(
      [this] {
        io_.poll();
        return stopped_;
      },
      [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }, std::chrono::steady_clock::now());
  config.on_loaded = loading.watch();
  SLIP_ASSIGN_OR_RETURN(logs_, LogManager::Open(SystemFileIo(), config));
  io_.restart();
  for (const std::string& notice : logs_->LoadNotices()) std::fprintf(stderr, "%s\n", notice.c_str());
  SLIP_ASSIGN_OR_RETURN(catalog_, TopicCatalog::Open(*logs_, SystemFileIo(), options_.log_dir));
  service_ = std::make_unique<LeaderService>(*catalog_, *queue_,
                                             MetadataConfig{.advertised = {}, .auto_create = options_.auto_create});
  ServerConfig server;
  server.on_error = [](const absl::Status& status) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  };
  // Before any record is made: a port that is taken should cost no time.
  SLIP_ASSIGN_OR_RETURN(server_, Server::Bind(io_, options_.listen, std::move(server), *service_));
  service_->SetAdvertised(options_.advertise.value_or(server_->endpoint()));
  return absl::OkStatus();
}

asio::awaitable<absl::Status> Lead::Main() {
  const absl::Status prepared = co_await Prepare();
  if (absl::IsCancelled(prepared)) co_return absl::OkStatus();
  if (!prepared.ok()) co_return prepared;
  const absl::Status served = co_await ServeUntilStopped();
  co_return served;
}

// Against what is in the log dir; a wrong flag leaves everything as it is.
absl::Status Lead::CheckFlags() {
  for (const CutSpec& spec : options_.cut) SLIP_RETURN_IF_ERROR(Annotate(CheckCut(*catalog_, spec), "--cut"));
  for (const GenerateSpec& spec : options_.generate)
    SLIP_RETURN_IF_ERROR(Annotate(CheckGenerate(*catalog_, spec), "--generate"));
  return absl::OkStatus();
}

asio::awaitable<absl::Status> Lead::Prepare() {
  SLIP_CO_RETURN_IF_ERROR(WithExitCode(CheckFlags(), ExitCode::kUsage));
  std::vector<CutPartition> cuts;
  for (const CutSpec& spec : options_.cut) {
    SLIP_CO_RETURN_IF_ERROR(CheckpointForCut(spec));
    SLIP_CO_ASSIGN_OR_RETURN(const std::vector<CutPartition> cut, CutLogs(*catalog_, spec));
    cuts.insert(cuts.end(), cut.begin(), cut.end());
  }
  SLIP_CO_RETURN_IF_ERROR(catalog_->ElectAll());
  for (const CutPartition& cut : cuts) PrintCut(cut);
  GenerateOptions generate = options_.generate_options;
  generate.first_timestamp.value =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::function<bool()> stopped = [this] { return stopped_; };
  for (const GenerateSpec& spec : options_.generate) {
    const absl::Status generated = co_await GenerateRecords(*catalog_, *queue_, spec, generate, stopped);
    if (!generated.ok()) co_return generated;
  }
  co_return absl::OkStatus();
}

// A crash half way must not find a recovery point that vouches for what was cut (LOG-103). How far the cut goes is
// known only once it is made, so until the next checkpoint the whole topic counts as not durable.
absl::Status Lead::CheckpointForCut(const CutSpec& spec) {
  std::vector<LogOffsets> offsets;
  for (const auto& [number, partition] : catalog_->Find(spec.topic)->partitions)
    offsets.push_back(OffsetsForCut(partition->log, partition->log.log_start_offset()));
  return logs_->WriteCheckpoints(offsets);
}

void Lead::PrintCut(const CutPartition& cut) {
  const HostedPartition* const partition = catalog_->Find(cut.partition.topic)->Find(cut.partition.partition);
  std::printf("%s\n", cut.Describe(partition->leader_epoch).c_str());
}

asio::awaitable<absl::Status> Lead::ServeUntilStopped() {
  SLIP_CO_RETURN_IF_ERROR(WithExitCode(server_->Start(), ExitCode::kCannotStart));
  std::printf("listening on %s\n", server_->endpoint().ToString().c_str());
  std::fflush(stdout);
  compacting_ = true;
  asio::co_spawn(io_, CompactUntilStopped(), [this](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
    compacting_ = false;
    compaction_ended_.NotifyAll();
  });
  absl::Status status;
  while (!stopped_ && status.ok()) {
    const bool slept = co_await stop_.For(kCheckpointInterval);
    if (slept) status = co_await Maintain();
  }
  stopped_ = true;
  compaction_stop_.Interrupt();
  service_->Stop();
  co_await server_->Stop();
  while (compacting_) co_await compaction_ended_.Wait();
  co_return status;
}

std::vector<HostedPartition*> Lead::Partitions() {
  std::vector<HostedPartition*> partitions;
  for (const auto& [name, topic] : catalog_->topics())
    for (const auto& [number, partition] : topic->partitions) partitions.push_back(partition.get());
  return partitions;
}

// What the owner of logs does beside the appends: closed segments to the disk, deleted ones away, offsets to the
// checkpoints. What fails is told and tried again the next time; only a log dir that is offline ends the serving.
asio::awaitable<absl::Status> Lead::Maintain() {
  for (HostedPartition* partition : Partitions()) {
    absl::Status done;
    if (partition->log.FlushDue()) done = co_await partition->log.Flush(*queue_);
    co_await partition->append_turn.Take();
    const Timestamp now = SystemClock().WallTime();
    done.Update(partition->log.Maintain(now));
    DeletedFiles deleted = partition->log.TakeDeletedFiles(now);
    partition->append_turn.Release();
    removing_ = partition;
    absl::Status removed;
    while (removed.ok() && !deleted.paths.empty()) removed = co_await deleted.RemoveOne(*queue_);
    removing_ = nullptr;
    partition->log.RemoveLater(deleted.paths);
    done.Update(removed);
    TellOfChange(partition->log.partition().ToString(), done);
  }
  logs_->Maintain(SystemClock().WallTime());
  const absl::Status written = logs_->WriteCheckpoints(catalog_->Offsets());
  TellOfChange("checkpoints", written);
  const std::vector<LogManager::OfflineDirectory> offline = logs_->offline_directories();
  co_return offline.empty() ? absl::OkStatus() : offline.front().cause;
}

// Once, and not each time that it is still so.
void Lead::TellOfChange(const std::string& what, const absl::Status& status) {
  absl::Status& known = trouble_[what];
  if (std::exchange(known, status) == status || status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::string(status.message()).c_str());
}

asio::awaitable<void> Lead::CompactUntilStopped() {
  while (!stopped_) {
    for (HostedPartition* partition : Partitions())
      if (!stopped_) co_await Compact(*partition);
    if (!stopped_) co_await compaction_stop_.For(options_.compaction.backoff);
  }
  cleaner_.Stop();
}

// Everybody goes on meanwhile: appends wait only while a finished part is swapped in.
asio::awaitable<void> Lead::Compact(HostedPartition& partition) {
  co_await partition.append_turn.Take();
  absl::Status status = cleaner_.Start(partition.log, SystemClock().WallTime());
  partition.append_turn.Release();
  while (status.ok() && cleaner_.log() != nullptr && !stopped_) {
    co_await compaction_stop_.For(kCleanerPoll);
    if (removing_ == &partition) continue;  // a swap that is taken back needs the old files
    co_await partition.append_turn.Take();
    status = cleaner_.Poll();
    partition.append_turn.Release();
  }
  // The partition is served on; a disk that fails is told, and acted on, by what writes to it next.
  TellOfChange(absl::StrCat("compaction of ", partition.log.partition().ToString()), status);
}

}  // namespace

absl::Status RunLead(const LeadOptions& options) { return Lead(options).Run(); }

}  // namespace slipstream
