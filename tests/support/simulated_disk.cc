#include "tests/support/simulated_disk.h"

#include <absl/container/btree_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {
namespace {

constexpr uint64_t kSectorBytes = 512;

struct DataChange {
  uint64_t number = 0;  // of a write, counted over the whole disk; 0: the size is set
  uint64_t at = 0;      // where the bytes go, or the size
  std::string bytes;
};

void Put(std::string& content, uint64_t at, absl::string_view bytes) {
  content.resize(std::max<size_t>(content.size(), at + bytes.size()));
  content.replace(at, bytes.size(), bytes.data(), bytes.size());
}

void Apply(std::string& content, const DataChange& change) {
  if (change.number == 0) {
    content.resize(change.at);
  } else {
    Put(content, change.at, change.bytes);
  }
}

}  // namespace

struct SimulatedDisk::Node {
  struct NameChange {
    std::string removed, added;  // empty: none; both: a rename
    std::shared_ptr<Node> node;
  };
  using Names = absl::btree_map<std::string, std::shared_ptr<Node>>;

  static void Apply(Names& names, const NameChange& change) {
    if (!change.removed.empty()) names.erase(change.removed);
    if (!change.added.empty()) names[change.added] = change.node;
  }

  bool is_directory = false;
  std::string content, durable;
  std::vector<DataChange> unsynced;
  Names names, durable_names;
  std::vector<NameChange> unsynced_names;
};

// Builds the disk of after a power cut, node by node.
struct SimulatedDisk::Image {
  Survives survives;
  std::mt19937_64 random;
  uint64_t last_write = 0;

  bool OneIn(uint64_t n) { return random() % n == 0; }

  void ApplySome(std::string& content, const DataChange& change) {
    if (OneIn(2)) return slipstream::Apply(content, change);
    if (change.number == 0 || OneIn(2)) return;
    for (uint64_t from = 0; from < change.bytes.size();) {
      const uint64_t piece =
          std::min<uint64_t>(kSectorBytes - (change.at + from) % kSectorBytes, change.bytes.size() - from);
      if (OneIn(2)) Put(content, change.at + from, absl::string_view(change.bytes).substr(from, piece));
      from += piece;
    }
  }

  std::string ContentOf(const Node& node) {
    std::string content = node.durable;
    for (DataChange change : node.unsynced) {
      if (survives == Survives::kNothing) break;
      if (survives == Survives::kRandomPart) {
        ApplySome(content, change);
        continue;
      }
      if (survives != Survives::kEverything && change.number == last_write) {
        const uint64_t unit = survives == Survives::kTornAt512 ? 512 : survives == Survives::kTornAt4096 ? 4096 : 1;
        const uint64_t end = change.at + random() % (change.bytes.size() + 1);
        change.bytes.resize(end - end % unit > change.at ? end - end % unit - change.at : 0);
      }
      slipstream::Apply(content, change);
    }
    // The size may reach the disk before the data: the file then ends in zeros.
    if (survives == Survives::kRandomPart && content.size() < node.content.size() && OneIn(4))
      content.resize(node.content.size());
    return content;
  }

  std::shared_ptr<Node> Of(const Node& node) {
    auto image = std::make_shared<Node>();
    image->is_directory = node.is_directory;
    image->content = ContentOf(node);
    Node::Names names = node.durable_names;
    size_t kept = survives == Survives::kNothing ? 0 : node.unsynced_names.size();
    if (survives == Survives::kRandomPart) kept = random() % (kept + 1);
    for (size_t i = 0; i < kept; ++i) Node::Apply(names, node.unsynced_names[i]);
    for (const auto& [name, child] : names) image->names[name] = Of(*child);
    image->durable = image->content;
    image->durable_names = image->names;
    return image;
  }
};

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, std::shared_ptr<Node> node, std::filesystem::path path)
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
    if (!disk_.crashed_) {
      if (begun.ok())
        for (const DataChange& change : node_->unsynced) Apply(node_->durable, change);
      node_->unsynced.clear();
    }
    return begun;
  }
  absl::StatusOr<Timestamp> ModifiedAt() override { return Timestamp{0}; }
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
  void Take(DataChange change) {
    Apply(node_->content, change);
    node_->unsynced.push_back(std::move(change));
  }

  SimulatedDisk& disk_;
  std::shared_ptr<Node> node_;
  std::filesystem::path path_;
};

