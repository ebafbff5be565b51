#include "podman_isolation.h"

#include <array>

#include "mifeng/os/child_process.h"

namespace mifeng::cluster {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kOutputMax = 4096;

using Rule = std::vector<std::string>;

// "+" stands for any rest of an interface's name (iptables(8), --in-interface).
std::string any(std::string_view bridge) { return std::string(bridge) + "+"; }

Rule between(std::string_view from, std::string_view to) { return {"-i", any(from), "-o", any(to)}; }

Error no_isolation(const std::string& what, const std::string& why) {
  return Error(ErrorCode::kUnavailable, "no-isolation", what + " cannot be kept away from models' guards: " + why);
}

// `action` is -C (is it there?) or -I (put it first).
Result<CommandOutput> filter(const std::vector<std::string>& packet_filter, const char* action, const Rule& rule) {
  ChildOptions options;
  options.argv = packet_filter;
  for (const char* word : {"-t", "mangle", action, "FORWARD"}) options.argv.emplace_back(word);
  options.argv.insert(options.argv.end(), rule.begin(), rule.end());
  for (const char* word : {"-j", "DROP"}) options.argv.emplace_back(word);
  return run_command(std::move(options), kPatience, kOutputMax);
}

Result<void> ensure(const std::vector<std::string>& packet_filter, const Rule& rule, const std::string& what) {
  const auto there = filter(packet_filter, "-C", rule);
  if (!there) return no_isolation(what, there.error().message());
  if (there->exit.success()) return ok();
  const auto made = filter(packet_filter, "-I", rule);
  if (!made) return no_isolation(what, made.error().message());
  if (!made->exit.success()) return no_isolation(what, made->output);
  return ok();
}

}  // namespace

Result<void> isolate_models(const std::vector<std::string>& packet_filter) {
  for (const Rule& rule :
       {between(kModelBridge, kGuardBridge), between(kModelBridge, kModelBridge), between(kGuardBridge, kModelBridge)})
    MIFENG_CHECK(ensure(packet_filter, rule, "a model that may use the network"));
  return ok();
}

Result<void> isolate_guards(const std::vector<std::string>& packet_filter) {
  // What was sent to a node port has been given the guard's address by the machine itself (DNAT), and its answers
  // belong to that connection. Programs of this machine send, they do not forward.
  const Rule rule{"-o", any(kGuardBridge), "-m", "conntrack", "--ctstate", "NEW",
                  "-m", "conntrack",       "!",  "--ctstate", "DNAT"};
  return ensure(packet_filter, rule, "neighbours of this machine's containers");
}

}  // namespace mifeng::cluster
