// A streamed answer whose source blocks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "operation.h"

namespace mifeng::rest {

// Takes a piece; false when nobody wants any more. An empty piece only asks that. Blocks while much is waiting to be
// sent.
using PieceSink = std::function<bool(std::string_view)>;

// How long the first piece or an error is waited for before an answer begins without either. What is followed may have
// nothing to say for days, and who follows it wants to know at once that it can be; all else has a first piece, or
// ends, as soon as whoever is asked for it answers.
inline constexpr std::chrono::milliseconds kFollowedWait{300};
inline constexpr std::chrono::milliseconds kWholeWait{60'000};

// Runs `produce` in a pool where each stream holds a thread, for those that have a seat (kResourceExhausted
// "too-many-streams"), and answers with what it gives. An error before the answer has begun becomes the status; a later
// one cuts the answer off.
net::Task<net::Response> stream_answer(std::shared_ptr<Call> call, std::string content_type,
                                       std::chrono::milliseconds first_wait,
                                       std::function<Result<void>(Call&, const PieceSink&)> produce);

}  // namespace mifeng::rest
