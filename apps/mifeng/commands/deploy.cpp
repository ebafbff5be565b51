// mifeng deploy, scale, restart, logs
#include <chrono>
#include <thread>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

struct DeployOptions {
  std::string version, name, format, route;
  std::int64_t replicas = -1, wait_seconds = 0;
  std::vector<std::string> env;
  bool open = false, plan = false;
};

const std::vector<Column> kColumns{{"ID", "id"},           {"MODEL", "model"},
                                   {"VERSION", "version"}, {"REPLICAS", "replicas"},
                                   {"STATE", "state"},     {"REASON", "reason"}};

Result<json::Value> request_of(const PlatformClient& client, const DeployOptions& options) {
  MIFENG_TRY(const auto version, find_version(client, options.version));
  const std::string name = options.name.empty() ? text_of(version, "name") : options.name;
  json::Object request{{"name", name}, {"version_id", text_of(version, "id")}};
  if (options.replicas >= 0) request.set("replicas", options.replicas);
  json::Array env;
  for (const std::string& variable : options.env) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error(ErrorCode::kInvalidArgument, "bad-env", say("--env takes NAME=VALUE, not {}.", {variable}));
    env.push_back(json::Object{{"name", variable.substr(0, equals)}, {"value", variable.substr(equals + 1)}});
  }
  if (!env.empty()) request.set("env", std::move(env));
  if (!options.route.empty())
    request.set("route", json::Object{{"name", name}, {"prefix", options.route}, {"open", options.open}});
  return json::Value(std::move(request));
}

// Until it is ready or has failed, asking twice a second.
Result<json::Value> wait_ready(const PlatformClient& client, const std::string& id, std::int64_t seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    MIFENG_TRY(auto deployment, client.get("/deployments/" + id));
    const std::string state = text_of(deployment, "state");
    if (state == "ready") return deployment;
    if (state == "failed") return Error(ErrorCode::kInternal, "deployment-failed", text_of(deployment, "reason"));
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(ErrorCode::kTimeout, "not-ready",
                   say("{} is {} after {} s. {}",
                       {id, tr_word(state), std::to_string(seconds), tr_phrase(text_of(deployment, "reason"))}));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Result<int> deploy(const PlatformFlags& flags, const DeployOptions& options, Console& console) {
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  MIFENG_TRY(const auto request, request_of(client, options));
  if (options.plan) {
    MIFENG_TRY(const auto plan, client.send("POST", "/deployments/plan", &request));
    MIFENG_CHECK(console.print(options.format == "json" ? json::serialize_pretty(plan) : to_yaml(plan)));
    return 0;
  }
  MIFENG_TRY(auto deployment, client.send("POST", "/deployments", &request));
  if (options.wait_seconds > 0) {
    console.message(say("Waiting for {} to be ready.", {text_of(deployment, "id")}));
    MIFENG_TRY(deployment, wait_ready(client, text_of(deployment, "id"), options.wait_seconds));
  }
  MIFENG_CHECK(print_objects(console, deployment, options.format, kColumns));
  return 0;
}

Result<int> logs(const PlatformFlags& flags, const std::string& name, const std::string& replica, std::int64_t tail,
                 bool follow, Console& console) {
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  MIFENG_TRY(const auto id, find_deployment(client, name));
  std::string path = "/deployments/" + id + "/logs?tail=" + std::to_string(tail);
  if (follow) path += "&follow=true";
  if (!replica.empty()) path += "&replica=" + net::percent_encode(replica);
  MIFENG_CHECK(client.follow(path, [&](ByteView piece) { return console.write(piece); }));
  return 0;
}

}  // namespace

void add_deploy(Command& root) {
  Command command = root.add("deploy", "Deploy an accepted version");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<DeployOptions>();
  command.text("VERSION", options->version, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .text("--name", options->name, "of the deployment; else the model's")
      .number("--replicas", options->replicas, 0, 64, "how many; else as the vendor's config says")
      .texts("--env", options->env, "NAME=VALUE")
      .text("--route", options->route, "access prefix, such as /digits")
      .flag("--open", options->open, "the route needs no API key")
      .flag("--plan", options->plan, "only show what would be done")
      .number("--wait", options->wait_seconds, 0, 86'400, "seconds to wait until it is ready");
  add_output_flag(command, options->format);
  command.examples("  mifeng deploy acme/digits@1.2.0 --route /digits --wait 60");
  command.run([=](Console& console) { return deploy(*flags, *options, console); });
}

void add_scale(Command& root) {
  Command command = root.add("scale", "Set the number of replicas of a deployment");
  auto flags = add_platform_flags(command);
  auto name = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  auto replicas = std::make_shared<std::int64_t>(1);
  command.text("DEPLOYMENT", *name, "its id or name", Need::kRequired)
      .number("--replicas", *replicas, 0, 64, "how many", Need::kRequired);
  add_output_flag(command, *format);
  command.examples("  mifeng scale digits --replicas 3");
  command.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, PlatformClient::connect(*flags));
    MIFENG_TRY(const auto id, find_deployment(client, *name));
    const json::Value body = json::Object{{"replicas", *replicas}};
    MIFENG_TRY(const auto deployment, client.send("PUT", "/deployments/" + id + "/replicas", &body));
    MIFENG_CHECK(print_objects(console, deployment, *format, kColumns));
    return 0;
  });
}

void add_restart(Command& root) {
  Command command = root.add("restart", "Restart a deployment, one replica after the other");
  auto flags = add_platform_flags(command);
  auto name = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  auto wait_seconds = std::make_shared<std::int64_t>(0);
  command.text("DEPLOYMENT", *name, "its id or name", Need::kRequired)
      .number("--wait", *wait_seconds, 0, 86'400, "seconds to wait until it is ready");
  add_output_flag(command, *format);
  command.examples("  mifeng restart digits --wait 60");
  command.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, PlatformClient::connect(*flags));
    MIFENG_TRY(const auto id, find_deployment(client, *name));
    MIFENG_TRY(auto deployment, client.send("POST", "/deployments/" + id + "/restart"));
    if (*wait_seconds > 0) {
      MIFENG_TRY(deployment, wait_ready(client, id, *wait_seconds));
    }
    MIFENG_CHECK(print_objects(console, deployment, *format, kColumns));
    return 0;
  });
}

void add_logs(Command& root) {
  Command command = root.add("logs", "Print what a deployment's replica wrote");
  auto flags = add_platform_flags(command);
  struct Options {
    std::string name, replica;
    std::int64_t tail = 200;
    bool follow = false;
  };
  auto options = std::make_shared<Options>();
  command.text("DEPLOYMENT", options->name, "its id or name", Need::kRequired)
      .text("--replica", options->replica, "container name; else the first")
      .number("--tail", options->tail, -1, 100'000, "lines from the end; -1 for all")
      .flag("-f,--follow", options->follow, "wait for more");
  command.examples("  mifeng logs digits -f");
  command.run([=](Console& console) {
    return logs(*flags, options->name, options->replica, options->tail, options->follow, console);
  });
}

}  // namespace mifeng::cli
