#include "fetcher/leader/topic_catalog.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "log/check.h"
#include "log/many_logs.h"
#include "log/status.h"

namespace slipstream {

HostedPartition* HostedTopic::Find(int32_t partition) const {
  const auto found = partitions.find(partition);
  return found == partitions.end() ? nullptr : found->second.get();
}

absl::StatusOr<std::unique_ptr<TopicCatalog>> TopicCatalog::Open(LogManager& logs, FileIo& io,
                                                                 std::filesystem::path log_dir) {
  std::unique_ptr<TopicCatalog> catalog(new TopicCatalog(logs, io, std::move(log_dir)));
  SLIP_RETURN_IF_ERROR(catalog->ReadEpochFile());
  for (const TopicPartition& partition : logs.partitions()) SLIP_RETURN_IF_ERROR(catalog->Adopt(partition));
  SLIP_RETURN_IF_ERROR(catalog->AssignIds());
  return catalog;
}

absl::Status TopicCatalog::Adopt(const TopicPartition& partition) {
  PartitionLog* log = logs_.Find(partition);
  SLIP_CHECK(log != nullptr);
  std::unique_ptr<HostedTopic>& topic = topics_[partition.topic];
  if (topic == nullptr) {
    topic = std::make_unique<HostedTopic>();
    topic->name = partition.topic;
  }
  const Uuid id = log->topic_id().value_or(Uuid{});
  if (!id.IsZero() && !topic->id.IsZero() && id != topic->id)
    return absl::FailedPreconditionError(absl::StrCat(log->directory().native(), ": topic id ", id.ToString(),
                                                      ", other partitions of the topic have ", topic->id.ToString()));
  if (!id.IsZero()) topic->id = id;
  topic->partitions.emplace(partition.partition, std::make_unique<HostedPartition>(*log));
  largest_epoch_ = std::max(largest_epoch_, log->latest_epoch().value_or(LeaderEpoch{}));
  return absl::OkStatus();
}

absl::Status TopicCatalog::AssignIds() {
  for (const auto& [name, topic] : topics_) {
    if (topic->id.IsZero()) topic->id = Uuid::Random();
    for (const auto& [number, partition] : topic->partitions)
      SLIP_RETURN_IF_ERROR(partition->log.AssignTopicId(topic->id));
    const auto [other, added] = by_id_.try_emplace(topic->id, topic.get());
    if (!added)
      return absl::FailedPreconditionError(absl::StrCat("topics ", other->second->name, " and ", name,
                                                        " have one topic id, ", topic->id.ToString(),
                                                        "; is one a copy of the other?"));
  }
  return absl::OkStatus();
}

absl::Status TopicCatalog::ReadEpochFile() {
  const std::filesystem::path path = log_dir_ / kEpochFile;
  if (!io_.Exists(path)) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(const std::string content, ReadWholeFile(logs_.io(log_dir_), path));
  if (absl::SimpleAtoi(content, &largest_epoch_.value) && largest_epoch_ >= LeaderEpoch{0}) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path.string(), ": no leader epoch: '", content, "'"));
}

absl::Status TopicCatalog::ElectAll() {
  const LeaderEpoch epoch{largest_epoch_.value + 1};
  SLIP_RETURN_IF_ERROR(NoteEpoch(epoch));
  std::vector<HostedPartition*> partitions;
  for (const auto& [name, topic] : topics_)
    for (const auto& [number, partition] : topic->partitions) partitions.push_back(partition.get());
  return Elect(partitions, epoch);
}

absl::Status TopicCatalog::Elect(const std::vector<HostedPartition*>& partitions, LeaderEpoch epoch) {
  if (partitions.size() < kManyLogs) {
    for (HostedPartition* partition : partitions)
      SLIP_RETURN_IF_ERROR(Annotate(partition->Elect(epoch), partition->log.partition().ToString()));
    return absl::OkStatus();
  }
  SLIP_ASSIGN_OR_RETURN(const std::unique_ptr<File> file_system,
                        logs_.io(log_dir_).Open(log_dir_, OpenMode::kDirectory));
  std::vector<LeaderEpochCache*> caches;
  for (HostedPartition* partition : partitions) {
    SLIP_RETURN_IF_ERROR(Annotate(partition->BeginElection(epoch), partition->log.partition().ToString()));
    caches.push_back(&partition->log.epochs());
  }
  return SaveEpochsTogether(caches, *file_system);
}

