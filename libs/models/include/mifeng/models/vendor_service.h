// Developer information 开发者信息, and the vendors' keys.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::models {

struct Context;

MIFENG_LISTED(Vendor,
              text(id),  // DNS label, the same at every customer's
              text(name), text(address), text(telephone), text(business),
              text(public_key_pem),   // in force: its signatures count; empty before an administrator has confirmed one
              text(fingerprint),      // of the key in force
              flag(confirmed),        // there is a key in force
              text(pending_key_pem),  // waiting for confirmation
              text(pending_fingerprint), text(pending_by), number(pending_ms), number(created_ms), number(confirmed_ms),
              text(telephone_by), number(telephone_ms),  // who wrote the number that stands there
              text(known_telephone),  // the number that the platform's own people vouch for: the one to call
              text(known_by),         // the administrator who has vouched for it since a key was confirmed last
              flag(telephone_waits),  // it is another than the known one
              number(key_serial),     // how many keys were in force, up to the one that is
              text(etag));            // trust::version_of its row
struct VendorInput {
  std::string id;  // ignored by update
  std::string name;
  std::string address;
  std::string telephone;
  std::string business;
};

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
//
// A key is confirmed by calling the vendor, so whoever could choose the number could answer the call. The platform's
// people therefore vouch for a number before it is called: whoever registers the vendor, and an administrator for every
// later one. Another administrator, where there is one, then confirms the key
// (docs/decisions/0030-vendors-telephone.md).
class VendorService {
 public:
  explicit VendorService(const Context& context) : context_(context) {}

  Result<Vendor> create(const trust::Actor& actor, const VendorInput& input);  // kConflict "vendor-exists"
  // By one of the vendor's own as well, who cannot change the name: kPermissionDenied "vendor-name-stays".
  Result<Vendor> update(const trust::Actor& actor, const std::string& id, const VendorInput& input);
  // The number as the administrator has read it: kConflict "telephone-known", "telephone-changed".
  Result<Vendor> confirm_telephone(const trust::Actor& actor, const std::string& id, const std::string& telephone);
  Result<Vendor> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Vendor>> list(const trust::Actor& actor, const std::string& text, const trust::PageRequest& page);
  Result<void> remove(const trust::Actor& actor, const std::string& id);  // kConflict "vendor-has-models"

  // A PEM (SPKI) on the SM2 curve. With `signature_base64`, by the key in force (messages/vendor_key.h), it is in force
  // at once; without, it waits for confirm_key. kVerificationFailed "bad-signature".
  Result<Vendor> propose_key(const trust::Actor& actor, const std::string& id, const std::string& public_key_pem,
                             const std::string& signature_base64);
  // The fingerprint that the vendor read out. kVerificationFailed "fingerprint-mismatch", kConflict "no-pending-key",
  // "telephone-not-confirmed"; kPermissionDenied "other-administrator".
  Result<Vendor> confirm_key(const trust::Actor& actor, const std::string& id, const std::string& fingerprint);
  // No new version is taken under it; versions that were accepted keep the key they were accepted under.
  Result<Vendor> revoke_key(const trust::Actor& actor, const std::string& id);

 private:
  const Context& context_;
};

}  // namespace mifeng::models
