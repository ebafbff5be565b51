#include "mifeng/json/fields.h"

#include <algorithm>
#include <sstream>

#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"

namespace mifeng::json {

struct Fields::State {
  struct Seen {
    const Object* object;
    std::string path;
    std::vector<std::string> names;
    bool all = false;
  };
  std::optional<Error> error;
  std::vector<Seen> seen;

  void refuse(const std::string& path, std::string_view sentence, const char* reason = "bad-field") {
    say(path + " " + std::string(sentence) + ".", reason);
  }
  void say(std::string message, const char* reason = "bad-field") {
    if (!error) error = Error(ErrorCode::kInvalidArgument, reason, std::move(message));
  }
};

namespace {

// What a Fields reads from once a mistake was made.
const Object& nothing() {
  static const Object empty;
  return empty;
}

std::string bytes_between(std::size_t min, std::size_t max) {
  if (min == max) return std::to_string(min) + " bytes";
  if (min == 0) return "at most " + std::to_string(max) + " bytes";
  return std::to_string(min) + " to " + std::to_string(max) + " bytes";
}

std::string show(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

}  // namespace

Fields::Fields(const Object& object, std::string path) : Fields(&object, std::move(path), std::make_shared<State>()) {}

Fields::Fields(const Object* object, std::string path, std::shared_ptr<State> state)
    : object_(object), path_(std::move(path)), seen_(state->seen.size()), state_(std::move(state)) {
  state_->seen.push_back({object_, path_, {}, false});
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

bool Fields::has(std::string_view name) const {
  const Value* value = object_->find(name);
  return value != nullptr && !value->is_null();
}

const Value* Fields::take(std::string_view name) {
  state_->seen[seen_].names.emplace_back(name);
  const Value* value = object_->find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Value* Fields::required(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr) state_->say(phrase("{} is missing.", path_of(name)), "missing-field");
  return value;
}

std::optional<std::string> Fields::text_of(const Value* value, const std::string& path, TextRule rule) {
  const std::string* text = value->if_string();
  if (text == nullptr) {
    state_->say(phrase("{} must be a string, not {}.", path, value->kind()));
  } else if (text->size() < rule.min || text->size() > rule.max) {
    state_->refuse(path, "must be a string of " + bytes_between(rule.min, rule.max));
  } else {
    return *text;
  }
  return std::nullopt;
}

std::string Fields::string(std::string_view name, TextRule rule) {
  const Value* value = required(name);
  return value == nullptr ? std::string() : text_of(value, path_of(name), rule).value_or("");
}

std::int64_t Fields::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  return required(name) == nullptr ? 0 : optional_integer(name, min, max).value_or(0);
}

double Fields::number(std::string_view name, double min, double max) {
  const Value* value = required(name);
  if (value == nullptr) return 0;
  std::optional<double> number;
  if (const double* real = value->if_double()) number = *real;
  if (const auto* integer = value->if_int64()) number = static_cast<double>(*integer);
  if (number && *number >= min && *number <= max) return *number;
  state_->refuse(path_of(name), "must be a number from " + show(min) + " to " + show(max));
  return 0;
}

bool Fields::boolean(std::string_view name) {
  return required(name) != nullptr && optional_boolean(name).value_or(false);
}

std::size_t Fields::word(std::string_view name, const std::vector<std::string_view>& words) {
  return required(name) == nullptr ? 0 : optional_word(name, words).value_or(0);
}

Bytes Fields::hex(std::string_view name, std::size_t min_bytes, std::size_t max_bytes) {
  const std::string text = string(name, {0, max_bytes * 2});
  if (state_->error) return {};
  auto bytes = from_hex(text);
  if (bytes && bytes->size() >= min_bytes && bytes->size() <= max_bytes) return *bytes;
  state_->refuse(path_of(name), "must be " + bytes_between(min_bytes, max_bytes) + " in hex");
  return {};
}

Bytes Fields::base64(std::string_view name, std::size_t min_bytes, std::size_t max_bytes) {
  const std::string text = string(name, {0, (max_bytes + 2) / 3 * 4});
  if (state_->error) return {};
  auto bytes = from_base64(text);
  if (bytes && bytes->size() >= min_bytes && bytes->size() <= max_bytes) return *bytes;
  state_->refuse(path_of(name), "must be " + bytes_between(min_bytes, max_bytes) + " in base64 with padding");
  return {};
}

Fields Fields::object(std::string_view name) {
  const Value* value = required(name);
  const Object* object = value == nullptr ? nullptr : value->if_object();
  if (value != nullptr && object == nullptr)
    state_->refuse(path_of(name), "must be an object, not " + std::string(value->kind()));
  return Fields(object == nullptr ? &nothing() : object, path_of(name), state_);
}

std::optional<std::string> Fields::optional_string(std::string_view name, TextRule rule) {
  const Value* value = take(name);
  return value == nullptr ? std::nullopt : text_of(value, path_of(name), rule);
}

std::optional<std::int64_t> Fields::optional_integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  const std::int64_t* number = value->if_int64();
  if (number != nullptr && *number >= min && *number <= max) return *number;
  state_->say(phrase("{} must be an integer from {} to {}.", path_of(name), min, max));
  return std::nullopt;
}

std::optional<bool> Fields::optional_boolean(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (const bool* boolean = value->if_bool()) return *boolean;
  state_->say(phrase("{} must be true or false.", path_of(name)));
  return std::nullopt;
}

std::optional<std::size_t> Fields::optional_word(std::string_view name, const std::vector<std::string_view>& words) {
  const Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (const std::string* text = value->if_string()) {
    const auto found = std::ranges::find(words, *text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  }
  std::string list;
  for (const auto word : words) list += (list.empty() ? "" : ", ") + std::string(word);
  state_->refuse(path_of(name), "must be one of: " + list);
  return std::nullopt;
}

std::optional<Fields> Fields::optional_object(std::string_view name) {
  if (take(name) == nullptr) return std::nullopt;
  return object(name);
}

std::vector<std::string> Fields::strings(std::string_view name, TextRule each, ListRule rule) {
  std::vector<std::string> list;
  const Value* value = take(name);
  static const Array kNone;
  const Array* array = value == nullptr ? &kNone : value->if_array();
  if (array == nullptr || array->size() < rule.min || array->size() > rule.max) {
    state_->refuse(path_of(name),
                   "must be a list of " + std::to_string(rule.min) + " to " + std::to_string(rule.max) + " strings");
    return list;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto text = text_of(&(*array)[i], path_of(name) + "[" + std::to_string(i) + "]", each);
    if (!text) return {};
    list.push_back(std::move(*text));
  }
  return list;
}

std::vector<std::int64_t> Fields::integers(std::string_view name, std::int64_t min, std::int64_t max, ListRule rule) {
  std::vector<std::int64_t> list;
  const Value* value = take(name);
  static const Array kNone;
  const Array* array = value == nullptr ? &kNone : value->if_array();
  if (array == nullptr || array->size() < rule.min || array->size() > rule.max) {
    state_->refuse(path_of(name),
                   "must be a list of " + std::to_string(rule.min) + " to " + std::to_string(rule.max) + " integers");
    return list;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::int64_t* number = (*array)[i].if_int64();
    if (number == nullptr || *number < min || *number > max) {
      state_->say(
          phrase("{} must be an integer from {} to {}.", path_of(name) + "[" + std::to_string(i) + "]", min, max));
      return {};
    }
    list.push_back(*number);
  }
  return list;
}

std::vector<Fields> Fields::objects(std::string_view name, ListRule rule) {
  std::vector<Fields> list;
  const Value* value = take(name);
  static const Array kNone;
  const Array* array = value == nullptr ? &kNone : value->if_array();
  if (array == nullptr || array->size() < rule.min || array->size() > rule.max) {
    state_->refuse(path_of(name),
                   "must be a list of " + std::to_string(rule.min) + " to " + std::to_string(rule.max) + " objects");
    return list;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string path = path_of(name) + "[" + std::to_string(i) + "]";
    const Object* object = (*array)[i].if_object();
    if (object == nullptr) {
      state_->refuse(path, "must be an object, not " + std::string((*array)[i].kind()));
      return {};
    }
    list.push_back(Fields(object, path, state_));
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> Fields::string_map(std::string_view name, TextRule each,
                                                                    ListRule rule) {
  std::vector<std::pair<std::string, std::string>> map;
  const Value* value = take(name);
  const Object* object = value == nullptr ? &nothing() : value->if_object();
  if (object == nullptr || object->size() < rule.min || object->size() > rule.max) {
    state_->refuse(path_of(name),
                   "must be an object of " + std::to_string(rule.min) + " to " + std::to_string(rule.max) + " strings");
    return map;
  }
  for (const auto& [key, member] : *object) {
    auto text = text_of(&member, path_of(name) + "." + key, each);
    if (!text) return {};
    map.emplace_back(key, std::move(*text));
  }
  return map;
}

const Value* Fields::any(std::string_view name) { return take(name); }

const Object& Fields::whole() {
  state_->seen[seen_].all = true;
  return *object_;
}

void Fields::refuse(std::string_view name, std::string_view sentence) { state_->refuse(path_of(name), sentence); }

Result<void> Fields::finish(Unknown unknown) {
  if (!state_->error && unknown == Unknown::kRefuse) {
    for (const State::Seen& seen : state_->seen) {
      if (seen.all) continue;
      for (const auto& [name, value] : *seen.object) {
        if (std::ranges::find(seen.names, name) != seen.names.end()) continue;
        state_->say(phrase("{} is not known here; remove it or correct its spelling.",
                           (seen.path.empty() ? "" : seen.path + ".") + std::string(beginning_of(name, 100))),
                    "unknown-field");
      }
    }
  }
  if (state_->error) return *state_->error;
  return ok();
}

}  // namespace mifeng::json
