#include "log/index_file.h"

#include <algorithm>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

IndexFile::IndexFile(FileIo& io, SegmentFile name, size_t entry_bytes)
    : io_(&io), name_(name), entry_bytes_(entry_bytes) {
  SLIP_CHECK_LE(entry_bytes, kEntryBytesMax);
}

absl::Status IndexFile::Load() {
  if (file_ != nullptr) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(std::unique_ptr<File> file, io_->Open(path(), OpenMode::kCreate));
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  file_ = std::move(file);
  count_ = file_count_ = size / entry_bytes_;
  trim_ = size % entry_bytes_ != 0;
  return absl::OkStatus();
}

absl::Status IndexFile::Release() {
  SLIP_RETURN_IF_ERROR(Flush());
  file_.reset();
  tail_ = {};
  return absl::OkStatus();
}

void IndexFile::Unload() {
  SLIP_CHECK(tail_.empty());
  file_.reset();
}

void IndexFile::Append(ByteSpan entry) {
  SLIP_CHECK(file_ != nullptr);
  SLIP_CHECK_EQ(entry.size(), entry_bytes_);
  tail_.insert(tail_.end(), entry.begin(), entry.end());
  ++count_;
  if (tail_.size() >= kTailBytesMax) (void)Flush();
}

absl::Status IndexFile::Read(uint64_t number, std::span<std::byte> into) {
  SLIP_RETURN_IF_ERROR(Load());
  SLIP_CHECK_LT(number, count());
  SLIP_CHECK_EQ(into.size(), entry_bytes_);
  if (number < file_count_) return ReadFromFile(number, into);
  const auto from = tail_.begin() + static_cast<ptrdiff_t>((number - file_count_) * entry_bytes_);
  std::copy_n(from, entry_bytes_, into.begin());
  return absl::OkStatus();
}

absl::Status IndexFile::ReadFromFile(uint64_t number, std::span<std::byte> into) {
  SLIP_ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(into, FilePosition{number * entry_bytes_}));
  if (got < into.size())
    return absl::DataLossError(absl::StrCat(path().native(), ": ended at byte ", number * entry_bytes_ + got,
                                            ", expected ", file_count_, " entries of ", entry_bytes_, " bytes"));
  return absl::OkStatus();
}

absl::Status IndexFile::Truncate(uint64_t keep) {
  SLIP_RETURN_IF_ERROR(Load());
  count_ = std::min(count_, keep);
  if (keep >= file_count_) {
    tail_.resize(static_cast<size_t>(count_ - file_count_) * entry_bytes_);
  } else {
    tail_.clear();
    file_count_ = keep;
    trim_ = true;
  }
  return Trim();
}

absl::Status IndexFile::Trim() {
  if (!trim_) return absl::OkStatus();
  SLIP_ASSIGN_OR_RETURN(const uint64_t size, file_->Size());
  // Only when it is longer: a needless cut would change the modification time (LOG-104).
  if (size > file_count_ * entry_bytes_) SLIP_RETURN_IF_ERROR(file_->Truncate(file_count_ * entry_bytes_));
  trim_ = false;
  return absl::OkStatus();
}

absl::Status IndexFile::Flush() {
  if (file_ == nullptr) return absl::OkStatus();
  SLIP_RETURN_IF_ERROR(Trim());
  if (tail_.empty()) return absl::OkStatus();
  const absl::Status written = file_->WriteAt(tail_, FilePosition{file_count_ * entry_bytes_});
  trim_ = !written.ok();  // part of it may be there, and must not count as entries
  SLIP_RETURN_IF_ERROR(written);
  file_count_ = count_;
  tail_.clear();
  return absl::OkStatus();
}

}  // namespace slipstream
