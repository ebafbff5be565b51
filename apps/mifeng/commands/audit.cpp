// mifeng audit
#include "cli/console.h"
#include "cli/output.h"
#include "cli/platform_client.h"
#include "commands/commands.h"
#include "commands/fetch.h"
#include "mifeng/base/file.h"

namespace mifeng::cli {
namespace {

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

}  // namespace

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

}  // namespace mifeng::cli
