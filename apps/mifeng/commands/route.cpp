// mifeng route, mifeng audit, mifeng key export
#include "cli/console.h"
#include "cli/output.h"
#include "cli/platform_client.h"
#include "commands/commands.h"
#include "mifeng/base/file.h"

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

Result<int> verify_audit(const PlatformFlags& flags, const std::string& head_file, const std::string& format,
                         Console& console) {
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  json::Object body;
  if (!head_file.empty()) {
    MIFENG_TRY(const auto text, read_text_file(head_file, 1 << 20));
    auto head = json::parse_object(text);
    if (!head) return head.error().with_context(head_file);
    body.set("head", std::move(*head));
  }
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto verdict, client.send("POST", "/audit/verification", &sent));
  MIFENG_CHECK(print_objects(
      console, verdict, format,
      {{"INTACT", "intact"}, {"ENTRIES", "entries"}, {"SIGNED UP TO", "signed_up_to"}, {"PROBLEM", "problem"}},
      "intact"));
  if (text_of(verdict, "intact") == "true") return 0;
  return Error(ErrorCode::kVerificationFailed, "audit-log-altered", text_of(verdict, "problem"));
}

Result<int> print_or_save(const PlatformClient& client, const std::string& path, const std::string& output,
                          Console& console) {
  MIFENG_TRY(const auto text, client.get_text(path));
  if (output.empty()) {
    MIFENG_CHECK(console.print(text));
  } else {
    MIFENG_CHECK(write_file_atomic(output, as_bytes(text)));
  }
  return 0;
}

// A command that fetches one file.
void add_fetch(Command& group, const std::string& name, const std::string& summary, const std::string& path,
               const std::string& example) {
  Command command = group.add(name, summary);
  auto flags = add_platform_flags(command);
  auto output = std::make_shared<std::string>();
  command.text("-o,--output", *output, "file; else standard output").examples(example);
  command.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, PlatformClient::connect(*flags));
    return print_or_save(client, path, *output, console);
  });
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

void add_audit(Command& root) {
  Command group = root.add("audit", "The audit log: verify and export it");
  Command command = group.add("verify", "Compute the chain again; exit status 6 where it does not fit");
  auto flags = add_platform_flags(command);
  auto head = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("--head", *head, "a head that was exported earlier: then a cut tail is found as well");
  add_output_flag(command, *format);
  command.examples("  mifeng audit verify --head head-2026-01.json");
  command.run([=](Console& console) { return verify_audit(*flags, *head, *format, console); });
  add_fetch(group, "head", "The newest signed head, to keep elsewhere", "/audit/head",
            "  mifeng audit head -o head.json");
  add_fetch(group, "export", "The whole log as JSON lines", "/audit/export", "  mifeng audit export -o audit.jsonl");
}

void add_key_export(Command& key) {
  add_fetch(key, "export", "The platform card, for vendors and their `mifeng pack --for`", "/card",
            "  mifeng key export -o platform.card");
}

}  // namespace mifeng::cli
