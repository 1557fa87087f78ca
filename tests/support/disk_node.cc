#include "tests/support/disk_node.h"

#include <algorithm>
#include <random>

namespace slipstream {
namespace {

constexpr uint64_t kSectorBytes = 512;

void Put(std::string& content, uint64_t at, absl::string_view bytes) {
  content.resize(std::max<size_t>(content.size(), at + bytes.size()));
  content.replace(at, bytes.size(), bytes.data(), bytes.size());
}

// Builds the disk of after a power cut, node by node.
struct Image {
  Survives survives;
  std::mt19937_64 random;
  uint64_t last_write = 0;

  bool OneIn(uint64_t n) { return random() % n == 0; }
  bool Tears() const {
    return survives == Survives::kTornAt512 || survives == Survives::kTornAt4096 || survives == Survives::kTornAnywhere;
  }

  void ApplySome(std::string& content, const DataChange& change) {
    if (OneIn(2)) return change.ApplyTo(content);
    if (change.number == 0 || OneIn(2)) return;
    for (uint64_t from = 0; from < change.bytes.size();) {
      const uint64_t piece =
          std::min<uint64_t>(kSectorBytes - (change.at + from) % kSectorBytes, change.bytes.size() - from);
      if (OneIn(2)) Put(content, change.at + from, absl::string_view(change.bytes).substr(from, piece));
      from += piece;
    }
  }

  std::string ContentOf(const DiskNode& node) {
    std::string content = node.durable;
    for (DataChange change : node.unsynced) {
      if (survives == Survives::kNothing) break;
      if (survives == Survives::kRandomPart) {
        ApplySome(content, change);
        continue;
      }
      if (Tears() && change.number == last_write) {
        const uint64_t unit = survives == Survives::kTornAt512 ? 512 : survives == Survives::kTornAt4096 ? 4096 : 1;
        const uint64_t end = change.at + random() % (change.bytes.size() + 1);
        change.bytes.resize(end - end % unit > change.at ? end - end % unit - change.at : 0);
      }
      change.ApplyTo(content);
    }
    // The size may reach the disk before the data: the file then ends in zeros.
    if (survives == Survives::kRandomPart && content.size() < node.content.size() && OneIn(4))
      content.resize(node.content.size());
    return content;
  }

  std::shared_ptr<DiskNode> Of(const DiskNode& node) {
    auto image = std::make_shared<DiskNode>();
    image->is_directory = node.is_directory;
    image->content = ContentOf(node);
    DiskNode::Names names = node.durable_names;
    size_t kept = survives == Survives::kNothing ? 0 : node.unsynced_names.size();
    if (survives == Survives::kRandomPart) kept = random() % (kept + 1);
    for (size_t i = 0; i < kept; ++i)
      if (survives != Survives::kNamesInAnyOrder || OneIn(2)) node.unsynced_names[i].ApplyTo(names);
    for (const auto& [name, child] : names) image->names[name] = Of(*child);
    image->durable = image->content;
    image->durable_names = image->names;
    return image;
  }
};

}  // namespace

void DataChange::ApplyTo(std::string& content) const {
  if (number == 0) {
    content.resize(at);
  } else {
    Put(content, at, bytes);
  }
}

void DiskNode::NameChange::ApplyTo(Names& all) const {
  if (!removed.empty()) all.erase(removed);
  if (!added.empty()) all[added] = node;
}

std::shared_ptr<DiskNode> AfterPowerCut(const DiskNode& root, Survives survives, uint64_t seed, uint64_t last_write) {
  return Image{.survives = survives, .random = std::mt19937_64(seed), .last_write = last_write}.Of(root);
}

}  // namespace slipstream
