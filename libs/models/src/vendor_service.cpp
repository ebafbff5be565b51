#include "mifeng/models/vendor_service.h"

#include "mifeng/crypto/sm2.h"
#include "mifeng/json/value.h"
#include "mifeng/messages/vendor_key.h"
#include "mifeng/models/context.h"
#include "mifeng/store/models.h"
#include "mifeng/store/people.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"
#include "vendor_rules.h"

namespace mifeng::models {
namespace {

bool telephone_waits(const store::VendorRow& row) { return row.telephone != row.known_telephone; }

Result<Vendor> vendor_of(const store::VendorRow& row) {
  auto vendor = made_of<Vendor, "fingerprint", "confirmed", "pending_fingerprint", "telephone_waits", "etag">(row);
  vendor.etag = trust::version_of(row);
  vendor.confirmed = !row.public_key_pem.empty();
  vendor.telephone_waits = telephone_waits(row);
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

// What an update changes, for the audit log; the number first, since a long detail is cut.
std::string changes_of(const store::VendorRow& row, const VendorInput& input) {
  std::string text;
  const auto add = [&](const char* field, const std::string& before, const std::string& after) {
    if (before == after) return;
    text += (text.empty() ? "" : ", ") + std::string(field) + " from " + json::serialize(before) + " to " +
            json::serialize(after);
  };
  add("telephone", row.telephone, input.telephone);
  add("name", row.name, input.name);
  add("address", row.address, input.address);
  add("business", row.business, input.business);
  return text;
}

// Empty: none is in force any more.
void put_in_force(store::VendorRow& row, const std::string& pem, UnixMillis now) {
  row.public_key_pem = pem;
  row.confirmed_ms = pem.empty() ? 0 : now;
  if (!pem.empty()) ++row.key_serial;
}

void drop_pending(store::VendorRow& row) {
  row.pending_key_pem.clear();
  row.pending_by.clear();
  row.pending_ms = 0;
}

// The number is good from now on, and whoever says so confirms no key by it.
void vouch(store::VendorRow& row, const std::string& telephone, const trust::Actor& actor) {
  row.known_telephone = telephone;
  row.known_by = actor.name;
}

// Of those who may confirm a key: not the one who vouched for a number that was changed, unless he is alone.
Result<void> check_confirms_key(store::Transaction& tx, const trust::Actor& actor, const store::VendorRow& row) {
  if (telephone_waits(row))
    return Error(ErrorCode::kConflict, "telephone-not-confirmed",
                 "This vendor's telephone number was changed, and no administrator has confirmed the new one. Whoever "
                 "changed it would answer the call: ask at the former number, confirm the new one, and then let "
                 "another administrator confirm the key.");
  if (row.known_by.empty() || row.known_by != actor.name) return ok();
  MIFENG_TRY(const auto others, store::enabled_administrators(tx, actor.name));
  if (others == 0) return ok();
  return Error(ErrorCode::kPermissionDenied, "other-administrator",
               "You have confirmed this vendor's new telephone number yourself; another administrator calls it and "
               "confirms the key.");
}

}  // namespace

store::VendorRow new_vendor(const VendorInput& input, Telephone telephone, const trust::Actor& actor, UnixMillis now) {
  store::VendorRow row;
  row.id = input.id;
  take(row, input);
  row.created_ms = now;
  row.telephone_by = actor.name;
  row.telephone_ms = now;
  if (telephone == Telephone::kKnown) row.known_telephone = row.telephone;
  return row;
}

void propose(store::VendorRow& row, const std::string& pem, const trust::Actor& actor, UnixMillis now) {
  row.pending_key_pem = pem;
  row.pending_by = actor.name;
  row.pending_ms = now;
}

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
    // Whoever registers a vendor is believed: before, nobody trusted anything under this id.
    const auto row = new_vendor(input, Telephone::kKnown, actor, context_.clock.now_ms());
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.create", row.id));
    return vendor_of(row);
  });
}

