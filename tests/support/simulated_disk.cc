#include "tests/support/simulated_disk.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, std::shared_ptr<DiskNode> node, std::filesystem::path path)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}

  absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) override {
    const std::lock_guard guard(disk_.mutex_);
    SLIP_RETURN_IF_ERROR(disk_.Begin("read", path_, Effect::kNone));
    if (at.value >= node_->content.size()) return 0;
    const size_t bytes = std::min(into.size(), node_->content.size() - at.value);
    std::memcpy(into.data(), node_->content.data() + at.value, bytes);
    return bytes;
  }
  absl::Status WriteAt(ByteSpan bytes, FilePosition at) override {
    const std::lock_guard guard(disk_.mutex_);
    return Write("write", AsText(bytes), at);
  }
  absl::StatusOr<uint64_t> Size() override {
    const std::lock_guard guard(disk_.mutex_);
    return node_->content.size();
  }
  absl::Status Truncate(uint64_t size) override {
    const std::lock_guard guard(disk_.mutex_);
    SLIP_RETURN_IF_ERROR(disk_.Begin("truncate", path_, Effect::kChanges));
    Take({.number = 0, .at = size});
    return absl::OkStatus();
  }
  absl::Status Allocate(uint64_t size) override {
    const std::lock_guard guard(disk_.mutex_);
    SLIP_RETURN_IF_ERROR(disk_.Begin("allocate", path_, Effect::kChanges));
    if (size > node_->content.size()) Take({.number = 0, .at = size});
    return absl::OkStatus();
  }
  std::optional<DirectAlignment> PrepareDirect() override { return disk_.options_.direct; }
  absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte> into, FilePosition at) override {
    SLIP_CHECK(disk_.options_.direct.has_value());
    const DirectAlignment alignment = *disk_.options_.direct;
    SLIP_CHECK_EQ(at.value % alignment.file, 0u);
    SLIP_CHECK_EQ(into.size() % alignment.file, 0u);
    SLIP_CHECK_EQ(reinterpret_cast<uintptr_t>(into.data()) % alignment.memory, 0u);
    return ReadAt(into, at);
  }
  absl::Status WriteDirectAt(DirectParts parts, FilePosition at) override {
    const std::lock_guard guard(disk_.mutex_);
    SLIP_CHECK(disk_.options_.direct.has_value());
    const DirectAlignment alignment = *disk_.options_.direct;
    SLIP_CHECK_EQ(at.value % alignment.file, 0u);
    std::string bytes;
    for (const ByteSpan part : parts) {
      if (part.empty()) continue;
      SLIP_CHECK_EQ(part.size() % alignment.file, 0u);
      SLIP_CHECK_EQ(reinterpret_cast<uintptr_t>(part.data()) % alignment.memory, 0u);
      absl::StrAppend(&bytes, AsText(part));
    }
    return Write("direct write", bytes, at);
  }
  absl::Status Sync() override {
    const std::lock_guard guard(disk_.mutex_);
    const absl::Status begun = disk_.Begin("fsync", path_, Effect::kSyncs);
    if (!disk_.crashed_) EndUnsynced(*node_, begun.ok());
    return begun;
  }
  absl::Status SyncFileSystem() override {
    const std::lock_guard guard(disk_.mutex_);
    const absl::Status begun = disk_.Begin("syncfs", path_, Effect::kSyncs);
    const auto visit = [&](const auto& self, DiskNode& node) -> void {
      EndUnsynced(node, begun.ok());
      for (const auto& [name, child] : node.names) self(self, *child);
    };
    if (!disk_.crashed_) visit(visit, *disk_.root_);
    return begun;
  }
  absl::StatusOr<Timestamp> ModifiedAt() override { return Timestamp{0}; }
  absl::Status SetModifiedAt(Timestamp) override { return absl::OkStatus(); }
  int descriptor() const override { return -1; }
  int direct_descriptor() const override { return -1; }
  const std::filesystem::path& path() const override { return path_; }

 private:
  absl::Status Write(const char* what, absl::string_view bytes, FilePosition at) {
    const absl::Status begun = disk_.Begin(what, path_, Effect::kChanges);
    if (disk_.crashed_) return begun;
    if (!begun.ok()) bytes = bytes.substr(0, bytes.size() / 2);
    Take({.number = ++disk_.writes_, .at = at.value, .bytes = std::string(bytes)});
    return begun;
  }
  // What an fsync that failed should have kept is never kept.
  static void EndUnsynced(DiskNode& node, bool kept) {
    if (kept) {
      for (const DataChange& change : node.unsynced) change.ApplyTo(node.durable);
      for (const DiskNode::NameChange& change : node.unsynced_names) change.ApplyTo(node.durable_names);
    }
    node.unsynced.clear();
    node.unsynced_names.clear();
  }
  void Take(DataChange change) {
    change.ApplyTo(node_->content);
    node_->unsynced.push_back(std::move(change));
  }

  SimulatedDisk& disk_;
  std::shared_ptr<DiskNode> node_;
  std::filesystem::path path_;
};

