// What may be asked of a model: its readiness, and that it listens nowhere but where it may.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/keyholder/listen_socket.h"

namespace mifeng::guard {

// Asks the model's readiness path on its Unix socket; without a path it only connects. Whether the answer was 200; the
// error says what was instead.
boost::asio::awaitable<Result<void>> ask_ready(std::filesystem::path socket, std::string path);

// The first socket in LISTEN that is neither on loopback nor one of ours.
std::optional<keyholder::Listener> find_foreign_listener(const std::vector<keyholder::Listener>& listeners,
                                                         const std::set<std::uint64_t>& own_inodes);
// The sentence for the log.
std::string describe_foreign_listener(const keyholder::Listener& listener);

}  // namespace mifeng::guard
