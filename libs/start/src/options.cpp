#include "mifeng/start/options.h"

#include <charconv>

namespace mifeng::start {
namespace {

constexpr unsigned kPatienceMax = 3600;

Error bad_usage(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-usage", what); }

}  // namespace

Result<StartOptions> parse_options(const std::vector<std::string>& arguments) {
  StartOptions options;
  std::size_t i = 0;
  for (; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& name = arguments[i];
    if (name == "--whole-environment") {
      options.whole_environment = true;
      continue;
    }
    if (name == "--only-unix-sockets") {
      options.only_unix_sockets = true;
      continue;
    }
    if (i + 1 == arguments.size()) return bad_usage(name + " needs a value");
    const std::string& value = arguments[++i];
    if (name == "--env") {
      if (value.empty() || value.find('=') != std::string::npos)
        return bad_usage("--env takes a variable's name alone");
      options.env.push_back(value);
    } else if (name == "--patience") {
      unsigned seconds = 0;
      const char* end = value.data() + value.size();
      const auto parsed = std::from_chars(value.data(), end, seconds);
      if (parsed.ec != std::errc() || parsed.ptr != end || seconds > kPatienceMax)
        return bad_usage("--patience takes seconds, 0 to 3600");
      options.patience = std::chrono::seconds(seconds);
    } else if (!value.starts_with('/')) {
      return bad_usage(name + " takes an absolute path");
    } else if (name == "--link") {
      options.link = value;
    } else if (name == "--header") {
      options.header = value;
    } else if (name == "--segments") {
      options.segments = value;
    } else if (name == "--folder") {
      options.folder = value;
    } else if (name == "--writable") {
      options.writable.emplace_back(value);
    } else {
      return bad_usage("there is no option " + name);
    }
  }
  if (i >= arguments.size()) return bad_usage("the model's command is missing: it stands after --");
  options.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
  if (options.command.empty() || !options.command[0].starts_with('/'))
    return bad_usage("the model's command begins with an absolute path");
  return options;
}

std::string usage() {
  return "usage: mifeng-start [OPTION...] -- PROGRAM [ARGUMENT...]\n"
         "The first process of a model's container: hands its guard the sealed payload, starts the model when the "
         "guard\n"
         "says so, and ends with it.\n"
         "  --link FILE           the guard's socket (/mifeng/guard/start.sock)\n"
         "  --header FILE         the payload's header (/mifeng/payload/header)\n"
         "  --segments FILE       the rest of the payload (/mifeng/payload/segments)\n"
         "  --folder DIR          where the model starts (/app)\n"
         "  --env NAME            a variable that the model gets; no other (any number of them)\n"
         "  --whole-environment   it gets every variable that the container has\n"
         "  --writable DIR        where the model may write, beside /dev, /proc and /tmp (any number)\n"
         "  --only-unix-sockets   the model makes no socket but Unix sockets\n"
         "  --patience SECONDS    for the guard to listen (60)\n";
}

}  // namespace mifeng::start