SimulatedDisk::SimulatedDisk(const Options& options) : options_(options), root_(std::make_shared<DiskNode>()) {
  root_->is_directory = true;
}

SimulatedDisk::~SimulatedDisk() = default;

void SimulatedDisk::CrashAfter(uint64_t calls) {
  const std::lock_guard guard(mutex_);
  crash_at_ = call_count_ + calls;
  crashed_ = calls == 0;
}

void SimulatedDisk::Restart() {
  const std::lock_guard guard(mutex_);
  crashed_ = false;
  crash_at_ = std::numeric_limits<uint64_t>::max();
}

void SimulatedDisk::FailCall(uint64_t number, absl::Status error) {
  const std::lock_guard guard(mutex_);
  fail_at_ = call_count_ + number;
  fail_with_ = std::move(error);
}

absl::Status SimulatedDisk::Begin(const char* what, const std::filesystem::path& path, Effect effect) {
  crashed_ = crashed_ || call_count_ >= crash_at_;
  if (crashed_) return absl::UnavailableError(absl::StrCat(what, " ", path.native(), ": the process is dead"));
  if (recording_) calls_.push_back({what, path.native(), effect != Effect::kNone, effect == Effect::kSyncs});
  if (call_count_++ != fail_at_) return absl::OkStatus();
  failed_one_ = true;
  failed_call_ = absl::StrCat(what, " ", path.native());
  return Annotate(fail_with_, absl::StrCat(what, " ", path.native()));
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::AfterPowerCut(Survives survives, uint64_t seed) const {
  const std::lock_guard guard(mutex_);
  auto disk = std::make_unique<SimulatedDisk>(options_);
  disk->root_ = slipstream::AfterPowerCut(*root_, survives, seed, writes_);
  return disk;
}

std::map<std::filesystem::path, std::string> SimulatedDisk::Files() const {
  const std::lock_guard guard(mutex_);
  std::map<std::filesystem::path, std::string> files;
  const auto visit = [&](const auto& self, const std::filesystem::path& at, const DiskNode& node) -> void {
    if (!node.is_directory) files[at] = node.content;
    for (const auto& [name, child] : node.names) self(self, at / name, *child);
  };
  visit(visit, "/", *root_);
  return files;
}

std::shared_ptr<DiskNode> SimulatedDisk::FindShared(const std::filesystem::path& path) const {
  SLIP_CHECK(path.is_absolute());
  const std::shared_ptr<DiskNode>* node = &root_;
  for (const absl::string_view part : absl::StrSplit(path.native(), '/', absl::SkipEmpty())) {
    const auto found = (*node)->names.find(part);
    if (found == (*node)->names.end()) return nullptr;
    node = &found->second;
  }
  return *node;
}

DiskNode* SimulatedDisk::FindNode(const std::filesystem::path& path) const { return FindShared(path).get(); }

void SimulatedDisk::Change(DiskNode& directory, std::string removed, std::string added,
                           std::shared_ptr<DiskNode> node) {
  DiskNode::NameChange change{std::move(removed), std::move(added), std::move(node)};
  change.ApplyTo(directory.names);
  directory.unsynced_names.push_back(std::move(change));
}

absl::StatusOr<std::unique_ptr<File>> SimulatedDisk::Open(const std::filesystem::path& path, OpenMode mode) {
  const std::lock_guard guard(mutex_);
  std::shared_ptr<DiskNode> node = FindShared(path);
  DiskNode* const directory = FindNode(path.parent_path());
  const bool creates = (mode == OpenMode::kCreate || mode == OpenMode::kCreateNew) && node == nullptr;
  SLIP_RETURN_IF_ERROR(Begin("open", path, creates ? Effect::kChanges : Effect::kNone));
  if (node != nullptr && mode == OpenMode::kCreateNew) return absl::AlreadyExistsError(path.native());
  if (node == nullptr && (!creates || directory == nullptr)) return absl::NotFoundError(path.native());
  SLIP_CHECK(node == nullptr || node->is_directory == (mode == OpenMode::kDirectory));
  if (creates) {
    node = std::make_shared<DiskNode>();
    Change(*directory, "", path.filename(), node);
  }
  return std::make_unique<OpenFile>(*this, std::move(node), path);
}

bool SimulatedDisk::Exists(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  return FindNode(path) != nullptr;
}

absl::StatusOr<std::vector<std::string>> SimulatedDisk::List(const std::filesystem::path& directory, bool directories) {
  const std::lock_guard guard(mutex_);
  SLIP_RETURN_IF_ERROR(Begin("list", directory, Effect::kNone));
  DiskNode* const node = FindNode(directory);
  if (node == nullptr) return absl::NotFoundError(directory.native());
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names)
    if (child->is_directory == directories) names.push_back(name);
  return names;
}

