// mifeng vendor
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/get.h"
#include "commands/key_files.h"
#include "mifeng/client/answer.h"
#include "mifeng/messages/card.h"
#include "mifeng/messages/vendor_key.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kColumns{{"ID", "id"},
                                   {"NAME", "name"},
                                   {"CONFIRMED", "confirmed"},
                                   {"FINGERPRINT", "fingerprint"},
                                   {"WAITING KEY", "pending_fingerprint"}};
const std::vector<Column> kInformation{
    {"ID", "id"},           {"NAME", "name"},        {"TELEPHONE", "telephone"}, {"KNOWN TELEPHONE", "known_telephone"},
    {"ADDRESS", "address"}, {"BUSINESS", "business"}};

struct VendorOptions {
  std::string id, name, address, telephone, business, format;
};

struct KeyOptions {
  std::string id, key, old_key, fingerprint, format;
};

std::string path_of(const std::string& id) { return "/vendors/" + net::percent_encode(id); }

Result<int> add_one_vendor(const PlatformFlags& flags, const VendorOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  const json::Value body = json::Object{{"id", options.id},
                                        {"name", options.name},
                                        {"address", options.address},
                                        {"telephone", options.telephone},
                                        {"business", options.business}};
  MIFENG_TRY(const auto vendor, client.send("POST", "/vendors", body));
  MIFENG_CHECK(print_objects(console, vendor, options.format, kColumns));
  return 0;
}

// What was not given stays as it is.
Result<int> set_vendor(const PlatformFlags& flags, const VendorOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto there, client.get(path_of(options.id)));
  const auto either = [&](const std::string& given, const char* field) {
    return given.empty() ? text_of(there, field) : given;
  };
  const json::Value body = json::Object{{"name", either(options.name, "name")},
                                        {"address", either(options.address, "address")},
                                        {"telephone", either(options.telephone, "telephone")},
                                        {"business", either(options.business, "business")}};
  MIFENG_TRY(const auto vendor, client.change("PUT", path_of(options.id), there, body));
  if (text_of(vendor, "telephone") != text_of(vendor, "known_telephone"))
    console.message(
        tr("No key is confirmed until an administrator has confirmed the telephone number, asking at the former one."));
  MIFENG_CHECK(print_objects(console, vendor, options.format, kInformation));
  return 0;
}

Result<int> confirm_telephone(const PlatformFlags& flags, const VendorOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  const json::Value body = json::Object{{"telephone", options.telephone}};
  MIFENG_TRY(const auto vendor, client.send("POST", path_of(options.id) + "/telephone/confirmation", body));
  MIFENG_CHECK(print_objects(console, vendor, options.format, kInformation));
  return 0;
}

// By the key in force, for this platform and this one change.
Result<std::string> hand_over(const PlatformClient& client, const std::string& id,
                              const crypto::Sm2PrivateKey& in_force, const crypto::Sm2PublicKey& next) {
  MIFENG_TRY(const auto card_text, client.get("/card"));
  MIFENG_TRY(const auto card, messages::decode_card(as_bytes(json::serialize(card_text))));
  MIFENG_TRY(const auto vendor, client.get(path_of(id)));
  const json::Value* const found = client::member_of(vendor, "key_serial");
  const std::int64_t* const serial = found == nullptr ? nullptr : found->if_int64();
  if (serial == nullptr) return Error(ErrorCode::kUnavailable, "bad-answer", "The platform's answer is no vendor.");
  const messages::VendorKeyChange change{.platform = card.identity.fingerprint(),
                                         .vendor = id,
                                         .serial = static_cast<std::uint64_t>(*serial),
                                         .next = next};
  MIFENG_TRY(const Bytes signature, messages::sign_vendor_key_change(change, in_force));
  return to_base64(signature);
}

Result<int> propose(const PlatformFlags& flags, const KeyOptions& options, Console& console) {
  MIFENG_TRY(const auto key, read_public_key(options.key));
  MIFENG_TRY(const std::string pem, key.to_pem());
  json::Object body{{"public_key_pem", pem}};
  std::optional<crypto::Sm2PrivateKey> in_force;
  if (!options.old_key.empty()) {
    MIFENG_TRY(in_force, read_private_key(options.old_key));
  }
  MIFENG_TRY(const auto client, connect(flags));
  if (in_force) {
    MIFENG_TRY(const std::string signature, hand_over(client, options.id, *in_force, key));
    body.set("signature_base64", signature);
  }
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto vendor, client.send("PUT", path_of(options.id) + "/key", sent));
  if (text_of(vendor, "pending_fingerprint").empty()) {
    console.message(tr("The key is in force."));
  } else {
    console.message(say("The key waits until an administrator confirms its fingerprint, which you read out to him: {}",
                        {key.fingerprint()}));
  }
  MIFENG_CHECK(print_objects(console, vendor, options.format, kColumns));
  return 0;
}

Result<int> confirm(const PlatformFlags& flags, const KeyOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  const json::Value body = json::Object{{"fingerprint", options.fingerprint}};
  MIFENG_TRY(const auto vendor, client.send("POST", path_of(options.id) + "/key/confirmation", body));
  MIFENG_CHECK(print_objects(console, vendor, options.format, kColumns));
  return 0;
}

