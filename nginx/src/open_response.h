// The gateway's direction: a sealed answer is checked, opened and passed on.
#pragma once

#include <string>

#include "request_state.h"

namespace mifeng::nginx {

ngx_int_t open_header(RequestState& state);
ngx_int_t open_body(RequestState& state, ngx_chain_t* in);

// From the link: the key has come, or will not. The request may be gone afterwards.
void resume_opening(RequestState& state);
void refuse_held(RequestState& state, const std::string& reason);
// From a timer: the call is over. A 504 where nothing of an answer has gone to the caller, else a reset.
void end_overdue(RequestState& state);

}  // namespace mifeng::nginx