absl::Status TopicCatalog::ElectNext(HostedPartition& partition) {
  const LeaderEpoch epoch{partition.leader_epoch.value + 1};
  SLIP_RETURN_IF_ERROR(NoteEpoch(epoch));
  return Annotate(partition.Elect(epoch), partition.log.partition().ToString());
}

// Before any log has it: an epoch given twice would hide a divergence from every follower.
absl::Status TopicCatalog::NoteEpoch(LeaderEpoch epoch) {
  if (epoch <= largest_epoch_) return absl::OkStatus();  // the next start begins above it as it is
  SLIP_RETURN_IF_ERROR(ReplaceFile(logs_.io(log_dir_), log_dir_ / kEpochFile, absl::StrCat(epoch.value, "\n")));
  largest_epoch_ = epoch;
  return absl::OkStatus();
}

absl::StatusOr<HostedTopic*> TopicCatalog::Create(const std::string& name, int32_t partitions) {
  SLIP_CHECK(partitions > 0 && !topics_.contains(name));
  auto topic = std::make_unique<HostedTopic>();
  topic->name = name;
  topic->id = Uuid::Random();
  // Before anything is made: to be taken back is only what is ours.
  for (int32_t number = 0; number < partitions; ++number) {
    const std::filesystem::path directory = log_dir_ / TopicPartition{name, number}.ToString();
    if (io_.Exists(directory)) return absl::AlreadyExistsError(absl::StrCat(directory.string(), " is there already"));
  }
  if (const absl::Status made = Make(*topic, partitions); !made.ok()) {
    topic->partitions.clear();  // they refer to the logs
    absl::Status left;
    for (int32_t number = 0; number < partitions; ++number) left.Update(TakeBack({name, number}));
    if (left.ok()) return made;
    return absl::Status(made.code(), absl::StrCat(made.message(), "; then, taking the topic back: ", left.message()));
  }
  HostedTopic* const created = topic.get();
  by_id_[topic->id] = created;
  topics_.emplace(name, std::move(topic));
  return created;
}

absl::Status TopicCatalog::Make(HostedTopic& topic, int32_t partitions) {
  std::vector<NewLog> wanted;
  for (int32_t number = 0; number < partitions; ++number) wanted.push_back({{topic.name, number}, topic.id, {}});
  logs_.CreateMissing(wanted);
  std::vector<HostedPartition*> made;
  for (const NewLog& log : wanted) {
    SLIP_ASSIGN_OR_RETURN(PartitionLog* const created, logs_.GetOrCreate(log.partition, log.topic_id));
    auto hosted = std::make_unique<HostedPartition>(*created);
    made.push_back(hosted.get());
    topic.partitions.emplace(log.partition.partition, std::move(hosted));
  }
  return Elect(made, LeaderEpoch{0});
}

absl::Status TopicCatalog::TakeBack(const TopicPartition& partition) {
  if (logs_.Find(partition) != nullptr) return logs_.Delete(partition);
  const std::filesystem::path directory = log_dir_ / partition.ToString();
  return io_.Exists(directory) ? io_.RemoveTree(directory) : absl::OkStatus();
}

HostedTopic* TopicCatalog::Find(absl::string_view name) {
  const auto found = topics_.find(std::string_view(name.data(), name.size()));
  return found == topics_.end() ? nullptr : found->second.get();
}

HostedTopic* TopicCatalog::Find(const Uuid& id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<LogOffsets> TopicCatalog::Offsets() const {
  std::vector<LogOffsets> offsets;
  for (const auto& [name, topic] : topics_)
    for (const auto& [number, partition] : topic->partitions) offsets.push_back(OffsetsOf(partition->log));
  return offsets;
}

}  // namespace slipstream
