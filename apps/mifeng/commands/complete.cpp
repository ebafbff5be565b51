// mifeng complete: what a shell's completion asks.
#include <algorithm>
#include <array>

#include "cli/console.h"
#include "cli/lookup.h"
#include "commands/commands.h"
#include "commands/kinds.h"

namespace mifeng::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{2000};  // whoever pressed Tab waits
constexpr std::size_t kNamesMax = 200;

// What is typed for one of a kind.
std::string name_of(const Kind& kind, const json::Value& item) {
  if (kind.name == "models")
    return text_of(item, "vendor_id") + "/" + text_of(item, "name") + "@" + text_of(item, "version");
  if (kind.name == "routes") return text_of(item, "prefix");
  for (const std::string& member : {std::string("name"), kind.name_member})
    if (const std::string name = text_of(item, member); !name.empty() && kind.name != "gateways") return name;
  return text_of(item, kind.name_member);
}

// Nothing where the platform does not answer: a completion has nobody to complain to.
std::vector<std::string> names(const PlatformFlags& flags, const std::string& word) {
  std::vector<std::string> all;
  const auto kind = find_kind(word);
  const auto session = session_of(flags);
  if (!kind || !session || (*kind)->path.empty()) return all;
  const auto client = PlatformClient::create(*session, {.silence = kPatience});
  const auto answer = client ? client->get((*kind)->path + ((*kind)->paged ? "?page_size=200" : ""))
                             : Result<json::Value>(client.error());
  const auto items = answer ? items_of(*answer) : Result<const json::Array*>(answer.error());
  if (!items) return all;
  for (const json::Value& item : **items)
    if (const std::string name = name_of(**kind, item); !name.empty() && all.size() < kNamesMax) all.push_back(name);
  return all;
}

struct Place {
  const char* command;
  const char* kind;  // of which its first argument names one
};
constexpr std::array<Place, 10> kPlaces{{{"logs", "deployments"},
                                         {"scale", "deployments"},
                                         {"restart", "deployments"},
                                         {"update", "deployments"},
                                         {"rollback", "deployments"},
                                         {"history", "deployments"},
                                         {"try", "deployments"},
                                         {"deploy", "models"},
                                         {"accept", "models"},
                                         {"withdraw", "models"}}};

std::vector<std::string> after(const PlatformFlags& flags, const std::vector<std::string>& words) {
  static const std::vector<std::pair<std::string, std::string>> kFlagKinds{
      {"--cluster", "clusters"}, {"--vendor", "vendors"}, {"--caller", "callers"}};
  const std::string last = words.empty() ? "" : words.back();
  if (last == "-o" || last == "--output") return {"table", "wide", "json", "yaml", "name"};
  for (const auto& [flag, kind] : kFlagKinds)
    if (last == flag) return names(flags, kind);
  std::vector<std::string> plain;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool value = i > 0 && words[i - 1].starts_with("-") && words[i - 1] != "-w" && words[i - 1] != "-f" &&
                       words[i - 1] != "--watch" && words[i - 1] != "--follow";
    if (!words[i].starts_with("-") && !value) plain.push_back(words[i]);
  }
  if (plain.empty()) return {};
  const bool of_kinds = plain[0] == "get" || plain[0] == "describe" || plain[0] == "delete";
  if (of_kinds && plain.size() == 1) return kind_names();
  if (of_kinds) return names(flags, plain[1]);
  if (plain.size() > 1) return {};
  const auto place =
      std::find_if(kPlaces.begin(), kPlaces.end(), [&](const Place& one) { return plain[0] == one.command; });
  return place == kPlaces.end() ? std::vector<std::string>() : names(flags, place->kind);
}

}  // namespace

void add_complete(Command& root, const CommandLine& line) {
  Command command = root.add("complete", "What may follow the words of a command line, a line each; for shells");
  command.hidden();
  auto flags = add_platform_flags(command);
  auto words = std::make_shared<std::vector<std::string>>();
  auto all = std::make_shared<bool>(false);
  command.texts("WORD", *words, "after --: what stands before that which is to be completed")
      .flag("--all", *all, "also commands and flags")
      .examples("  mifeng complete -- get deployments");
  command.run([&line, flags, words, all](Console& console) -> Result<int> {
    std::string out;
    for (const std::string& one : after(*flags, *words)) out += one + "\n";
    if (*all)
      for (const std::string& one : line.following(*words)) out += one + "\n";
    MIFENG_CHECK(console.print(out));
    return 0;
  });
}

}  // namespace mifeng::cli
