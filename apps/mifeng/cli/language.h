// English or Chinese, as the environment says (LC_ALL, else LC_MESSAGES, else LANG). Sources are written in English;
// the Chinese stands in spec/messages under the English text, and what is missing there is shown in English.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "mifeng/base/error.h"

namespace mifeng::cli {

struct Translation {
  std::string_view english;
  std::string_view chinese;
};
// The tables of spec/messages (README.md there says what each holds), in the order of their files.
std::span<const Translation> chinese_help();
std::span<const Translation> chinese_messages();
std::span<const Translation> chinese_titles();
std::span<const Translation> chinese_words();
std::span<const Translation> chinese_reasons();
std::span<const Translation> chinese_phrases();

// Looked at once.
bool speaks_chinese();

// The text in the language of this process.
std::string tr(std::string_view english);
// The same with each `{}` replaced by the next part: say("Deleted {}.", {name}).
std::string say(std::string_view english, std::initializer_list<std::string_view> parts);
// What somebody else has put together of one of the `templates`, which stand in the catalogue as those of say() do; as
// it is where none fits.
std::string say_again(std::string_view english, std::span<const std::string_view> templates);
// A phrase() of a library or of the platform; English where its template is not known.
std::string tr_phrase(std::string_view english);
// A state, or another one of a few words that a member of an object has.
std::string tr_word(std::string_view english);
// Why something was refused that is no error of this program: a reason of spec/errors.md and its sentence.
std::string tr_reason(std::string_view reason, std::string_view message);
// What to print of an error.
std::string tr(const Error& error);

}  // namespace mifeng::cli
