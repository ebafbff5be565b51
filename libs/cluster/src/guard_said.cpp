#include "mifeng/cluster/guard_said.h"

#include "mifeng/base/beginning.h"
#include "mifeng/base/guard_words.h"
#include "mifeng/base/phrase.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kReasonMax = 500;

}  // namespace

std::string see_log() {
  return phrase("read what it says: mifeng logs; then set its variables right, or deploy another version");
}

Reason why_not_ready(const std::string& words) {
  return {.code = "not-ready",
          .sentence = phrase("it runs, and does not say that it is ready: {}", words),
          .remedy = see_log()};
}

std::optional<GuardSaid> read_guard_log(const std::vector<std::string>& lines) {
  namespace said = guard_words;
  using Kind = GuardSaid::Kind;
  std::optional<GuardSaid> newest;
  for (const std::string& line : lines) {
    const std::size_t at = line.find(said::kWho);
    if (at == std::string::npos) continue;
    std::string_view text = std::string_view(line).substr(at + said::kWho.size());
    const auto takes = [&](std::string_view beginning) {
      if (!text.starts_with(beginning)) return false;
      text.remove_prefix(beginning.size());
      return true;
    };
    const auto rest = [&] { return std::string(beginning_of(text, kReasonMax)); };
    if (takes(said::kNoGrant)) {
      newest = GuardSaid{.kind = Kind::kNoGrant, .words = rest()};
    } else if (takes(said::kModelEnded)) {
      text = text.substr(0, text.find("), "));
      newest = GuardSaid{.kind = Kind::kModelEnded, .words = rest()};
    } else if (takes(said::kNotReadyYet) || takes(said::kNotReadyAnyMore)) {
      newest = GuardSaid{.kind = Kind::kNotReady, .words = rest()};
    } else if (takes(said::kStarting)) {
      newest = GuardSaid{.kind = Kind::kStarting, .words = {}};
    } else if (takes(said::kGranted) || takes(said::kReady) || takes(said::kReadyAgain)) {
      newest.reset();
    }
    // After kStartingAgain the end before is what is known still.
  }
  return newest;
}

Reason why_by_guard(const GuardSaid& said, const std::string& model_words, std::int64_t memory_limit) {
  switch (said.kind) {
    case GuardSaid::Kind::kNoGrant:
      return {
          .code = "no-grant",
          .sentence = phrase("it has no key, so its model does not start: {}", said.words),
          .remedy = phrase("see that the cluster's nodes reach the platform's listener for guards (mifengd "
                           "--guard-listen, mifeng cluster set --guard-url), and the audit log (mifeng get audit)")};
    case GuardSaid::Kind::kModelEnded:
      if (said.words.find("memory limit") != std::string::npos)
        return {
            .code = "out-of-memory",
            .sentence = memory_limit > 0
                            ? phrase("its model needed more than its memory limit of {}Mi, was ended, and is started "
                                     "again, later each time",
                                     memory_limit >> 20)
                            : phrase("its model needed more memory than its limit, was ended, and is started "
                                     "again, later each time"),
            .remedy = phrase("raise its limit: mifeng deploy --limit memory=AMOUNT")};
      return {.code = "exited",
              .sentence = model_words.empty()
                              ? phrase("its model ended ({}) and is started again, later each time", said.words)
                              : phrase("its model ended ({}) and is started again, later each time; it said last: {}",
                                       said.words, model_words),
              .remedy = see_log()};
    case GuardSaid::Kind::kStarting: return why_not_ready(phrase("its model was started and has not answered yet"));
    case GuardSaid::Kind::kNotReady: return why_not_ready(said.words);
  }
  return why_not_ready(said.words);
}

Reason why_elsewhere(const std::string& address, std::uint16_t port) {
  return {.code = "listens-elsewhere",
          .sentence =
              phrase("its model listens on {} port {}, and has not answered on the Unix socket that its guard calls",
                     address, port),
          .remedy = phrase("let it serve on the socket whose path stands in MIFENG_SOCKET (docs/packs.md)")};
}

}  // namespace mifeng::cluster
