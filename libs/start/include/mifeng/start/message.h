// What the model's first process and the guard say to each other (spec/start.md): one datagram of ASCII words each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mifeng/base/result.h"

namespace mifeng::start {

inline constexpr std::size_t kMessageMax = 512;  // bytes of a datagram
inline constexpr std::uint32_t kStartsMax = 1'000'000'000;
inline constexpr std::uint32_t kGraceMsMax = 3'600'000;

enum class Word {
  kPayload,  // start: here are header and segments, as two descriptors
  kStart,    // guard: start the model, for the number-th time
  kStarted,  // start: its program runs. `detail`: the version of Landlock that holds it, 0 for none
  kFailed,   // start: it could not be run; why stands in the container's log
  kExited,   // start: it ended. `detail`: its exit status
  kKilled,   // start: it ended. `detail`: the signal that ended it
  kEnd,      // guard: end it. `detail`: milliseconds between SIGTERM and SIGKILL
  kAsked,    // start: the engine asked this container to end
};

struct Message {
  Word word = Word::kPayload;
  std::uint32_t number = 0;  // of the start that is meant, from 1; 0 for kPayload and kAsked
  std::uint32_t detail = 0;
  bool operator==(const Message&) const = default;
};

std::string encode(const Message& message);
// The one spelling that encode() gives and no other; kInvalidArgument "bad-message".
Result<Message> decode(std::string_view datagram);

}  // namespace mifeng::start
