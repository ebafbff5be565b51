// mifeng logs
#include <charconv>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "commands/commands.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/clock.h"

namespace mifeng::cli {
namespace {

struct LogFlags {
  std::string deployment, unit, container, since;
  std::int64_t tail = 200;
  bool follow = false, previous = false, timestamps = false, raw = false;
};

// "90s", "10m", "2h", "1d" before now, or a moment in time.
Result<UnixMillis> moment_of(const std::string& text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(read.ptr, text.data() + text.size());
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  if (read.ec == std::errc() && seconds > 0 && number >= 0 && number < 1'000'000)
    return std::max<UnixMillis>(1, SystemClock().now_ms() - number * seconds * 1000);
  auto moment = parse_time(text);
  if (moment && *moment > 0) return *moment;
  return Error(ErrorCode::kInvalidArgument, "bad-since",
               say("--since takes 90s, 10m, 2h or 1d, or a time such as 2026-01-31T08:00:00.000Z, not {}.", {text}));
}

Result<int> logs(const PlatformFlags& flags, const LogFlags& options, Console& console) {
  std::string query = "?tail=" + std::to_string(options.tail);
  const auto add_text = [&](const char* name, const std::string& text) {
    if (!text.empty()) query += std::string("&") + name + "=" + net::percent_encode(text);
  };
  const auto add_flag = [&](const char* name, bool given) {
    if (given) query += std::string("&") + name + "=true";
  };
  add_text("unit", options.unit);
  add_text("container", options.container);
  add_flag("follow", options.follow);
  add_flag("previous", options.previous);
  add_flag("timestamps", options.timestamps);
  if (!options.since.empty()) {
    MIFENG_TRY(const auto since, moment_of(options.since));
    query += "&since_ms=" + std::to_string(since);
  }
  if (options.raw) console.show_raw();
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto id, find_deployment(client, options.deployment));
  MIFENG_CHECK(client.stream("/deployments/" + id + "/logs" + query,
                             options.follow ? client::Streaming::kFollowed : client::Streaming::kWhole,
                             [&](ByteView piece) { return console.write(piece); }));
  return 0;
}

}  // namespace

void add_logs(Command& root) {
  Command command = root.add("logs", "Print what a unit of a deployment wrote");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<LogFlags>();
  command.text("DEPLOYMENT", options->deployment, "its id or name", Need::kRequired)
      .text("--unit", options->unit, "its name, as `mifeng get units DEPLOYMENT` shows it; else the first")
      .text("--container", options->container, "of the unit; else the model's")
      .number("--tail", options->tail, -1, bounds::kLogLinesMax, "lines from the end; -1 for all")
      .flag("-f,--follow", options->follow, "wait for more")
      .flag("--previous", options->previous, "of the run before this one")
      .flag("--timestamps", options->timestamps, "each line begins with its time")
      .flag("--raw", options->raw, "to a terminal too, as it was written: control sequences in it act there")
      .text("--since", options->since, "only what was written since then: 90s, 10m, 2h, 1d ago, or a time");
  command.examples("  mifeng logs digits -f\n  mifeng logs digits --since 10m --timestamps");
  command.run([=](Console& console) { return logs(*flags, *options, console); });
}

}  // namespace mifeng::cli
