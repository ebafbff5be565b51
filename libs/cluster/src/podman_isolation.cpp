#include "podman_isolation.h"

#include <array>

#include "mifeng/os/child_process.h"

namespace mifeng::cluster {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kOutputMax = 4096;

struct Rule {
  std::string_view from, to;
};
constexpr std::array kRules{Rule{kModelBridge, kGuardBridge}, Rule{kModelBridge, kModelBridge},
                            Rule{kGuardBridge, kModelBridge}};

Error no_isolation(const std::string& why) {
  return Error(ErrorCode::kUnavailable, "no-isolation",
               "a model that may use the network cannot be kept away from other models' guards: " + why);
}

// `action` is -C (is it there?) or -I (put it first).
Result<CommandOutput> filter(const std::vector<std::string>& packet_filter, std::string_view action, const Rule& rule) {
  ChildOptions options;
  options.argv = packet_filter;
  // "+" stands for any rest of an interface's name (iptables(8), --in-interface).
  for (const std::string& word : {std::string("-t"), std::string("mangle"), std::string(action), std::string("FORWARD"),
                                  std::string("-i"), std::string(rule.from) + "+", std::string("-o"),
                                  std::string(rule.to) + "+", std::string("-j"), std::string("DROP")})
    options.argv.push_back(word);
  return run_command(std::move(options), kPatience, kOutputMax);
}

}  // namespace

Result<void> ensure_isolation(const std::vector<std::string>& packet_filter) {
  for (const Rule& rule : kRules) {
    const auto there = filter(packet_filter, "-C", rule);
    if (!there) return no_isolation(there.error().message());
    if (there->exit.success()) continue;
    const auto made = filter(packet_filter, "-I", rule);
    if (!made) return no_isolation(made.error().message());
    if (!made->exit.success()) return no_isolation(made->output);
  }
  return ok();
}

}  // namespace mifeng::cluster
