// mifeng route
#include "cli/console.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "mifeng/base/bounds.h"
#include "mifeng/client/answer.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kColumns{{"ID", "id"}, {"PREFIX", "prefix"}, {"NAME", "name"}, {"FORWARD", "forward"}};

const std::vector<Column> kLimitColumns{{"ID", "id"},
                                        {"PREFIX", "prefix"},
                                        {"CALLS PER MINUTE", "calls_per_minute"},
                                        {"CALLS AT ONCE", "calls_at_once"},
                                        {"SECONDS AT MOST", "seconds_max"}};

constexpr std::int64_t kUnsaid = -1;

struct RouteOptions {
  std::string prefix, name, to, format;
  std::vector<std::string> callers;
  bool open = false;
  std::int64_t calls_per_minute = kUnsaid;
  std::int64_t calls_at_once = kUnsaid;
  std::int64_t seconds_max = kUnsaid;
};

void add_limit_flags(Command& command, RouteOptions& options) {
  command
      .number("--calls-per-minute", options.calls_per_minute, 0, bounds::kCallsPerMinuteMax,
              "of each caller; a tenth of it may come at once; 0: no limit")
      .number("--calls-at-once", options.calls_at_once, 0, bounds::kCallsAtOnceMax, "of each caller; 0: no limit")
      .number("--seconds-max", options.seconds_max, 0, bounds::kCallSecondsMax,
              "after which the gateway ends a call; 0: no limit");
}

// Those that were said.
void set_limits(json::Object& route, const RouteOptions& options) {
  if (options.calls_per_minute != kUnsaid) route.set("calls_per_minute", options.calls_per_minute);
  if (options.calls_at_once != kUnsaid) route.set("calls_at_once", options.calls_at_once);
  if (options.seconds_max != kUnsaid) route.set("seconds_max", options.seconds_max);
}

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
  json::Object input{{"name", options.name.empty() ? options.prefix.substr(1) : options.name},
                     {"prefix", options.prefix},
                     {"forward", forward},
                     {"open", options.open},
                     {"callers", std::move(callers)}};
  set_limits(input, options);
  const json::Value body = std::move(input);
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

// All else stays as it is.
Result<int> limit_route(const PlatformFlags& flags, const RouteOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto id, find_route(client, options.prefix));
  const std::string path = "/routes/" + net::percent_encode(id);
  MIFENG_TRY(const auto seen, client.get(path));
  json::Object input;
  for (const char* member : {"name", "prefix", "forward", "enabled", "open", "callers", "stream_requests", "idempotent",
                             "pass_headers", "calls_per_minute", "calls_at_once", "seconds_max"})
    if (const json::Value* value = client::member_of(seen, member)) input.set(member, *value);
  set_limits(input, options);
  const json::Value body = std::move(input);
  MIFENG_TRY(const auto changed, client.change("PUT", path, seen, body));
  MIFENG_CHECK(print_objects(console, changed, options.format, kLimitColumns));
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
  add_limit_flags(command, *options);
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
  Command limit = group.add("limit", "Bound what each caller may ask of a route; what is not named stays");
  auto limit_flags = add_platform_flags(limit);
  auto limited = std::make_shared<RouteOptions>();
  limit.text("ROUTE", limited->prefix, "its access prefix, name or id", Need::kRequired);
  add_limit_flags(limit, *limited);
  add_output_flag(limit, limited->format);
  limit.examples("  mifeng route limit /digits --calls-per-minute 600 --calls-at-once 8 --seconds-max 120");
  limit.run([=](Console& console) { return limit_route(*limit_flags, *limited, console); });
  group.examples(
      "  mifeng route add /digits --to digits\n  mifeng route move /digits --to digits-next\n"
      "  mifeng route limit /digits --calls-per-minute 600\n  mifeng get routes\n  mifeng delete route rt-1");
}

}  // namespace mifeng::cli
