// Waiting for a child process in an event loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>

#include "mifeng/os/child_process.h"

namespace mifeng::keyholder {

// Whether the child has ended, by `timeout` (none: without a limit). Does not reap it, so its number and that of its
// process group stay its own.
boost::asio::awaitable<bool> wait_until_ended(ChildProcess& child,
                                              std::optional<std::chrono::milliseconds> timeout = std::nullopt);

// The same, and reaps it; nothing after `timeout`.
boost::asio::awaitable<std::optional<ChildExit>> wait_for_exit(
    ChildProcess& child, std::optional<std::chrono::milliseconds> timeout = std::nullopt);

}  // namespace mifeng::keyholder
