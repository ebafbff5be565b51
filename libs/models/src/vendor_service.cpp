#include "mifeng/models/vendor_service.h"

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/statement.h"
#include "mifeng/models/context.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"
#include "vendor_rules.h"

namespace mifeng::models {
namespace {

Result<Vendor> vendor_of(const store::VendorRow& row) {
  auto vendor = made_of<Vendor, "fingerprint", "confirmed", "pending_fingerprint", "etag">(row);
  vendor.etag = trust::version_of(row);
  vendor.confirmed = !row.public_key_pem.empty();
  if (!row.public_key_pem.empty()) {
    MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(row.public_key_pem));
    vendor.fingerprint = key.fingerprint();
  }
  if (!row.pending_key_pem.empty()) {
    MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(row.pending_key_pem));
    vendor.pending_fingerprint = key.fingerprint();
  }
  return vendor;
}

void take(store::VendorRow& row, const VendorInput& input) {
  row.name = input.name;
  row.address = input.address;
  row.telephone = input.telephone;
  row.business = input.business;
}

}  // namespace

Result<void> check_vendor(const VendorInput& input) {
  MIFENG_CHECK(trust::check_label("id", input.id));
  MIFENG_CHECK(trust::check_text("name", input.name, 200));
  MIFENG_CHECK(trust::check_text("address", input.address, 500, true));
  MIFENG_CHECK(trust::check_text("telephone", input.telephone, 100, true));
  return trust::check_text("business", input.business, 500, true);
}

Result<Vendor> VendorService::create(const trust::Actor& actor, const VendorInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageVendors));
  MIFENG_CHECK(check_vendor(input));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto there, store::find<store::VendorRow>(tx, input.id));
    if (there) return Error(ErrorCode::kConflict, "vendor-exists", "There is a vendor \"" + input.id + "\" already.");
    store::VendorRow row;
    row.id = input.id;
    take(row, input);
    row.created_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.create", row.id));
    return vendor_of(row);
  });
}

Result<Vendor> VendorService::update(const trust::Actor& actor, const std::string& id, const VendorInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageVendors));
  VendorInput with_id = input;
  with_id.id = id;
  MIFENG_CHECK(check_vendor(with_id));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    take(*row, input);
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.update", id));
    return vendor_of(*row);
  });
}

Result<Vendor> VendorService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require_for_vendor(actor, trust::Permission::kReadVendors, id));
  MIFENG_TRY(auto row, context_.db.read([&](store::Transaction& tx) { return store::find<store::VendorRow>(tx, id); }));
  if (!row) return trust::not_found("vendor", id);
  return vendor_of(*row);
}

Result<trust::Page<Vendor>> VendorService::list(const trust::Actor& actor, const std::string& text,
                                                const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadVendors));
  MIFENG_TRY(const auto window, trust::window_of(page));
  const std::string only = restricted_to_vendor(actor, trust::Permission::kReadVendors);
  MIFENG_TRY(auto slice,
             context_.db.read([&](store::Transaction& tx) { return store::search_vendors(tx, text, only, window); }));
  trust::Page<Vendor> vendors;
  vendors.total = slice.total;
  for (const auto& row : slice.rows) {
    MIFENG_TRY(auto vendor, vendor_of(row));
    vendors.items.push_back(std::move(vendor));
  }
  return vendors;
}

Result<void> VendorService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageVendors));
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto models, store::models_of_vendor(tx, id));
    if (models != 0)
      return Error(ErrorCode::kConflict, "vendor-has-models",
                   "The vendor has " + std::to_string(models) + " model version(s); it stays while they do.");
    MIFENG_TRY(const auto there, store::find<store::VendorRow>(tx, id));
    if (!there) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *there));
    MIFENG_CHECK(store::erase<store::VendorRow>(tx, id));
    return context_.audit.append(tx, actor, "vendor.remove", id);
  });
}

Result<Vendor> VendorService::propose_key(const trust::Actor& actor, const std::string& id,
                                          const std::string& public_key_pem, const std::string& signature_base64) {
  // A vendor may bring its own key; so may who manages vendors.
  if (!require(actor, trust::Permission::kManageVendors))
    MIFENG_CHECK(require_for_vendor(actor, trust::Permission::kSubmit, id));
  MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(public_key_pem));
  MIFENG_TRY(const std::string pem, key.to_pem());  // one spelling
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    if (row->public_key_pem == pem) {
      row->pending_key_pem.clear();
    } else if (signature_base64.empty()) {
      row->pending_key_pem = pem;
    } else {
      if (row->public_key_pem.empty())
        return Error(ErrorCode::kConflict, "no-key-in-force",
                     "The vendor has no key in force that could sign for a new one. Propose it without a signature.");
      MIFENG_TRY(const auto old_key, crypto::Sm2PublicKey::from_pem(row->public_key_pem));
      MIFENG_TRY(const Bytes signature, from_base64(signature_base64));
      MIFENG_CHECK(crypto::verify_statement(old_key, "vendor-key", key.point(), signature));
      row->public_key_pem = pem;
      row->pending_key_pem.clear();
      row->confirmed_ms = context_.clock.now_ms();
    }
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.propose-key", id, key.fingerprint()));
    return vendor_of(*row);
  });
}

Result<Vendor> VendorService::confirm_key(const trust::Actor& actor, const std::string& id,
                                          const std::string& fingerprint) {
  MIFENG_CHECK(require(actor, trust::Permission::kConfirmVendorKeys));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    if (row->pending_key_pem.empty())
      return Error(ErrorCode::kConflict, "no-pending-key", "No key of this vendor waits for confirmation.");
    MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(row->pending_key_pem));
    if (!trust::same_fingerprint(key.fingerprint(), fingerprint))
      return Error(
          ErrorCode::kVerificationFailed, "fingerprint-mismatch",
          "This is not the fingerprint of the key that waits. Compare it with the vendor again, by telephone.");
    row->public_key_pem = row->pending_key_pem;
    row->pending_key_pem.clear();
    row->confirmed_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.confirm-key", id, key.fingerprint()));
    return vendor_of(*row);
  });
  if (!done && done.error().reason() == "fingerprint-mismatch")
    context_.audit.append_refusal(actor.name, "vendor.confirm-key", id, done.error());
  return done;
}

Result<Vendor> VendorService::revoke_key(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kConfirmVendorKeys));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    row->public_key_pem.clear();
    row->pending_key_pem.clear();
    row->confirmed_ms = 0;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.revoke-key", id));
    return vendor_of(*row);
  });
}

}  // namespace mifeng::models
