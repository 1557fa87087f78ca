// Makes the topics that clients ask for, on the one broker there is.
#pragma once

#include <cstdint>

#include "fetcher/leader/topic_catalog.h"
#include "session/wire/messages/create_topics.h"

namespace slipstream {

void HandleCreateTopics(const CreateTopicsRequest& request, int16_t version, TopicCatalog& catalog,
                        CreateTopicsResponse& response);

}  // namespace slipstream
