#include "mifeng/start/options.h"

#include "mifeng/base/options.h"

namespace mifeng::start {
namespace {

constexpr int kPatienceMax = 3600;  // seconds

Error bad_usage(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-usage", what); }

Option absolute(std::string name, std::function<void(const std::string&)> set) {
  const auto take = [set = std::move(set)](const std::string& value) {
    if (value.starts_with('/')) set(value);
    return value.starts_with('/');
  };
  return {std::move(name), Option::Kind::kValue, take, "takes an absolute path"};
}
Option absolute(std::string name, std::filesystem::path& into) {
  return absolute(std::move(name), [&into](const std::string& value) { into = value; });
}

}  // namespace

Result<StartOptions> parse_options(const std::vector<std::string>& arguments) {
  StartOptions options;
  int patience = static_cast<int>(options.patience.count());
  const auto add_name = [&options](const std::string& value) {
    options.env.push_back(value);
    return !value.empty() && value.find('=') == std::string::npos;
  };
  const auto add_writable = [&options](const std::string& value) { options.writable.emplace_back(value); };
  const std::vector<Option> known = {
      absolute("--link", options.link),
      absolute("--header", options.header),
      absolute("--segments", options.segments),
      absolute("--folder", options.folder),
      absolute("--writable", add_writable),
      {"--env", Option::Kind::kValue, add_name, "takes a variable's name alone"},
      flag_option("--whole-environment", options.whole_environment),
      flag_option("--only-unix-sockets", options.only_unix_sockets),
      number_option("--patience", patience, 0, kPatienceMax, "takes seconds, 0 to 3600"),
  };
  MIFENG_TRY(auto given, read_options(arguments, known));
  options.patience = std::chrono::seconds(patience);
  if (!given.behind) return bad_usage("the model's command is missing: it stands after --");
  options.command = std::move(*given.behind);
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
