// Whoever has connected and said nothing whole yet: a gateway's caller until he may call, and who asks a guard until
// his request has come with its body (what is streamed counts from its header on). Where these are many the oldest
// goes, so that there is always room for whoever speaks: a deadline alone leaves all the room to those who connect anew
// each time.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

// Stands before nginx at every HTTP listener of this worker: at most half of the worker's connections are strangers'.
void watch_strangers(ngx_cycle_t& cycle);
// What it had to say has come.
void is_no_stranger(ngx_connection_t& connection);
// Whether what connects there speaks HTTP.
bool takes_http(const ngx_listening_t& listening);

}  // namespace mifeng::nginx