Result<int> revoke(const PlatformFlags& flags, const KeyOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto vendor, client.send("DELETE", path_of(options.id) + "/key"));
  MIFENG_CHECK(print_objects(console, vendor, options.format, kColumns));
  return 0;
}

void add_keys(Command& group) {
  Command proposal = group.add("propose-key", "Give the platform a vendor's public key");
  auto propose_flags = add_platform_flags(proposal);
  auto proposed = std::make_shared<KeyOptions>();
  proposal.text("VENDOR", proposed->id, "id of the vendor", Need::kRequired)
      .text("KEY", proposed->key, "the public key (PEM file)", Need::kRequired)
      .text("--sign", proposed->old_key, "private key in force (PEM file): then the new one needs no confirmation");
  add_output_flag(proposal, proposed->format);
  proposal.examples("  mifeng vendor propose-key acme vendor.pub.pem");
  proposal.run([=](Console& console) { return propose(*propose_flags, *proposed, console); });

  Command confirmation = group.add("confirm-key", "Put the waiting key in force");
  auto confirm_flags = add_platform_flags(confirmation);
  auto confirmed = std::make_shared<KeyOptions>();
  confirmation.text("VENDOR", confirmed->id, "id of the vendor", Need::kRequired)
      .text("--fingerprint", confirmed->fingerprint,
            "as the vendor read it out, by telephone or in person; not as this platform shows it", Need::kRequired);
  add_output_flag(confirmation, confirmed->format);
  confirmation.examples("  mifeng vendor confirm-key acme --fingerprint 'C60C 9363 C5D0 BE12 ...'");
  confirmation.run([=](Console& console) { return confirm(*confirm_flags, *confirmed, console); });

  Command revocation = group.add("revoke-key", "Take a vendor's key out of force; no new version is taken under it");
  auto revoke_flags = add_platform_flags(revocation);
  auto revoked = std::make_shared<KeyOptions>();
  revocation.text("VENDOR", revoked->id, "id of the vendor", Need::kRequired);
  add_output_flag(revocation, revoked->format);
  revocation.examples("  mifeng vendor revoke-key acme");
  revocation.run([=](Console& console) { return revoke(*revoke_flags, *revoked, console); });
}

void add_information(Command& group) {
  Command change = group.add("set", "Change what is known of a vendor; a vendor's own person may, but for the name");
  auto change_flags = add_platform_flags(change);
  auto changed = std::make_shared<VendorOptions>();
  change.text("VENDOR", changed->id, "id of the vendor", Need::kRequired)
      .text("--name", changed->name, "the company's name")
      .text("--address", changed->address, "its address")
      .text("--telephone", changed->telephone, "its telephone")
      .text("--business", changed->business, "what it does");
  add_output_flag(change, changed->format);
  change.examples("  mifeng vendor set acme --telephone '+86 10 5555 0101'");
  change.run([=](Console& console) { return set_vendor(*change_flags, *changed, console); });

  Command confirmation = group.add("confirm-telephone", "Vouch for a vendor's new telephone number");
  auto confirm_flags = add_platform_flags(confirmation);
  auto confirmed = std::make_shared<VendorOptions>();
  confirmation.text("VENDOR", confirmed->id, "id of the vendor", Need::kRequired)
      .text("--telephone", confirmed->telephone,
            "the number, of which you have asked at the one that was known before, or in person", Need::kRequired);
  add_output_flag(confirmation, confirmed->format);
  confirmation.examples("  mifeng vendor confirm-telephone acme --telephone '+86 10 5555 0101'");
  confirmation.run([=](Console& console) { return confirm_telephone(*confirm_flags, *confirmed, console); });
}

}  // namespace

void add_vendor(Command& root) {
  Command group = root.add("vendor", "Vendors, and the keys that they sign with");
  group.alias("vendors");
  add_list(group, "vendors", "All vendors", "  mifeng vendor list");

  Command show = group.add("show", "One vendor, with his keys");
  auto show_flags = add_platform_flags(show);
  auto shown = std::make_shared<KeyOptions>();
  show.text("VENDOR", shown->id, "id of the vendor", Need::kRequired);
  add_output_flag(show, shown->format);
  show.examples("  mifeng vendor show acme -o yaml");
  show.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*show_flags));
    MIFENG_TRY(const auto vendor, client.get(path_of(shown->id)));
    MIFENG_CHECK(print_objects(console, vendor, shown->format, kColumns));
    return 0;
  });

  Command command = group.add("add", "Register a vendor");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<VendorOptions>();
  command.text("VENDOR", options->id, "id of the vendor", Need::kRequired)
      .text("--name", options->name, "the company's name", Need::kRequired)
      .text("--address", options->address, "its address")
      .text("--telephone", options->telephone, "its telephone")
      .text("--business", options->business, "what it does");
  add_output_flag(command, options->format);
  command.examples("  mifeng vendor add acme --name 'Acme Ltd' --telephone '+86 10 5555 0100'");
  command.run([=](Console& console) { return add_one_vendor(*flags, *options, console); });
  add_information(group);
  add_keys(group);
  group.examples(
      "  mifeng vendor add acme --name 'Acme Ltd'\n  mifeng vendor propose-key acme vendor.pub.pem\n"
      "  mifeng vendor confirm-key acme --fingerprint 'C60C 9363 C5D0 BE12 ...'");
}

}  // namespace mifeng::cli
