// mifeng audit
#include "cli/connect.h"
#include "cli/console.h"
#include "cli/language.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/fetch.h"
#include "mifeng/messages/card.h"
#include "mifeng/os/file.h"
#include "mifeng/trust/audit_service.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kHeadMax = 1 << 20;
constexpr std::size_t kExportMax = std::size_t{1} << 30;

struct VerifyOptions {
  std::string file, card, head, format;
};

const std::vector<Column> kColumns{
    {"INTACT", "intact"}, {"ENTRIES", "entries"}, {"SIGNED UP TO", "signed_up_to"}, {"PROBLEM", "problem"}};

Result<int> give_verdict(const json::Value& verdict, const std::string& format, Console& console) {
  MIFENG_CHECK(print_objects(console, verdict, format, kColumns, "intact"));
  if (text_of(verdict, "intact") == "true") return 0;
  return Error(ErrorCode::kVerificationFailed, "audit-log-altered", text_of(verdict, "problem"));
}

// By the platform, which has the key of the MACs.
Result<int> verify_there(const PlatformFlags& flags, const VerifyOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  json::Object body;
  if (!options.head.empty()) {
    MIFENG_TRY(const auto text, read_text_file(options.head, kHeadMax));
    auto head = json::parse_object(text);
    if (!head) return head.error().with_context(options.head);
    body.set("head", std::move(*head));
  }
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto verdict, client.send("POST", "/audit/verification", sent));
  return give_verdict(verdict, options.format, console);
}

// Of an exported file, by its digests and the heads that the identity key of the card (or its successors) signed. What
// that cannot tell is said each time.
Result<int> verify_here(const VerifyOptions& options, Console& console) {
  if (options.card.empty())
    return Error(ErrorCode::kInvalidArgument, "no-card",
                 tr("An exported log is checked against the platform card: give --card, as you got it from the "
                    "platform's administrator."));
  MIFENG_TRY(const auto log, read_text_file(options.file, kExportMax));
  MIFENG_TRY(const auto card, read_text_file(options.card, messages::kCardSizeMax));
  std::string head;
  if (!options.head.empty()) {
    MIFENG_TRY(head, read_text_file(options.head, kHeadMax));
  }
  MIFENG_TRY(const auto verdict, trust::verify_audit_export(log, card, head));
  const std::string entries = std::to_string(verdict.entries), covered = std::to_string(verdict.signed_up_to);
  if (verdict.intact) {
    console.message(say("Checked: the digests of {} entries; signed heads cover those up to {}.", {entries, covered}));
    if (verdict.signed_up_to < verdict.entries)
      console.warning(
          say("Not checked: the {} entries after the last signed head; whoever wrote the file could have "
              "made them up.",
              {std::to_string(verdict.entries - verdict.signed_up_to)}));
    if (options.head.empty())
      console.warning(
          tr("Not checked: whether the tail was cut off; --head with a head that was kept elsewhere tells."));
    console.message(
        tr("Not checked: the MACs. Only the platform has their key: `mifeng audit verify` without a file asks it."));
  }
  const json::Value shown = json::Object{{"intact", verdict.intact},
                                         {"entries", verdict.entries},
                                         {"signed_up_to", verdict.signed_up_to},
                                         {"bad_seq", verdict.bad_seq},
                                         {"problem", verdict.problem}};
  return give_verdict(shown, options.format, console);
}

}  // namespace

void add_audit(Command& root) {
  Command group = root.add("audit", "The audit log: verify and export it");
  Command command = group.add("verify", "Compute the chain again; exit status 6 where it does not fit");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<VerifyOptions>();
  command.text("FILE", options->file, "an exported log, to be checked here; else the platform checks its own")
      .text("--card", options->card,
            "platform card (file), needed with FILE: its identity key must have signed the heads")
      .text("--head", options->head, "a head that was exported earlier: then a cut tail is found as well");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng audit verify --head head-2026-01.json\n"
      "  mifeng audit verify audit.jsonl --card platform.card --head head-2026-01.json");
  command.run([=](Console& console) {
    return options->file.empty() ? verify_there(*flags, *options, console) : verify_here(*options, console);
  });
  add_fetch(group, "head", "The newest signed head, to keep elsewhere", "/audit/head",
            "  mifeng audit head --output-file head.json");
  add_fetch(group, "export", "The whole log as JSON lines", "/audit/export",
            "  mifeng audit export --output-file audit.jsonl");
}

}  // namespace mifeng::cli