absl::Status SimulatedDisk::CreateDirectories(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  const bool changes = FindNode(path) == nullptr;
  SLIP_RETURN_IF_ERROR(Begin("create directory", path, changes ? Effect::kChanges : Effect::kNone));
  std::shared_ptr<DiskNode> node = root_;
  for (const absl::string_view part : absl::StrSplit(path.native(), '/', absl::SkipEmpty())) {
    std::shared_ptr<DiskNode>& child = node->names[part];
    if (child == nullptr) {
      auto made = std::make_shared<DiskNode>();
      made->is_directory = true;
      Change(*node, "", std::string(part), made);
      node = std::move(made);
    } else {
      node = child;
    }
  }
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  const std::lock_guard guard(mutex_);
  SLIP_CHECK(from.parent_path() == to.parent_path());
  const std::shared_ptr<DiskNode> node = FindShared(from);
  SLIP_RETURN_IF_ERROR(Begin("rename", from, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::NotFoundError(from.native());
  Change(*FindNode(from.parent_path()), from.filename(), to.filename(), node);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Remove(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  DiskNode* const node = FindNode(path);
  SLIP_RETURN_IF_ERROR(Begin("remove", path, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::OkStatus();
  SLIP_CHECK(!node->is_directory);
  Change(*FindNode(path.parent_path()), path.filename(), "", nullptr);
  return absl::OkStatus();
}

void SimulatedDisk::RemoveAll(DiskNode& directory) {
  while (!directory.names.empty()) {
    const auto [name, child] = *directory.names.begin();
    RemoveAll(*child);
    Change(directory, name, "", nullptr);
  }
}

absl::Status SimulatedDisk::RemoveTree(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  DiskNode* const node = FindNode(path);
  SLIP_RETURN_IF_ERROR(Begin("remove", path, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::OkStatus();
  RemoveAll(*node);
  Change(*FindNode(path.parent_path()), path.filename(), "", nullptr);
  return absl::OkStatus();
}

}  // namespace slipstream
