// What is text: UTF-8 as RFC 3629 has it, without overlong forms and surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace mifeng {

// How many bytes the character has with which the text begins; 0: it begins with none.
std::size_t character_size(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace mifeng
