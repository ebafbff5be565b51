#include "submit_verify.h"

#include <algorithm>

#include "mifeng/base/phrase.h"
#include "mifeng/models/context.h"
#include "mifeng/models/vendor_service.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/text.h"
#include "vendor_rules.h"

namespace mifeng::models {
namespace {

// Keeps developer information and key of a vendor that is new, or has no key yet, for an administrator to look at.
Result<void> keep_for_confirmation(const Context& context, const trust::Actor& actor,
                                   const package::PackageManifest& manifest) {
  const VendorInput input{.id = manifest.vendor.id,
                          .name = manifest.vendor.name,
                          .address = manifest.vendor.address,
                          .telephone = manifest.vendor.telephone,
                          .business = manifest.vendor.business};
  MIFENG_CHECK(check_vendor(input));
  MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(manifest.vendor_public_key));
  MIFENG_TRY(const std::string pem, key.to_pem());
  return context.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, input.id));
    if (!row) {
      row = new_vendor(input, Telephone::kToBeConfirmed, actor, context.clock.now_ms());
      propose(*row, pem, actor, context.clock.now_ms());
      MIFENG_CHECK(store::insert(tx, *row));
    } else if (row->pending_key_pem == pem || !row->public_key_pem.empty()) {
      return ok();
    } else {
      propose(*row, pem, actor, context.clock.now_ms());
      MIFENG_CHECK(store::update(tx, *row));
    }
    return context.audit.append(tx, actor, "vendor.propose-key", input.id, key.fingerprint() + ", from a package");
  });
}

// The vendor's key in force. kPermissionDenied "vendor-key-not-confirmed" where there is none yet.
Result<crypto::Sm2PublicKey> key_in_force(const Context& context, const trust::Actor& actor,
                                          const package::PackageManifest& manifest) {
  MIFENG_TRY(const auto vendor, context.db.read([&](store::Transaction& tx) {
    return store::find<store::VendorRow>(tx, manifest.vendor.id);
  }));
  if (vendor && !vendor->public_key_pem.empty()) return crypto::Sm2PublicKey::from_pem(vendor->public_key_pem);
  MIFENG_CHECK(keep_for_confirmation(context, actor, manifest));
  return Error(ErrorCode::kPermissionDenied, "vendor-key-not-confirmed",
               "No key of the vendor \"" + manifest.vendor.id +
                   "\" is in force. An administrator has to compare the fingerprint of the key in this package with "
                   "the vendor and confirm it; then submit again.");
}

Error not_verified(const std::string& why) {
  return Error(ErrorCode::kVerificationFailed, "payload-not-verified",
               phrase("The payload is not one that this vendor sealed for this platform under this model and version "
                      "({}). Pack it again with this platform's card and the vendor's registered key.",
                      why));
}

// MAC under this vendor, model and version, and the registered key's signature. Gives the delivery key's id.
Result<std::string> verify_payload_header(const package::PackageFile& package, const crypto::Sm2PublicKey& vendor_key,
                                          const trust::KeySet& keys) {
  const package::PackageManifest& manifest = package.manifest();
  const sealed::Policy policy{
      .kind = sealed::Kind::kPayload, .signature = sealed::SignatureRule::kRequired, .signer = vendor_key};
  const auto header = sealed::Header::parse(package.payload_header(), policy);
  if (!header) return not_verified(header.error().reason());
  const crypto::Sm2PrivateKey* delivery = nullptr;
  std::string delivery_id;
  for (std::size_t i = 0; i < header->recipient_count() && delivery == nullptr; ++i) {
    delivery_id = to_hex(header->recipient(i).key_id);
    delivery = keys.delivery_key(delivery_id);
  }
  if (delivery == nullptr)
    return Error(ErrorCode::kVerificationFailed, "payload-not-verified",
                 phrase("The package is sealed for another platform, or for a key that this one has destroyed: pack it "
                        "again with this platform's card (mifeng key export)."));
  const auto sealed_for = sealed::payload_context(manifest.vendor.id, manifest.model.name, manifest.model.version);
  if (!sealed_for) return not_verified(sealed_for.error().reason());
  if (const auto root_key = sealed::verify_header(*header, *delivery, *sealed_for, policy); !root_key)
    return not_verified(root_key.error().reason());
  if (!header->is_fixed()) return not_verified("fixed-rule");
  return delivery_id;
}

Result<void> check_documents(const package::PackageFile& package) {
  for (const auto document : {package::Document::kDesign, package::Document::kUsage, package::Document::kTest}) {
    const std::string& text = package.document(document);
    const auto bad = std::min(text.find('\0'), trust::not_utf8_at(text).value_or(std::string::npos));
    if (bad == std::string::npos) continue;
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    return Error(ErrorCode::kInvalidArgument, "bad-document",
                 "The " + std::string(package::to_string(document)) + " document is not UTF-8 text: line " +
                     std::to_string(line) + (text[bad] == '\0' ? " holds a zero byte" : " holds a byte that is none") +
                     ". Save it as UTF-8, pack again and submit that.");
  }
  return ok();
}

// The identity key's id of the card of this platform that the package was made for.
Result<std::string> card_of(const package::PackageManifest& manifest, const std::string& delivery_id,
                            const trust::KeySet& keys) {
  std::string found;
  for (const auto& card : manifest.cards)
    for (const auto& identity : keys.identity)
      if (card.delivery_key_id == delivery_id && card.identity_key_id == identity.row.id) found = card.identity_key_id;
  if (found.empty())
    return not_verified("the package names no card of this platform with the delivery key " + delivery_id);
  return found;
}

}  // namespace

Result<VerifiedPackage> verify_package(const Context& context, const trust::Actor& actor,
                                       const package::PackageFile& package) {
  const package::PackageManifest& manifest = package.manifest();
  MIFENG_CHECK(require_for_vendor(actor, trust::Permission::kSubmit, manifest.vendor.id));
  MIFENG_TRY(auto vendor_key, key_in_force(context, actor, manifest));
  const auto keys = context.keys.get();
  // The payload first: a header whose signature alone verifies may be another vendor's blocks, signed again.
  MIFENG_TRY(std::string delivery_id, verify_payload_header(package, vendor_key, *keys));
  MIFENG_CHECK(package.verify_signature(vendor_key));
  MIFENG_CHECK(check_documents(package));
  MIFENG_TRY(std::string card_key_id, card_of(manifest, delivery_id, *keys));
  return VerifiedPackage{.vendor_key = std::move(vendor_key),
                         .delivery_key_id = std::move(delivery_id),
                         .card_key_id = std::move(card_key_id)};
}

}  // namespace mifeng::models
