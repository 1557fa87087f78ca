// The one name by which the rest of the code knows Boost.Asio.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace slipstream {
namespace asio = boost::asio;
}  // namespace slipstream
