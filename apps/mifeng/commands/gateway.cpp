// mifeng gateway; mifeng key list | rotate | revoke | export
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/secret_text.h"
#include "commands/commands.h"
#include "commands/fetch.h"
#include "commands/get.h"
#include "mifeng/messages/card.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kKeyColumns{{"ID", "id"},
                                      {"PURPOSE", "purpose"},
                                      {"STATE", "state"},
                                      {"NOT BEFORE", "not_before_ms"},
                                      {"NOT AFTER", "not_after_ms"}};

struct InviteOptions {
  std::string id, url, file;
};

Result<int> invite(const PlatformFlags& flags, const InviteOptions& options, Console& console) {
  MIFENG_CHECK(refuse_existing_secret(options.file));
  MIFENG_TRY(const auto client, connect(flags));
  json::Object body{{"id", options.id}};
  if (!options.url.empty()) body.set("platform_url", options.url);
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto join, client.send("POST", "/gateways", sent));
  console.message(tr("A join file holds a one-time code for 24 hours: hand it over like a password."));
  MIFENG_CHECK(give_secret(console, json::serialize(join), options.file));
  return 0;
}

// What the vendor has to see as well, in the file that he got.
Result<void> tell_fingerprint(const std::string& text, Console& console) {
  MIFENG_TRY(const auto card, messages::decode_card(as_bytes(text)));
  console.message(say("fingerprint: {}", {card.identity.fingerprint()}));
  return ok();
}

// A command that names one thing and ends it, for a reason that the audit log keeps.
struct EndOptions {
  std::string id, reason;
};

}  // namespace

void add_gateway(Command& root) {
  Command group = root.add("gateway", "Gateways: which ones there are, and inviting new ones");
  group.alias("gateways");
  add_list(group, "gateways", "All gateways", "  mifeng gateway list");

  Command command = group.add("invite", "Make a join file for a new gateway");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<InviteOptions>();
  command.text("ID", options->id, "what the gateway is called", Need::kRequired)
      .text("--platform-url", options->url, "where the gateway connects to; else the platform's own address")
      .text("--join-file", options->file, "new file; else standard output")
      .examples(
          "  mifeng gateway invite gw-2 --join-file gw-2.join\n"
          "  mifeng-gateway --state /var/lib/mifeng-gateway --join gw-2.join");
  command.run([=](Console& console) { return invite(*flags, *options, console); });

  Command revoke = group.add("revoke", "Revoke a gateway: it gets nothing more, and the output keys rotate");
  auto revoke_flags = add_platform_flags(revoke);
  auto id = std::make_shared<std::string>();
  revoke.text("ID", *id, "which", Need::kRequired).examples("  mifeng gateway revoke gw-2");
  revoke.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*revoke_flags));
    MIFENG_CHECK(client.send("DELETE", "/gateways/" + net::percent_encode(*id)));
    console.message(say("Revoked {}.", {*id}));
    return 0;
  });
  group.examples("  mifeng gateway list\n  mifeng gateway invite gw-2 --join-file gw-2.join");
}

void add_platform_keys(Command& key) {
  add_fetch(key, "export", "The platform card, for vendors and their `mifeng pack --for`", "/card",
            "  mifeng key export --output-file platform.card", tell_fingerprint);
  add_list(key, "keys", "The platform's key pairs; public halves only", "  mifeng key list");

  Command rotate = key.add("rotate", "Make the platform a new key pair");
  auto rotate_flags = add_platform_flags(rotate);
  auto purpose = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  auto now = std::make_shared<bool>(false);
  rotate.word("PURPOSE", *purpose, {"identity", "delivery", "output"}, "of the key", Need::kRequired);
  rotate.flag("--now", *now,
              "an output key in force at once: a gateway that has not heard of it answers 502 until it has");
  add_output_flag(rotate, *format);
  rotate.examples(
      "  mifeng key rotate output       answers are sealed to a new key, once every gateway has it\n"
      "  mifeng key rotate output --now the key in force was stolen\n"
      "  mifeng key rotate delivery     vendors need the new card: mifeng key export\n"
      "  mifeng key rotate identity     the old key signs for the new one; compare fingerprints");
  rotate.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*rotate_flags));
    json::Object body{{"purpose", *purpose}};
    if (*now) body.set("now", true);
    MIFENG_TRY(const auto made, client.send("POST", "/keys/rotation", body));
    MIFENG_CHECK(print_objects(console, made, *format, kKeyColumns));
    return 0;
  });

  Command revoke = key.add("revoke", "End a running instance: its keys count no more, gateways drop it");
  auto revoke_flags = add_platform_flags(revoke);
  auto ended = std::make_shared<EndOptions>();
  revoke.text("INSTANCE", ended->id, "id, as `mifeng get instances` shows it", Need::kRequired)
      .text("--reason", ended->reason, "for the audit log", Need::kRequired)
      .examples("  mifeng key revoke in-1 --reason 'the host was stolen'");
  revoke.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*revoke_flags));
    const json::Value body = json::Object{{"reason", ended->reason}};
    MIFENG_CHECK(client.send("POST", "/instances/" + net::percent_encode(ended->id) + "/revocation", body));
    console.message(say("Revoked {}.", {ended->id}));
    return 0;
  });
}

}  // namespace mifeng::cli
