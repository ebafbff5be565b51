// Members of the platform's answers.
#pragma once

#include <string>
#include <string_view>

#include "mifeng/base/result.h"
#include "mifeng/json/value.h"

namespace mifeng::client {

// nullptr where `answer` is no object, or has no such member.
const json::Value* member_of(const json::Value& answer, std::string_view name);
// As text, to be shown: a string as it is, anything else as JSON; "" where it is missing or null.
std::string text_of(const json::Value& answer, std::string_view name);
// For a program that uses it; kUnavailable "bad-answer" where it is missing or something else.
Result<std::string> required_text(const json::Value& answer, std::string_view name);
Result<json::Value> required_object(const json::Value& answer, std::string_view name);
// The elements of a list; none where it is missing or something else.
const json::Array& list_of(const json::Value& answer, std::string_view name);

}  // namespace mifeng::client
