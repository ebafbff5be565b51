// The checks of a submitted package that need the platform's keys and tables.
#pragma once

#include "mifeng/package/package_file.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/actor.h"

namespace mifeng::models {

struct Context;

struct VerifiedPackage {
  crypto::Sm2PublicKey vendor_key;
  std::string delivery_key_id;
  std::string card_key_id;
};
// In the order of the submit service: vendor's key, payload's header, manifest's signature. Digests of the large parts
// come after that, since they read the whole file.
Result<VerifiedPackage> verify_package(const Context& context, const trust::Actor& actor,
                                       const package::PackageFile& package);

}  // namespace mifeng::models
