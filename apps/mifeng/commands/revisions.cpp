// mifeng scale, restart, history, rollback
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/deployment_steps.h"
#include "commands/get.h"
#include "mifeng/base/bounds.h"

namespace mifeng::cli {
namespace {

struct Options {
  std::string name, format;
  std::int64_t wait_seconds = 0;
};

void add_deployment(Command& command, Options& options) {
  command.text("DEPLOYMENT", options.name, "its id or name", Need::kRequired);
}

void add_wait(Command& command, Options& options) {
  command.number("--wait", options.wait_seconds, 0, bounds::kWaitSecondsMax, "seconds to wait until it is ready");
  add_output_flag(command, options.format);
}

// Sends what is to be done of a deployment, waits where that was asked for, and prints it.
Result<int> do_it(const PlatformFlags& flags, const Options& options, const std::string& method,
                  const std::string& what, const json::Value* body, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto id, find_deployment(client, options.name));
  const std::string path = "/deployments/" + id + "/" + what;
  MIFENG_TRY(auto deployment, body == nullptr ? client.send(method, path) : client.send(method, path, *body));
  if (options.wait_seconds > 0) {
    MIFENG_TRY(deployment, wait_ready(client, id, options.wait_seconds));
  }
  MIFENG_CHECK(print_deployment(client, deployment, options.format, console));
  return 0;
}

}  // namespace

void add_scale(Command& root) {
  Command command = root.add("scale", "Set the number of replicas of a deployment");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<Options>();
  auto replicas = std::make_shared<std::int64_t>(1);
  add_deployment(command, *options);
  command.number("--replicas", *replicas, 0, bounds::kReplicasMax, "how many", Need::kRequired);
  add_output_flag(command, options->format);
  command.examples("  mifeng scale digits --replicas 3");
  command.run([=](Console& console) {
    const json::Value body = json::Object{{"replicas", *replicas}};
    return do_it(*flags, *options, "PUT", "replicas", &body, console);
  });
}

void add_restart(Command& root) {
  Command command = root.add("restart", "Restart a deployment, one unit after the other");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<Options>();
  add_deployment(command, *options);
  add_wait(command, *options);
  command.examples("  mifeng restart digits --wait 60");
  command.run([=](Console& console) { return do_it(*flags, *options, "POST", "restart", nullptr, console); });
}

void add_history(Command& root) {
  Command command = root.add("history", "The revisions of a deployment: what it was, and what it can go back to");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<Options>();
  add_deployment(command, *options);
  add_output_flag(command, options->format);
  command.examples("  mifeng history digits");
  command.run(
      [=](Console& console) { return show_kind(*flags, "revisions", options->name, options->format, console); });
}

void add_rollback(Command& root) {
  Command command = root.add("rollback", "Go back to a former revision of a deployment");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<Options>();
  auto to = std::make_shared<std::int64_t>(0);
  add_deployment(command, *options);
  command.number("--to", *to, 1, 1'000'000'000, "number of the revision; else the one before");
  add_wait(command, *options);
  command.examples("  mifeng history digits\n  mifeng rollback digits --wait 60\n  mifeng rollback digits --to 2");
  command.run([=](Console& console) {
    json::Object request;
    if (*to > 0) request.set("to", *to);
    const json::Value body = std::move(request);
    return do_it(*flags, *options, "POST", "rollback", &body, console);
  });
}

}  // namespace mifeng::cli
