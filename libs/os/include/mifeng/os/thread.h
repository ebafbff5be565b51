// Threads beside the one that takes the process's signals.
#pragma once

#include <functional>
#include <thread>

namespace mifeng {

// A thread that no signal is delivered to, from its first instruction on: every signal is its starter's to take.
std::thread start_thread_without_signals(std::function<void()> body);

}  // namespace mifeng
