// Tells clients of the one broker there is, and of its topics.
#pragma once

#include <cstdint>

#include "fetcher/leader/topic_catalog.h"
#include "session/endpoint.h"
#include "session/wire/messages/metadata.h"

namespace slipstream {

struct MetadataConfig {
  Endpoint advertised;       // where clients reach this broker
  bool auto_create = false;  // make a topic that is asked for, with one partition, when the client allows it
};

void HandleMetadata(const MetadataRequest& request, int16_t version, const MetadataConfig& config,
                    TopicCatalog& catalog, MetadataResponse& response);

}  // namespace slipstream
