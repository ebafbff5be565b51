// The stream of events: what has changed, said as it happens (decision 0024).
#include <algorithm>

#include "mifeng/events/feed.h"
#include "operation.h"
#include "stream_seats.h"

namespace mifeng::rest {
namespace {

using namespace std::chrono_literals;
using net::Task;

constexpr auto kHeartbeat = 15'000ms;
// From the first change that wakes a stream to what it says: what comes meanwhile is said with it, each thing once.
constexpr auto kGather = 250ms;
// While it is not known whether somebody is still signed in.
constexpr auto kAskAgain = 1'000ms;
// More than that at once is no longer news but another picture: asking for everything anew is less work.
constexpr std::size_t kSaidAtOnce = 256;
constexpr std::size_t kLastIdMax = 200;

std::string frame(std::string_view event, const json::Object& data, const std::string& id) {
  std::string text = id.empty() ? "" : "id: " + id + "\n";
  text += "event: " + std::string(event) + "\ndata: " + json::serialize(data) + "\n\n";
  return text;
}

// One stream, from its first word to its last.
class Following {
 public:
  Following(std::shared_ptr<Call> call, std::optional<events::Place> from)
      : call_(std::move(call)), feed_(call_->platform.events()), place_(from) {}

  Task<void> send(net::BodySink& sink) {
    auto changed = std::make_shared<net::Notifier>();  // shared with the subscription, which calls from any thread
    const auto subscription = feed_.subscribe([changed] { changed->notify(); });
    // Something at once, so that whoever reads learns that nothing in between holds it back.
    std::string text = "retry: 3000\n\n";
    for (;;) {
      const std::uint64_t seen = changed->count();
      if (due_to_ask()) co_await ask_who_reads();
      if (ended_) {
        text += frame("end", {{"reason", ended_->reason()}, {"message", ended_->message()}}, "");
        auto said = co_await sink.write_text(std::move(text));
        co_return said;
      }
      if (!unsure_) take_news(text);
      if (asks_) continue;
      if (text.empty() && clock().steady_now() >= spoke_ + kHeartbeat) text = heartbeat();
      if (!text.empty()) {
        auto said = co_await sink.write_text(std::exchange(text, {}));
        if (!said) co_return said;
        spoke_ = clock().steady_now();
      }
      const auto now_seen = co_await changed->wait(seen, patience());
      if (now_seen != seen) co_await net::sleep_for(kGather);
    }
  }

 private:
  const Clock& clock() const { return call_->clock; }

  bool due_to_ask() const {
    return asks_ || unsure_ || (call_->actor.until_ms != 0 && call_->actor.until_ms <= clock().now_ms());
  }

  // Whether the reader is still signed in, and what he may see now.
  net::asio::awaitable<void> ask_who_reads() {
    asks_ = unsure_ = false;
    const events::Place asked_at = feed_.now();
    if (call_->bearer.empty()) {  // the local administrator is nobody's person
      asked_at_ = asked_at;
      co_return;
    }
    auto look = [this]() {
      return call_->platform.people().authenticate(call_->bearer, call_->remote, people::Use::kRefresh);
    };
    auto actor = co_await net::run_blocking(call_->work, std::move(look));
    if (!actor && actor.error().code() != ErrorCode::kUnauthenticated) {
      unsure_ = true;
      co_return;
    }
    if (!actor) {
      ended_ = std::move(actor).error();
      co_return;
    }
    const bool same = actor->roles == call_->actor.roles && actor->vendor_id == call_->actor.vendor_id &&
                      actor->must_change_password == call_->actor.must_change_password;
    call_->actor = std::move(*actor);
    asked_at_ = asked_at;
    if (same) co_return;
    sight_ = events::Sight(call_->actor);
    place_.reset();
  }

  void take_news(std::string& text) {
    if (!place_) {
      start_anew(text);
      return;
    }
    const events::News news = feed_.after(*place_, sight_);
    // What is said is for who reads it now, not for who did when it began.
    if (asked_at_ < news.about_reader) {
      asks_ = true;
      return;
    }
    if (news.lost || news.changes.size() > kSaidAtOnce) {
      start_anew(text);
      return;
    }
    place_ = news.place;
    for (std::size_t i = 0; i < news.changes.size(); ++i) {
      const auto& change = news.changes[i];
      const bool last = i + 1 == news.changes.size();
      text += frame("change", {{"kind", to_string(change.kind)}, {"id", change.id}, {"time_ms", change.time_ms}},
                    last ? feed_.seal(*place_) : "");
    }
  }

  void start_anew(std::string& text) {
    place_ = feed_.now();
    text += frame("reset", {{"time_ms", clock().now_ms()}}, feed_.seal(*place_));
  }

  // The place goes along: who comes back need not be told again what he could not see.
  std::string heartbeat() { return ":\n" + (place_ ? "id: " + feed_.seal(*place_) + "\n\n" : "\n"); }

  std::chrono::milliseconds patience() const {
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(spoke_ + kHeartbeat - clock().steady_now());
    if (unsure_) wait = std::min(wait, std::chrono::milliseconds(kAskAgain));
    if (call_->actor.until_ms != 0)
      wait = std::min(wait, std::chrono::milliseconds(call_->actor.until_ms - clock().now_ms()));
    return std::max(wait, 1ms);
  }

  std::shared_ptr<Call> call_;  // shared with the response, which may end without having been sent
  events::Feed& feed_;
  events::Sight sight_{call_->actor};
  std::optional<events::Place> place_;  // nothing: the reader has to ask for everything anew
  events::Place asked_at_ = 0;          // where the history was when it was asked who reads
  bool asks_ = true;                    // who reads, as at first: he was let in before the history was looked at
  bool unsure_ = false;                 // that could not be found out; nothing is said until it is
  std::optional<Error> ended_;
  std::chrono::steady_clock::time_point spoke_ = clock().steady_now();
};

Task<net::Response> follow(std::shared_ptr<Call> call) {
  const std::string* last = call->headers.find("Last-Event-ID");
  const bool legible = last != nullptr && call->headers.count("Last-Event-ID") == 1 && last->size() <= kLastIdMax;
  const std::optional<events::Place> from = legible ? call->platform.events().open(*last) : std::nullopt;
  MIFENG_CO_TRY(const auto seat, call->seats.take(call->actor.id));
  net::Response response(200, {}, "text/event-stream");
  response.headers.add("X-Accel-Buffering", "no");                      // nginx would hold it back
  auto following = std::make_shared<Following>(std::move(call), from);  // shared: a writer is copied
  response.body = net::BodyWriter([following, seat](net::BodySink& sink) { return following->send(sink); });
  co_return response;
}

constexpr Operation kOperations[] = {
    {"followEvents", "GET", "/events", Access::kSignedIn, follow, BodyKind::kNone, "", Pool::kWork,
     people::Use::kRefresh},
};

}  // namespace

std::span<const Operation> event_operations() { return kOperations; }

}  // namespace mifeng::rest
