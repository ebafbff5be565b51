// A package that has come whole, on its way into the library: the steps of a submit, in the order in which
// SubmitService::finish takes them.
#pragma once

#include <optional>
#include <string>

#include "mifeng/models/submit_service.h"
#include "mifeng/package/package_file.h"
#include "submit_verify.h"

namespace mifeng::models {

// What is known of it, filled step by step.
struct Submission {
  const trust::Actor& actor;
  std::string upload_id;
  const package::PackageFile& package;
  std::string package_sm3;  // of the manifest's exact bytes, by which two submits are the same
  std::optional<VerifiedPackage> verified{};
  package::SegmentsFacts segments{};
  std::string image_address{};
};

// "VENDOR/MODEL/VERSION", as the audit log says it.
std::string subject_of(const package::PackageManifest& manifest);

// The same version, submitted before: the same bytes change nothing, other bytes are kConflict "version-exists".
Result<std::optional<ModelVersion>> find_submitted(const Context& context, const Submission& submission);
// The library knows of the image before the registry has it: what a submit that ends half-way leaves there is found.
// Under the image library's lock, as is the push.
Result<void> announce_image(const Context& context, const Submission& submission);
// Config, documents and model information in one transaction, with the upload's end and the audit log's entry. Another
// submit may have stored the version while the image was on its way. kConflict "version-exists", "vendor-key-changed".
Result<Submitted> store_version(const Context& context, const Submission& submission);

}  // namespace mifeng::models
