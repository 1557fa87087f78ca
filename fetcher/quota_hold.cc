#include "fetcher/quota_hold.h"

namespace slipstream {

void QuotaHold::Put(FollowedPartition& partition, QuotaPlace place) {
  if (partition.quota_place == place) return;
  if (partition.quota_place == QuotaPlace::kWatched) watched_.erase(&partition);
  if (partition.quota_place == QuotaPlace::kLeftOut) left_out_.erase(&partition);
  partition.quota_place = place;
  if (place == QuotaPlace::kWatched) watched_.insert(&partition);
  if (place == QuotaPlace::kLeftOut) left_out_.insert(&partition);
}

}  // namespace slipstream