Result<Vendor> VendorService::update(const trust::Actor& actor, const std::string& id, const VendorInput& input) {
  const bool manages = static_cast<bool>(require(actor, trust::Permission::kManageVendors));
  if (!manages) MIFENG_CHECK(require_for_vendor(actor, trust::Permission::kSubmit, id));
  VendorInput with_id = input;
  with_id.id = id;
  MIFENG_CHECK(check_vendor(with_id));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    if (!manages && input.name != row->name)
      return Error(ErrorCode::kPermissionDenied, "vendor-name-stays",
                   "The name stands on what you have submitted: whoever manages the models changes it. Address, "
                   "telephone and business are yours.");
    const std::string changes = changes_of(*row, input);
    if (changes.empty()) return vendor_of(*row);
    if (row->telephone != input.telephone) {
      row->telephone_by = actor.name;
      row->telephone_ms = context_.clock.now_ms();
      // An administrator could confirm it as well; so he does by writing it.
      if (require(actor, trust::Permission::kConfirmVendorKeys)) vouch(*row, input.telephone, actor);
    }
    take(*row, input);
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.update", id, changes));
    return vendor_of(*row);
  });
}

Result<Vendor> VendorService::confirm_telephone(const trust::Actor& actor, const std::string& id,
                                                const std::string& telephone) {
  MIFENG_CHECK(require(actor, trust::Permission::kConfirmVendorKeys));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    if (row->telephone != telephone)
      return Error(ErrorCode::kConflict, "telephone-changed",
                   "This is not the number that stands there now. Look at it again, and ask the vendor again.");
    if (!telephone_waits(*row))
      return Error(ErrorCode::kConflict, "telephone-known",
                   "No telephone number of this vendor waits for confirmation.");
    const std::string former = row->known_telephone;
    vouch(*row, row->telephone, actor);
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.confirm-telephone", id,
                                       "from " + json::serialize(former) + " to " + json::serialize(row->telephone)));
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
      drop_pending(*row);
    } else if (signature_base64.empty()) {
      propose(*row, pem, actor, context_.clock.now_ms());
    } else {
      if (row->public_key_pem.empty())
        return Error(ErrorCode::kConflict, "no-key-in-force",
                     "The vendor has no key in force that could sign for a new one. Propose it without a signature.");
      MIFENG_TRY(const auto old_key, crypto::Sm2PublicKey::from_pem(row->public_key_pem));
      MIFENG_TRY(const Bytes signature, from_base64(signature_base64));
      const messages::VendorKeyChange change{.platform = context_.keys.get()->identity_key().public_key().fingerprint(),
                                             .vendor = id,
                                             .serial = static_cast<std::uint64_t>(row->key_serial),
                                             .next = key};
      MIFENG_CHECK(messages::verify_vendor_key_change(change, signature, old_key));
      put_in_force(*row, pem, context_.clock.now_ms());
      drop_pending(*row);
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
    MIFENG_CHECK(check_confirms_key(tx, actor, *row));
    MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(row->pending_key_pem));
    if (!trust::same_fingerprint(key.fingerprint(), fingerprint))
      return Error(
          ErrorCode::kVerificationFailed, "fingerprint-mismatch",
          "This is not the fingerprint of the key that waits. Compare it with the vendor again, by telephone.");
    put_in_force(*row, row->pending_key_pem, context_.clock.now_ms());
    drop_pending(*row);
    row->known_by.clear();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.confirm-key", id, key.fingerprint()));
    return vendor_of(*row);
  });
  const std::string reason = done ? "" : done.error().reason();
  if (reason == "fingerprint-mismatch" || reason == "telephone-not-confirmed" || reason == "other-administrator")
    context_.audit.append_refusal(actor.name, "vendor.confirm-key", id, done.error());
  return done;
}

Result<Vendor> VendorService::revoke_key(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kConfirmVendorKeys));
  return context_.db.write([&](store::Transaction& tx) -> Result<Vendor> {
    MIFENG_TRY(auto row, store::find<store::VendorRow>(tx, id));
    if (!row) return trust::not_found("vendor", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    put_in_force(*row, "", 0);
    drop_pending(*row);
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "vendor.revoke-key", id));
    return vendor_of(*row);
  });
}

}  // namespace mifeng::models
