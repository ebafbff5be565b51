#include "commands/up_listener.h"

#include "cli/language.h"

namespace mifeng::cli {

stack::UpListener up_listener(Console& console) {
  stack::UpListener listener;
  listener.message = [&](std::string_view line) { console.message(tr_phrase(line)); };
  listener.line = [&](std::string_view line) { console.message(line); };
  listener.state = [&](const std::string& name, const std::string& state, const std::string& reason) {
    console.message(reason.empty() ? say("  {}: {}", {name, tr_word(state)})
                                   : say("  {}: {}, {}", {name, tr_word(state), tr_phrase(reason)}));
  };
  return listener;
}

}  // namespace mifeng::cli
