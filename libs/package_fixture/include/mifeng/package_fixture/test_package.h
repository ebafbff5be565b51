// Small packages for the tests of submitting: whole and signed, with one thing changed where a test wants it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/card.h"
#include "mifeng/package/package_writer.h"

namespace mifeng::package {

struct PackageSpec {
  std::string vendor = "acme";
  std::string model = "digits";
  std::string version = "1.0.0";
  std::string payload = "the weights";
  std::string usage = "# Usage\n\nCall /predict.\n";
  std::size_t base_bytes = 1000;  // of a layer that does not compress
};

// Everything but the file: for a test that exchanges parts. `work` keeps the layers.
Result<PackageParts> package_parts(const PackageSpec& spec, const messages::PlatformCard& card,
                                   const crypto::Sm2PrivateKey& payload_signer, const std::filesystem::path& work,
                                   Random& random);
// Puts the digests of what the parts hold into their manifest again, after a change.
void refresh(PackageParts& parts);
Result<void> write_parts(const PackageParts& parts, const crypto::Sm2PrivateKey& signer,
                         const std::filesystem::path& path);

}  // namespace mifeng::package
