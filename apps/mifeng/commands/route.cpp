// mifeng route
#include "cli/console.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

struct RouteOptions {
  std::string prefix, name, to, format;
  std::vector<std::string> callers;
  bool open = false;
};

// "digits[:PORT NAME][/path]" with the deployment's id in place of its name.
Result<std::string> forward_of(const PlatformClient& client, const std::string& to) {
  const std::size_t end = to.find_first_of(":/");
  MIFENG_TRY(const auto id, find_deployment(client, to.substr(0, end)));
  return "mifeng://" + id + (end == std::string::npos ? "" : to.substr(end));
}

Result<int> add_one_route(const PlatformFlags& flags, const RouteOptions& options, Console& console) {
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  MIFENG_TRY(const auto forward, forward_of(client, options.to));
  const json::Value body = json::Object{{"name", options.name.empty() ? options.prefix.substr(1) : options.name},
                                        {"prefix", options.prefix},
                                        {"forward", forward},
                                        {"open", options.open},
                                        {"callers", json::Array(options.callers.begin(), options.callers.end())}};
  MIFENG_TRY(const auto route, client.send("POST", "/routes", &body));
  MIFENG_CHECK(print_objects(console, route, options.format,
                             {{"ID", "id"}, {"PREFIX", "prefix"}, {"NAME", "name"}, {"FORWARD", "forward"}}));
  return 0;
}

}  // namespace

void add_route(Command& root) {
  Command group = root.add("route", "Routes: which access prefix leads to which deployment");
  Command command = group.add("add", "Add a route");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<RouteOptions>();
  command.text("PREFIX", options->prefix, "access prefix, such as /digits", Need::kRequired)
      .text("--to", options->to, "DEPLOYMENT[:PORT NAME][/path]", Need::kRequired)
      .text("--name", options->name, "route name; else the prefix")
      .texts("--caller", options->callers, "id of a caller who may use it; every caller where none is given")
      .flag("--open", options->open, "without an API key");
  add_output_flag(command, options->format);
  command.examples("  mifeng route add /digits --to digits");
  command.run([=](Console& console) { return add_one_route(*flags, *options, console); });
  group.examples("  mifeng route add /digits --to digits\n  mifeng get routes\n  mifeng delete route rt-1");
}

}  // namespace mifeng::cli
