// mifeng find
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

const std::vector<Column> kColumns{
    {"KIND", "kind"}, {"ID", "id"}, {"NAME", "name"}, {"DETAIL", "detail"}, {"WITHIN", "within", Shown::kWide}};

struct FindOptions {
  std::vector<std::string> words;
  std::int64_t limit = 8;
  std::string format;
};

Result<int> find(const PlatformFlags& flags, const FindOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  std::string text;
  for (const std::string& word : options.words) text += (text.empty() ? "" : " ") + word;
  MIFENG_TRY(const auto answer,
             client.get("/search?limit=" + std::to_string(options.limit) + "&text=" + net::percent_encode(text)));
  MIFENG_TRY(const json::Array* items, items_of(answer));
  MIFENG_CHECK(print_objects(console, json::Value(*items), options.format, kColumns));
  if (!items->empty()) return 0;
  return Error(ErrorCode::kNotFound, "not-found", say("Nothing is called {}, or you may not see it.", {text}));
}

}  // namespace

void add_find(Command& root) {
  Command command =
      root.add("find", "Find things of any kind by a part of their names, an id, a port or a fingerprint");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<FindOptions>();
  command.texts("WORD", options->words, "all of them have to be part of it", Need::kRequired)
      .number("--limit", options->limit, 1, 50, "at most this many of one kind");
  add_output_flag(command, options->format);
  command.examples("  mifeng find wheat\n  mifeng find 30017\n  mifeng find mv-3f2a9c1d00aa11bb");
  command.run([=](Console& console) { return find(*flags, *options, console); });
}

}  // namespace mifeng::cli
