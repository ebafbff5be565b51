// Walks a Kubernetes object through a list of fields, and notes what is not on it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mifeng/manifest/import.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::manifest::importing {

// A value with where it stands.
struct Spot {
  const YamlNode& node;
  std::string path;  // empty: the document itself
};

using Handler = std::function<void(const Spot&)>;
struct Allowed {
  std::string_view key;
  Handler read;
};

class Reading {
 public:
  explicit Reading(std::string name) : name_(std::move(name)) {}

  void refuse(const Spot& spot, std::string sentence);
  void note(const Spot& spot, std::string sentence);

  // Each field of the mapping goes to its handler; one that has none is refused, with what to do about it. Null is an
  // empty mapping.
  void mapping(const Spot& spot, const std::vector<Allowed>& allowed);
  void list(const Spot& spot, const Handler& each);
  // Nothing where it is no scalar (which is refused) or null.
  std::optional<std::string> text(const Spot& spot);
  std::optional<std::int64_t> integer(const Spot& spot, std::int64_t min, std::int64_t max);
  // A text that has to pass a rule.
  std::optional<std::string> checked(const Spot& spot, const FieldReader::Rule& rule);

  std::vector<ImportRemark> refusals, notes;

 private:
  ImportRemark remark(const Spot& spot, std::string sentence) const;
  std::string name_;
};

// Handlers for fields whose value is not taken.
Handler dropped();  // what a server writes, or what has no meaning for one model
Handler only(Reading& reading, std::vector<std::string_view> values, std::string otherwise);
Handler noted(Reading& reading, std::string sentence);

// The field of a mapping, if it has it.
const YamlNode* find(const YamlNode& node, std::string_view key);
// "" where it is not there or no scalar.
std::string scalar_at(const YamlNode& node, std::string_view key);

}  // namespace mifeng::manifest::importing
