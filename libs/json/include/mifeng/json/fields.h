// Reading the fields of a JSON object that somebody else wrote. Every read names what it expects; the first mistake
// is kept with the path of its field, later reads return empty values, and finish() gives the mistake or says ok:
//
//   json::Fields body(object);
//   const auto name = body.string("name", {.min = 1, .max = 63});
//   json::Fields spec = body.object("spec");
//   for (json::Fields& port : spec.objects("ports", {.max = 16}))
//     ports.push_back(port.integer("containerPort", 1, 65535));
//   MIFENG_CHECK(body.finish());        // "spec.ports[0].containerPort must be an integer from 1 to 65535"
//
// What was read must not be acted on before finish(). The object must outlive the Fields made from it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/json/value.h"

namespace mifeng::json {

struct TextRule {
  std::size_t min = 0;  // bytes
  std::size_t max = 4096;
};
struct ListRule {
  std::size_t min = 0;
  std::size_t max = 1000;
};

class Fields {
 public:
  explicit Fields(const Object& object, std::string path = {});

  // Whether the member is there at all (null counts as not there).
  bool has(std::string_view name) const;

  // Required; kInvalidArgument "missing-field" or "bad-field".
  std::string string(std::string_view name, TextRule rule = {});
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max);
  double number(std::string_view name, double min, double max);
  bool boolean(std::string_view name);
  // One of `words`; gives its index.
  std::size_t word(std::string_view name, const std::vector<std::string_view>& words);
  Bytes hex(std::string_view name, std::size_t min_bytes, std::size_t max_bytes);
  Bytes base64(std::string_view name, std::size_t min_bytes, std::size_t max_bytes);
  Fields object(std::string_view name);

  // Absent or null is allowed; what is there has to fit.
  std::optional<std::string> optional_string(std::string_view name, TextRule rule = {});
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<bool> optional_boolean(std::string_view name);
  std::optional<std::size_t> optional_word(std::string_view name, const std::vector<std::string_view>& words);
  std::optional<Fields> optional_object(std::string_view name);

  // Absent is an empty list, which `rule.min` may refuse.
  std::vector<std::string> strings(std::string_view name, TextRule each = {}, ListRule rule = {});
  std::vector<std::int64_t> integers(std::string_view name, std::int64_t min, std::int64_t max, ListRule rule = {});
  std::vector<Fields> objects(std::string_view name, ListRule rule = {});
  // {"LANG": "C.UTF-8"}: an object whose values are all strings, in its order.
  std::vector<std::pair<std::string, std::string>> string_map(std::string_view name, TextRule each = {},
                                                              ListRule rule = {});
  // The member as it is, for what is passed on; nullptr where absent.
  const Value* any(std::string_view name);
  // This object itself, all of whose members count as known.
  const Object& whole();

  const std::string& path() const { return path_; }
  // A mistake that the caller found: "<path of the field> <sentence>", kInvalidArgument "bad-field".
  void refuse(std::string_view name, std::string_view sentence);

  enum class Unknown { kRefuse, kIgnore };
  // The first mistake of this object and of all made from it, or kInvalidArgument "unknown-field" for a member that
  // nobody asked for in any of them.
  Result<void> finish(Unknown unknown = Unknown::kRefuse);

 private:
  struct State;
  Fields(const Object* object, std::string path, std::shared_ptr<State> state);
  std::string path_of(std::string_view name) const;
  const Value* take(std::string_view name);
  const Value* required(std::string_view name);
  std::optional<std::string> text_of(const Value* value, const std::string& path, TextRule rule);

  const Object* object_;
  std::string path_;
  std::size_t seen_;              // index of this object in State
  std::shared_ptr<State> state_;  // shared by an object and those inside it: the first mistake of any
};

}  // namespace mifeng::json
