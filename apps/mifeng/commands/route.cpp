// mifeng route
#include "cli/console.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kColumns{{"ID", "id"}, {"PREFIX", "prefix"}, {"NAME", "name"}, {"FORWARD", "forward"}};

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
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto forward, forward_of(client, options.to));
  json::Array callers;
  for (const std::string& name : options.callers) {
    MIFENG_TRY(const auto caller, find_caller(client, name));
    callers.emplace_back(text_of(caller, "id"));
  }
  const json::Value body = json::Object{{"name", options.name.empty() ? options.prefix.substr(1) : options.name},
                                        {"prefix", options.prefix},
                                        {"forward", forward},
                                        {"open", options.open},
                                        {"callers", std::move(callers)}};
  MIFENG_TRY(const auto route, client.send("POST", "/routes", body));
  MIFENG_CHECK(print_objects(console, route, options.format, kColumns));
  return 0;
}

Result<int> move_route(const PlatformFlags& flags, const RouteOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto route, find_route(client, options.prefix));
  MIFENG_TRY(const auto deployment, find_deployment(client, options.to));
  const json::Value body = json::Object{{"deployment_id", deployment}};
  MIFENG_TRY(const auto moved, client.send("PUT", "/routes/" + net::percent_encode(route) + "/deployment", body));
  MIFENG_CHECK(print_objects(console, moved, options.format, kColumns));
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
      .texts("--caller", options->callers, "a caller who may use it, by id or name; every caller where none is given")
      .flag("--open", options->open, "without an API key");
  add_output_flag(command, options->format);
  command.examples("  mifeng route add /digits --to digits");
  command.run([=](Console& console) { return add_one_route(*flags, *options, console); });
  Command move = group.add("move", "Let a route lead to another deployment");
  auto move_flags = add_platform_flags(move);
  auto moved = std::make_shared<RouteOptions>();
  move.text("ROUTE", moved->prefix, "its access prefix, name or id", Need::kRequired)
      .text("--to", moved->to, "DEPLOYMENT, which has the same port", Need::kRequired);
  add_output_flag(move, moved->format);
  move.examples("  mifeng route move /digits --to digits-next");
  move.run([=](Console& console) { return move_route(*move_flags, *moved, console); });
  group.examples(
      "  mifeng route add /digits --to digits\n  mifeng route move /digits --to digits-next\n  mifeng get routes\n"
      "  mifeng delete route rt-1");
}

}  // namespace mifeng::cli
