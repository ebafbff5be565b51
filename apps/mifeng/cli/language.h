// English or Chinese, as the environment says (LC_ALL, else LC_MESSAGES, else LANG). Sources are written in English;
// the Chinese stands in chinese_*.cpp under the English text, and what is missing there is shown in English.
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
std::span<const Translation> chinese_help();           // chinese_help.cpp: what --help shows
std::span<const Translation> chinese_platform_help();  // chinese_platform_help.cpp: the same, of a platform's commands
std::span<const Translation> chinese_messages();  // chinese_messages.cpp: messages and errors, `{}` for their parts
std::span<const Translation> chinese_titles();    // chinese_tables.cpp: titles of columns and rows
std::span<const Translation> chinese_words();     // chinese_tables.cpp: states and the like
// chinese_reasons.cpp, by the reason of an error: what it means and what to do; the sentence in English follows it,
// since that one names the thing.
std::span<const Translation> chinese_reasons();
// chinese_phrases.cpp: what phrase() made, under its template. The first one that fits counts, so what could be taken
// for another stands before it. In the Chinese `{phrase}` is a part that is a phrase itself, `{word}` one that is a
// word of chinese_words().
std::span<const Translation> chinese_phrases();

// Looked at once.
bool speaks_chinese();

// The text in the language of this process.
std::string tr(std::string_view english);
// The same with each `{}` replaced by the next part: say("Deleted {}.", {name}).
std::string say(std::string_view english, std::initializer_list<std::string_view> parts);
// A phrase() of a library or of the platform; English where its template is not known.
std::string tr_phrase(std::string_view english);
// A state, or another one of a few words that a member of an object has.
std::string tr_word(std::string_view english);
// What to print of an error.
std::string tr(const Error& error);

}  // namespace mifeng::cli
