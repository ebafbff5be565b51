// Which language a caller wants to be answered in.
#pragma once

#include <string_view>

namespace mifeng::proxy {

// Of an Accept-Language field (RFC 9110, 12.5.4): whether Chinese is wanted rather than English. Where both are wanted
// alike the first counts; English where neither is.
bool prefers_chinese(std::string_view accept_language);

}  // namespace mifeng::proxy
