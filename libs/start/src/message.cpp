#include "mifeng/start/message.h"

#include <array>
#include <charconv>
#include <optional>

namespace mifeng::start {
namespace {

// How each message is spelt: TEXT [NUMBER [INFIX DETAIL]].
struct Form {
  Word word;
  std::string_view text;
  int numbers;             // 0, 1 (the start's) or 2 (and the detail)
  std::string_view infix;  // between the two
  std::uint32_t detail_max;
};
constexpr std::array<Form, 8> kForms{{
    {Word::kPayload, "payload", 0, "", 0},
    {Word::kStart, "start", 1, "", 0},
    {Word::kStarted, "started", 2, " landlock ", 1000},
    {Word::kFailed, "failed", 1, "", 0},
    {Word::kExited, "ended", 2, " exit ", 255},
    {Word::kKilled, "ended", 2, " signal ", 127},
    {Word::kEnd, "end", 2, " after ", kGraceMsMax},
    {Word::kAsked, "asked", 0, "", 0},
}};

// One to ten digits without leading zeros.
std::optional<std::uint32_t> take_number(std::string_view& rest, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  const auto length = static_cast<std::size_t>(parsed.ptr - rest.data());
  if (parsed.ec != std::errc() || (rest[0] == '0' && length > 1) || value < least || value > most) return std::nullopt;
  rest.remove_prefix(length);
  return value;
}

bool take(std::string_view& rest, std::string_view text) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

std::optional<Message> read_as(const Form& form, std::string_view rest) {
  Message message{.word = form.word};
  if (!take(rest, form.text)) return std::nullopt;
  if (form.numbers > 0) {
    if (!take(rest, " ")) return std::nullopt;
    const auto number = take_number(rest, 1, kStartsMax);
    if (!number) return std::nullopt;
    message.number = *number;
  }
  if (form.numbers > 1) {
    if (!take(rest, form.infix)) return std::nullopt;
    const auto detail = take_number(rest, 0, form.detail_max);
    if (!detail) return std::nullopt;
    message.detail = *detail;
  }
  if (!rest.empty()) return std::nullopt;
  return message;
}

}  // namespace

std::string encode(const Message& message) {
  for (const Form& form : kForms) {
    if (form.word != message.word) continue;
    std::string text(form.text);
    if (form.numbers > 0) text += " " + std::to_string(message.number);
    if (form.numbers > 1) text += std::string(form.infix) + std::to_string(message.detail);
    return text;
  }
  return {};
}

Result<Message> decode(std::string_view datagram) {
  for (const Form& form : kForms)
    if (const auto message = read_as(form, datagram)) return *message;
  return Error(ErrorCode::kInvalidArgument, "bad-message", "a message of the other container that is none");
}

}  // namespace mifeng::start
