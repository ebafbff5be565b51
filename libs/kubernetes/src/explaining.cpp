// Why a unit is not ready, asked of those who know: its guard's log, its model's; and word of it left in the cluster.
#include <algorithm>
#include <cctype>

#include "kubernetes_engine.h"
#include "mifeng/base/beginning.h"
#include "mifeng/net/http.h"
#include "reasons.h"

namespace mifeng::kubernetes {
namespace {

using cluster::Unit;
using cluster::UnitState;

constexpr UnixMillis kSettling = 3'000;  // a unit that starts is not ready, and that is no reason to ask
constexpr UnixMillis kAskAgain = 5'000;  // one and the same guard
constexpr UnixMillis kForgotten = 60'000;
constexpr UnixMillis kNoteAgain = 30 * 60'000;  // an API server keeps events for an hour
constexpr std::chrono::milliseconds kPatience{5'000};
constexpr int kGuardLines = 60;
constexpr std::size_t kLogBytesMax = 64 << 10;
constexpr std::size_t kMessageMax = 1'000;  // of an event: 1,024

// "image-not-found" -> "ImageNotFound", as events' reasons are written.
std::string camel_case(const std::string& code) {
  std::string text;
  bool upper = true;
  for (const char c : code) {
    if (c == '-') {
      upper = true;
      continue;
    }
    text += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return text;
}

}  // namespace

Task<std::vector<std::string>> KubernetesEngine::read_log(std::string pod, std::string container, int tail) {
  std::vector<std::string> lines;
  auto opened = co_await api_->open("/api/v1/namespaces/" + options_.name_space + "/pods/" + pod +
                                        "/log?container=" + container + "&tailLines=" + std::to_string(tail),
                                    kPatience);
  if (!opened) co_return opened.error();
  LineReader reader(kLogBytesMax);
  std::size_t bytes = 0;
  for (;;) {
    auto piece = co_await (*opened)->read();
    if (!piece) co_return piece.error();
    bytes += piece->size();
    if (piece->empty() || bytes > kLogBytesMax || !reader.feed(*piece, lines)) break;
  }
  if (std::string rest = reader.rest(); !rest.empty()) lines.push_back(std::move(rest));
  co_return lines;
}

Task<std::optional<cluster::Reason>> KubernetesEngine::ask_guard(std::string pod) {
  auto lines = co_await read_log(pod, kGuardContainer, kGuardLines);
  if (!lines) co_return lines.error();
  const auto said = read_guard_log(*lines);
  if (!said) co_return std::optional<cluster::Reason>();
  std::string words;
  if (said->kind == GuardSaid::Kind::kModelEnded) {
    auto last = co_await read_log(pod, kModelContainer, 2);
    std::string text;
    if (last)
      for (const std::string& line : *last) text += line + "\n";
    words = last_words(std::move(text));
  }
  co_return std::optional<cluster::Reason>(why_by_guard(*said, words));
}

Task<std::vector<Unit>> KubernetesEngine::explained_units(std::string deployment) {
  std::vector<Unit> units = view_.units(deployment);
  for (Unit& unit : units) {
    const UnixMillis now = clock_.now_ms();
    const bool asks = unit.state == UnitState::kRunning && unit.reason_code == "not-ready" && unit.started_at_ms &&
                      *unit.started_at_ms + kSettling <= now;
    if (!asks) continue;
    GuardsWord word;
    {
      const std::lock_guard guard(mutex_);
      std::erase_if(guards_words_, [&](const auto& one) { return one.second.asked_ms + kForgotten < now; });
      if (const auto found = guards_words_.find(unit.engine_id); found != guards_words_.end()) word = found->second;
    }
    if (word.asked_ms + kAskAgain <= now) {
      auto why = co_await ask_guard(unit.name);
      // A node that gives no log now is no reason to say nothing of all the others.
      word.asked_ms = now;
      if (why) word.why = std::move(*why);
      const std::lock_guard guard(mutex_);
      guards_words_[unit.engine_id] = word;
    }
    if (word.why) unit.take(*word.why);
  }
  co_return units;
}

Task<void> KubernetesEngine::note_reason(std::string deployment, cluster::Reason why) {
  const auto there = view_.deployment(deployment);
  if (!there || why.code.empty()) co_return ok();
  const UnixMillis now = clock_.now_ms();
  const std::string said = why.code + " " + why.sentence;
  {
    const std::lock_guard guard(mutex_);
    std::erase_if(noted_, [&](const auto& one) { return one.second.at_ms + kNoteAgain < now; });
    Noted& noted = noted_[there->uid];
    if (noted.why == said) co_return ok();
    noted = {.at_ms = now, .why = said};
  }
  std::string message = why.remedy.empty() ? why.sentence : why.sentence + "; " + why.remedy;
  message.resize(beginning_of(message, kMessageMax).size());
  const std::string time = format_time(now);
  json::Object event{
      {"apiVersion", "v1"},
      {"kind", "Event"},
      {"metadata", json::Object{{"generateName", there->name + "."}, {"namespace", options_.name_space}}},
      {"involvedObject", json::Object{{"apiVersion", "apps/v1"},
                                      {"kind", "Deployment"},
                                      {"namespace", options_.name_space},
                                      {"name", there->name},
                                      {"uid", there->uid}}},
      {"type", "Warning"},
      {"reason", camel_case(why.code)},
      {"message", std::move(message)},
      {"source", json::Object{{"component", kEventSource}}},
      {"firstTimestamp", time},
      {"lastTimestamp", time},
      {"count", 1}};
  auto answer = co_await api_->call("POST", "/api/v1/namespaces/" + options_.name_space + "/events", std::move(event));
  if (!answer) co_return answer.error();
  if (!answer->success()) co_return error_of(*answer, "write an event");
  co_return ok();
}

}  // namespace mifeng::kubernetes
