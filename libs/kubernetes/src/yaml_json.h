// YAML of Kubernetes' files as JSON in which every scalar is a string.
#pragma once

#include "mifeng/json/value.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::kubernetes {

json::Value json_of(const manifest::YamlNode& node);

}  // namespace mifeng::kubernetes
