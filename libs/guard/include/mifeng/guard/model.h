// What may be asked of a model: its readiness, and that it listens nowhere but where it may.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/net/listeners.h"

namespace mifeng::guard {

// Asks the model's readiness path on its Unix socket; without a path any answer does. Nothing is sent unless a process
// of `user` listens there. Whether the answer was 200; the error says what was instead: kUnavailable "model-not-ready"
// for another status, kTimeout "no-answer" where it was not whole within `patience`, however it came.
boost::asio::awaitable<Result<void>> ask_ready(std::filesystem::path socket, ::uid_t user, std::string path,
                                               std::chrono::milliseconds patience = std::chrono::milliseconds(5000));

// The first socket in LISTEN that is neither on loopback nor one of ours.
std::optional<net::Listener> find_foreign_listener(const std::vector<net::Listener>& listeners,
                                                   const std::set<std::uint64_t>& own_inodes);
// The sentence for the log.
std::string describe_foreign_listener(const net::Listener& listener);

}  // namespace mifeng::guard
