// A vendor's plain Kubernetes files as a deployment config: one Deployment, and the Services that lead to it. Only what
// is on a list of fields is taken; everything else is refused by its path, all of it at once.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/manifest/deployment_config.h"

namespace mifeng::manifest {

struct ImportSource {
  std::string name;  // for messages
  std::string text;  // YAML or JSON, one document or several, a List among them
};

struct ImportOptions {
  std::string model_name;     // empty: the Deployment's name
  std::string model_version;  // empty: the tag of its image where it is a version, else 1.0.0
};

// Something about one field.
struct ImportRemark {
  std::string place;     // "FILE:LINE:COLUMN"
  std::string path;      // "spec.template.spec.volumes[0].hostPath", within its document
  std::string sentence;  // a phrase(): what is wrong and what to do, or what became of it
};

struct Imported {
  DeploymentConfig config;             // of value where nothing was refused; without an image, which packing makes
  std::vector<ImportRemark> refusals;  // in the order of the files, and there of the documents
  std::vector<ImportRemark> notes;     // what was left out, and means nothing to a model here
};

// kInvalidArgument "bad-yaml" with "NAME:LINE:COLUMN: sentence" for what cannot be read at all.
Result<Imported> import_kubernetes(const std::vector<ImportSource>& sources, const ImportOptions& options);

}  // namespace mifeng::manifest
