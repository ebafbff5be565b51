// Text that comes from elsewhere.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mifeng::trust {

// Where `text` stops being UTF-8 (Unicode 15, table 3-7), counted in bytes; nothing where it does not.
std::optional<std::size_t> not_utf8_at(std::string_view text);

// For text that comes from elsewhere (a container, a registry, a header field) and will be shown, stored and exported:
// valid UTF-8 without control characters, at most `max` bytes. What is neither becomes '?', a line end a space.
std::string clean_text(std::string_view text, std::size_t max);

}  // namespace mifeng::trust
