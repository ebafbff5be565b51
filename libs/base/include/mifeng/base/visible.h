// Text that somebody else wrote, as a terminal may be sent it.
#pragma once

#include <string>
#include <string_view>

namespace mifeng {

// Shows what would act on a terminal instead of being read: control characters as \x1b, those of Unicode that turn the
// order of what follows as \u202e, bytes that are no UTF-8 as \xff. Line feeds and tabs stay, and a carriage return
// before a line feed goes. Text may come in pieces that end anywhere.
class Visible {
 public:
  std::string add(std::string_view piece);
  // What was held back because it could have gone on.
  std::string end();

 private:
  std::string pending_;
};

// Of a whole text.
std::string visible(std::string_view text);
// The same of one that stands in a line: line feeds and tabs are shown too.
std::string visible_in_line(std::string_view text);

}  // namespace mifeng
