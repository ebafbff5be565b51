// A strict reader of YAML: one document or several, each a tree of what stands there with its place, and nothing else
// of the language.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::manifest {

struct YamlMark {  // both from 1; a column counts bytes
  int line = 1;
  int column = 1;
};

struct YamlField;

// A mapping keeps the order of its fields. A scalar keeps its spelling; what it means is for the reader of the field
// to say, so `no` is never turned into a boolean behind anybody's back.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar that was quoted or written as a block is a string, whatever it looks like
  YamlMark mark;
  std::string scalar;
  std::vector<YamlNode> items;
  std::vector<YamlField> fields;
};

struct YamlField {
  std::string key;
  YamlMark mark;
  YamlNode value;
};

struct YamlLimits {
  std::size_t bytes = 256 * 1024;
  std::size_t nodes = 20'000;
  int depth = 24;
};

// kInvalidArgument "bad-yaml" with "NAME:LINE:COLUMN: sentence". Refused besides malformed text: more than one
// document, a key twice, `<<`, aliases, anchors, tags, a key that is not a scalar, bytes that are not UTF-8 (or a NUL),
// and what is over a limit. An empty document is refused as well.
Result<YamlNode> parse_yaml(std::string_view text, std::string_view name, const YamlLimits& limits = {});

// The same of several documents, as kubectl takes them; those that say nothing are left out. The limits hold for all
// together.
Result<std::vector<YamlNode>> parse_yaml_documents(std::string_view text, std::string_view name,
                                                   const YamlLimits& limits = {});

// Reads the fields of one mapping, each at most once, and then refuses what nobody asked for. The first error is kept
// and later calls give defaults, so that a loader reads as a list of fields. Errors are kInvalidArgument "bad-field"
// ("unknown-field", "missing-field") with "NAME:LINE:COLUMN: path: sentence".
class FieldReader {
 public:
  // `path` is how the place is called in messages ("spec.model"), empty for the document itself.
  FieldReader(const YamlNode& node, std::string_view name, std::string path);

  bool has(std::string_view key) const;
  // A rule says in a sentence what is wrong with a value, or nothing.
  using Rule = std::function<std::optional<std::string>(std::string_view)>;
  std::string string(std::string_view key, const Rule& rule = {});  // required
  std::string string_or(std::string_view key, std::string_view otherwise, const Rule& rule = {});
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise, std::int64_t min, std::int64_t max);
  bool boolean_or(std::string_view key, bool otherwise);
  // A number or a string, as it is spelt: Kubernetes' quantities.
  std::string text(std::string_view key, const Rule& rule = {});
  std::vector<std::string> strings_or_empty(std::string_view key, std::size_t max_count, const Rule& rule = {});
  // Numbers or strings by key, for lists whose keys are open (resources).
  std::map<std::string, std::string> texts_or_empty(std::string_view key, std::size_t max_count, const Rule& key_rule,
                                                    const Rule& value_rule);
  // Calls `read` with a reader of the mapping below `key`, which must be there for object().
  void object(std::string_view key, const std::function<void(FieldReader&)>& read);
  void object_if(std::string_view key, const std::function<void(FieldReader&)>& read);
  // Calls `read` for each mapping of the list below `key`, if there is one.
  void objects_if(std::string_view key, std::size_t max_count, const std::function<void(FieldReader&)>& read);
  // Notes an error at the value of `key` (at the mapping itself where there is none).
  void refuse(std::string_view key, std::string_view sentence, std::string_view reason = "bad-field");

  bool failed() const { return error_.has_value(); }
  // The first error, an unknown field among them. object() and objects_if() call it for what they read.
  Result<void> finish();

 private:
  const YamlNode* take(std::string_view key);
  const YamlNode* require(std::string_view key);
  std::string path_of(std::string_view key) const;
  void fail(const YamlMark& mark, std::string_view path, std::string_view sentence, std::string_view reason);
  std::string scalar_string(const YamlNode& node, const std::string& path, const Rule& rule);
  std::string scalar_text(const YamlNode& node, const std::string& path, const Rule& rule);
  std::int64_t scalar_integer(const YamlNode& node, const std::string& path, std::int64_t min, std::int64_t max);
  void descend(const YamlNode& node, const std::string& path, const std::function<void(FieldReader&)>& read);

  const YamlNode& node_;
  std::string name_;
  std::string path_;
  std::set<std::string, std::less<>> taken_;
  std::optional<Error> error_;
};

// The scalar as YAML that every reader takes for the same string: plain where that is safe, else in double quotes.
std::string yaml_string(std::string_view text);

}  // namespace mifeng::manifest
