#include "yaml_json.h"

namespace mifeng::kubernetes {

json::Value json_of(const manifest::YamlNode& node) {
  switch (node.kind) {
    case manifest::YamlNode::Kind::kMapping: {
      json::Object object;
      for (const auto& field : node.fields) object.set(field.key, json_of(field.value));
      return object;
    }
    case manifest::YamlNode::Kind::kSequence: {
      json::Array array;
      for (const auto& item : node.items) array.push_back(json_of(item));
      return array;
    }
    case manifest::YamlNode::Kind::kNull: return nullptr;
    case manifest::YamlNode::Kind::kScalar: break;
  }
  return node.scalar;
}

}  // namespace mifeng::kubernetes
