// In which language a caller is told why he is refused.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ngx.h"

namespace mifeng::nginx {

struct Translation {
  std::string_view english;
  std::string_view chinese;
};
// The group of spec/messages/phrases.json that is the gateway's, as it is compiled into the module.
std::span<const Translation> chinese_phrases();

// By the request's Accept-Language; English where it has none.
bool wants_chinese(ngx_http_request_t* r);
// What phrase() has made of none or one part; as it is where its template is not there.
std::string in_chinese(const std::string& english);

// Of a body of more than `limit` bytes.
std::string too_large(std::size_t limit);

}  // namespace mifeng::nginx
