// A file system in memory, without directories of its own making: every path is a name. For fuzzers and tests of small
// files, where a real disk only costs time.
#pragma once

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/io/file_io.h"

namespace slipstream {

class MemoryIo final : public FileIo {
 public:
  absl::Status cut_result;  // of File::Truncate; not OK: nothing is cut. MemoryIo outlives its files

  absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) override {
    if (mode == OpenMode::kDirectory)
      return std::make_unique<MemoryFile>(path, std::make_shared<std::string>(), cut_result);
    std::shared_ptr<std::string>& content = files_[path];
    const bool existed = content != nullptr;
    const bool must_exist = mode == OpenMode::kRead || mode == OpenMode::kReadWrite;
    if (existed && mode == OpenMode::kCreateNew) return absl::AlreadyExistsError(path.native());
    if (!existed && must_exist) {
      files_.erase(path);
      return absl::NotFoundError(path.native());
    }
    if (!existed) content = std::make_shared<std::string>();
    return std::make_unique<MemoryFile>(path, content, cut_result);
  }
  bool Exists(const std::filesystem::path& path) override { return files_.contains(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory, bool directories) override {
    std::vector<std::string> names;
    for (const auto& [path, content] : files_)
      if (!directories && path.parent_path() == directory) names.push_back(path.filename());
    return names;
  }
  absl::Status CreateDirectories(const std::filesystem::path&) override { return absl::OkStatus(); }
  absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    auto node = files_.extract(from);
    if (node.empty()) return absl::NotFoundError(from.native());
    files_.erase(to);
    node.key() = to;
    files_.insert(std::move(node));
    return absl::OkStatus();
  }
  absl::Status Remove(const std::filesystem::path& path) override {
    files_.erase(path);
    return absl::OkStatus();
  }
  absl::Status RemoveTree(const std::filesystem::path& path) override {
    std::erase_if(files_, [&](const auto& file) {
      return absl::string_view(file.first.native()).substr(0, path.native().size()) == path.native();
    });
    return absl::OkStatus();
  }

 private:
  class MemoryFile final : public File {
   public:
    MemoryFile(std::filesystem::path path, std::shared_ptr<std::string> content, const absl::Status& cut_result)
        : path_(std::move(path)), content_(std::move(content)), cut_result_(cut_result) {}

    absl::StatusOr<size_t> ReadAt(std::span<std::byte> into, FilePosition at) override {
      if (at.value >= content_->size()) return 0;
      const size_t bytes = std::min(into.size(), content_->size() - at.value);
      std::memcpy(into.data(), content_->data() + at.value, bytes);
      return bytes;
    }
    absl::Status WriteAt(ByteSpan bytes, FilePosition at) override {
      content_->resize(std::max<size_t>(content_->size(), at.value + bytes.size()));
      std::ranges::copy(AsText(bytes), content_->begin() + static_cast<std::ptrdiff_t>(at.value));
      return absl::OkStatus();
    }
    absl::StatusOr<uint64_t> Size() override { return content_->size(); }
    absl::Status Truncate(uint64_t size) override {
      if (cut_result_.ok()) content_->resize(size);
      return cut_result_;
    }
    absl::Status Allocate(uint64_t size) override {
      content_->resize(std::max<size_t>(content_->size(), size));
      return absl::OkStatus();
    }
    std::optional<DirectAlignment> PrepareDirect() override { return std::nullopt; }
    absl::StatusOr<size_t> ReadDirectAt(std::span<std::byte>, FilePosition) override {
      return absl::UnimplementedError("direct read");
    }
    absl::Status WriteDirectAt(DirectParts, FilePosition) override { return absl::UnimplementedError("direct write"); }
    absl::Status Sync() override { return absl::OkStatus(); }
    absl::Status SyncFileSystem() override { return absl::OkStatus(); }
    absl::StatusOr<Timestamp> ModifiedAt() override { return Timestamp{0}; }
    absl::Status SetModifiedAt(Timestamp) override { return absl::OkStatus(); }
    int descriptor() const override { return -1; }
    int direct_descriptor() const override { return -1; }
    const std::filesystem::path& path() const override { return path_; }

   private:
    std::filesystem::path path_;
    std::shared_ptr<std::string> content_;
    const absl::Status& cut_result_;
  };

  std::map<std::filesystem::path, std::shared_ptr<std::string>> files_;
};

}  // namespace slipstream
