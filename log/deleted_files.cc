#include "log/deleted_files.h"

#include "log/check.h"
#include "log/status.h"

namespace slipstream {

asio::awaitable<absl::Status> DeletedFiles::RemoveOne(IoQueue& queue) {
  SLIP_CHECK(!paths.empty());
  if (health->offline()) co_return Annotate(health->cause(), "log dir is offline");
  const absl::Status removed = co_await queue.Remove(*io, paths.back());
  if (IsDiskFailure(removed)) health->TakeOffline(removed);
  if (removed.ok()) paths.pop_back();
  co_return removed;
}

}  // namespace slipstream