SimulatedDisk::SimulatedDisk(const Options& options) : options_(options), root_(std::make_shared<Node>()) {
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
  return Annotate(fail_with_, absl::StrCat(what, " ", path.native()));
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::AfterPowerCut(Survives survives, uint64_t seed) const {
  const std::lock_guard guard(mutex_);
  Image image{.survives = survives, .random = std::mt19937_64(seed), .last_write = writes_};
  auto disk = std::make_unique<SimulatedDisk>(options_);
  disk->root_ = image.Of(*root_);
  return disk;
}

std::map<std::filesystem::path, std::string> SimulatedDisk::Files() const {
  const std::lock_guard guard(mutex_);
  std::map<std::filesystem::path, std::string> files;
  const auto visit = [&](const auto& self, const std::filesystem::path& at, const Node& node) -> void {
    if (!node.is_directory) files[at] = node.content;
    for (const auto& [name, child] : node.names) self(self, at / name, *child);
  };
  visit(visit, "/", *root_);
  return files;
}

std::shared_ptr<SimulatedDisk::Node> SimulatedDisk::FindShared(const std::filesystem::path& path) const {
  SLIP_CHECK(path.is_absolute());
  const std::shared_ptr<Node>* node = &root_;
  for (const absl::string_view part : absl::StrSplit(path.native(), '/', absl::SkipEmpty())) {
    const auto found = (*node)->names.find(part);
    if (found == (*node)->names.end()) return nullptr;
    node = &found->second;
  }
  return *node;
}

SimulatedDisk::Node* SimulatedDisk::FindNode(const std::filesystem::path& path) const { return FindShared(path).get(); }

void SimulatedDisk::Change(Node& directory, std::string removed, std::string added, std::shared_ptr<Node> node) {
  Node::NameChange change{std::move(removed), std::move(added), std::move(node)};
  Node::Apply(directory.names, change);
  directory.unsynced_names.push_back(std::move(change));
}

absl::StatusOr<std::unique_ptr<File>> SimulatedDisk::Open(const std::filesystem::path& path, OpenMode mode) {
  const std::lock_guard guard(mutex_);
  std::shared_ptr<Node> node = FindShared(path);
  Node* const directory = FindNode(path.parent_path());
  const bool creates = (mode == OpenMode::kCreate || mode == OpenMode::kCreateNew) && node == nullptr;
  SLIP_RETURN_IF_ERROR(Begin("open", path, creates ? Effect::kChanges : Effect::kNone));
  if (node != nullptr && mode == OpenMode::kCreateNew) return absl::AlreadyExistsError(path.native());
  if (node == nullptr && (!creates || directory == nullptr)) return absl::NotFoundError(path.native());
  if (creates) {
    node = std::make_shared<Node>();
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
  Node* const node = FindNode(directory);
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
  std::shared_ptr<Node> node = root_;
  for (const absl::string_view part : absl::StrSplit(path.native(), '/', absl::SkipEmpty())) {
    std::shared_ptr<Node>& child = node->names[part];
    if (child == nullptr) {
      auto made = std::make_shared<Node>();
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
  const std::shared_ptr<Node> node = FindShared(from);
  SLIP_RETURN_IF_ERROR(Begin("rename", from, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::NotFoundError(from.native());
  Change(*FindNode(from.parent_path()), from.filename(), to.filename(), node);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Remove(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  Node* const node = FindNode(path);
  SLIP_RETURN_IF_ERROR(Begin("remove", path, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::OkStatus();
  SLIP_CHECK(!node->is_directory);
  Change(*FindNode(path.parent_path()), path.filename(), "", nullptr);
  return absl::OkStatus();
}

void SimulatedDisk::RemoveAll(Node& directory) {
  while (!directory.names.empty()) {
    const auto [name, child] = *directory.names.begin();
    RemoveAll(*child);
    Change(directory, name, "", nullptr);
  }
}

absl::Status SimulatedDisk::RemoveTree(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  Node* const node = FindNode(path);
  SLIP_RETURN_IF_ERROR(Begin("remove", path, node != nullptr ? Effect::kChanges : Effect::kNone));
  if (node == nullptr) return absl::OkStatus();
  RemoveAll(*node);
  Change(*FindNode(path.parent_path()), path.filename(), "", nullptr);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::SyncDirectory(const std::filesystem::path& path) {
  const std::lock_guard guard(mutex_);
  const absl::Status begun = Begin("fsync", path, Effect::kSyncs);
  Node* const node = FindNode(path);
  if (crashed_) return begun;
  if (node == nullptr) return begun.ok() ? absl::NotFoundError(path.native()) : begun;
  if (begun.ok())
    for (const Node::NameChange& change : node->unsynced_names) Node::Apply(node->durable_names, change);
  node->unsynced_names.clear();
  return begun;
}

}  // namespace slipstream
