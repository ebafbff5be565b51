// A streamed answer whose source blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "operation.h"

namespace mifeng::rest {

// Takes a piece; false when nobody wants any more. An empty piece only asks that. Blocks while much is waiting to be
// sent.
using PieceSink = std::function<bool(std::string_view)>;

// Runs `produce` in a pool where each stream holds a thread, for those that have a seat (kResourceExhausted
// "too-many-streams"), and answers with what it gives. An error before the first piece (or in the first moments)
// becomes the status; a later one cuts the answer off.
net::Task<net::Response> stream_answer(std::shared_ptr<Call> call, std::string content_type,
                                       std::function<Result<void>(Call&, const PieceSink&)> produce);

}  // namespace mifeng::rest
