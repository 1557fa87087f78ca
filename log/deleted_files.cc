#include "log/deleted_files.h"

#include <utility>

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

asio::awaitable<absl::Status> DeletedFiles::RemoveOne(IoQueue& queue) {
  SLIP_CHECK(!paths.empty());
  if (health->offline()) co_return Annotate(health->cause(), "log dir is offline");
  std::filesystem::path path = std::move(paths.back());
  paths.pop_back();
  const absl::Status removed = co_await queue.Remove(*io, path);
  if (IsDiskFailure(removed)) health->TakeOffline(removed);
  if (!removed.ok()) paths.push_back(std::move(path));
  co_return removed;
}

}  // namespace slipstream
