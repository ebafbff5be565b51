#include "catalogue.h"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "mifeng/json/value.h"
#include "mifeng/os/file.h"

namespace mifeng {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

using Places = std::vector<std::string_view>;  // what stands where a part comes

// A kind of text. Tables of one `scope` are looked up together, so that their keys must differ.
struct Kind {
  std::string_view name;
  std::string_view scope;
  Places in_english;
  Places in_chinese;
};
const std::vector<Kind>& kinds() {
  // As an operator writes them in the pattern of a name: help shows them as they are.
  static const Places kOfPatterns{"{vendor}", "{model}", "{version}"};
  static const std::vector<Kind> kKinds = {
      {"help", "texts", kOfPatterns, kOfPatterns},
      {"messages", "texts", {"{}"}, {"{}"}},
      {"titles", "texts", {}, {}},
      {"words", "words", {}, {}},
      {"reasons", "reasons", {}, {}},
      {"phrases", "phrases", {"{}"}, {"{}", "{phrase}", "{word}"}},
  };
  return kKinds;
}

using Findings = std::vector<std::string>;

// Where a file's mistakes are written down.
class Reader {
 public:
  Reader(std::filesystem::path path, Findings& findings) : path_(std::move(path)), findings_(findings) {}

  void whole(std::string_view what) { findings_.push_back(path_.string() + ": " + std::string(what)); }
  // Of a member; the line is that of its last occurrence, which is the one too many where there are two.
  void member(const std::string& key, std::string_view what) {
    const std::string spelling = json::serialize(json::Value(key));
    const std::size_t at = text_.rfind(spelling + ":");
    std::string place = path_.string();
    if (at != std::string::npos) {
      const auto end = text_.begin() + static_cast<std::ptrdiff_t>(at);
      place += ":" + std::to_string(1 + std::count(text_.begin(), end, '\n'));
    }
    findings_.push_back(place + ": " + spelling + ": " + std::string(what));
  }

  const json::Object* read(json::Object& holder) {
    auto text = read_text_file(path_, kFileBytesMax);
    if (!text) return refused(text.error());
    text_ = *text;
    auto object = json::parse_object(text_);
    if (!object) return refused(object.error());
    holder = std::move(*object);
    return &holder;
  }

 private:
  const json::Object* refused(const Error& error) {
    whole(error.message());
    return nullptr;
  }

  std::filesystem::path path_;
  Findings& findings_;
  std::string text_;
};

// How many parts a text has places for; "bad-catalogue" where a brace belongs to none of them.
Result<int> count_places(std::string_view text, const Places& places) {
  int count = 0;
  for (;;) {
    const std::size_t at = text.find_first_of("{}");
    if (at == std::string_view::npos) return count;
    text.remove_prefix(at);
    const auto place =
        std::find_if(places.begin(), places.end(), [&](std::string_view one) { return text.starts_with(one); });
    if (place == places.end()) {
      std::string allowed;
      for (const std::string_view one : places) allowed += " " + std::string(one);
      return Error(ErrorCode::kInvalidArgument, "bad-catalogue",
                   places.empty() ? "a brace, where texts of this kind have no parts"
                                  : "a brace that is no place for a part; those are" + allowed);
    }
    text.remove_prefix(place->size());
    ++count;
  }
}

// Whether one of U+4E00 to U+9FFF is in it: what has none was not translated.
bool has_chinese(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const auto second = static_cast<unsigned char>(text[i + 1]);
    if ((first == 0xe4 && second >= 0xb8) || (first > 0xe4 && first <= 0xe9)) return true;
  }
  return false;
}

// What is wrong with an entry by itself.
Result<void> check_entry(const Kind& kind, std::string_view english, std::string_view chinese) {
  const auto mistake = [](std::string what) {
    return Error(ErrorCode::kInvalidArgument, "bad-catalogue", std::move(what));
  };
  if (english.empty()) return mistake("there is no English text");
  // JavaScript moves such a member to the front of its object, and the order counts.
  if (english.find_first_not_of("0123456789") == std::string_view::npos) return mistake("a number alone is no text");
  if (!has_chinese(chinese)) return mistake("its value is not Chinese");
  MIFENG_TRY(const int in_english, count_places(english, kind.in_english));
  MIFENG_TRY(const int in_chinese, count_places(chinese, kind.in_chinese));
  if (in_english != in_chinese)
    return mistake("places for parts: " + std::to_string(in_english) + " in the English, " +
                   std::to_string(in_chinese) + " in the Chinese");
  return ok();
}

using Known = std::map<std::string, std::string>;  // English, and the table that it stands in

MessageTable read_table(const Kind& kind, const std::filesystem::path& path, Known& known, Findings& findings) {
  MessageTable table{std::string(kind.name), {}};
  Reader reader(path, findings);
  json::Object holder;
  const json::Object* const groups = reader.read(holder);
  if (groups == nullptr) return table;
  if (groups->empty()) reader.whole("it holds nothing");
  for (const auto& [title, group] : *groups) {
    const json::Object* const entries = group.if_object();
    if (entries == nullptr || entries->empty()) {
      reader.member(title, "a group must be an object with an entry or more");
      continue;
    }
    for (const auto& [english, value] : *entries) {
      const std::string* const chinese = value.if_string();
      if (chinese == nullptr) {
        reader.member(english, "its value must be a string, not " + std::string(value.kind()));
        continue;
      }
      if (const auto checked = check_entry(kind, english, *chinese); !checked)
        reader.member(english, checked.error().message());
      if (const auto [before, is_new] = known.emplace(english, kind.name); !is_new)
        reader.member(english, "it stands twice: in " + before->second + ".json already");
      table.entries.push_back({title, english, *chinese});
    }
  }
  return table;
}

// A file that nobody reads would be a catalogue that nobody sees.
void find_strays(const std::filesystem::path& folder, Findings& findings) {
  std::set<std::string> files;
  std::error_code ec;
  for (std::filesystem::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
    if (at->path().extension() == ".json") files.insert(at->path().stem().string());
  }
  for (const Kind& kind : kinds()) files.erase(std::string(kind.name));
  for (const std::string& name : files)
    findings.push_back((folder / (name + ".json")).string() + ": no table of the catalogue has this name");
}

}  // namespace

Result<std::vector<MessageTable>> read_catalogue(const std::filesystem::path& folder) {
  Findings findings;
  std::vector<MessageTable> tables;
  std::map<std::string_view, Known> known;
  for (const Kind& kind : kinds())
    tables.push_back(read_table(kind, folder / (std::string(kind.name) + ".json"), known[kind.scope], findings));
  find_strays(folder, findings);
  if (findings.empty()) return tables;
  std::string message;
  for (const std::string& finding : findings) message += (message.empty() ? "" : "\n") + finding;
  return Error(ErrorCode::kInvalidArgument, "bad-catalogue", message);
}

}  // namespace mifeng
