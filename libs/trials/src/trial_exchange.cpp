#include "trial_exchange.h"

#include <optional>

#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"

namespace mifeng::trials {
namespace {

using std::chrono::microseconds;

class Watch {
 public:
  explicit Watch(const Clock& clock) : clock_(clock), began_(clock.steady_now()) {}
  microseconds now() const { return std::chrono::duration_cast<microseconds>(clock_.steady_now() - began_); }

 private:
  const Clock& clock_;
  const std::chrono::steady_clock::time_point began_;
};

// Into `into`, since a race gives no result.
net::Task<void> take_answer(const net::HttpClient& client, net::ClientRequest request, const Watch& watch,
                            Exchange& into) {
  auto opening = client.open(std::move(request));
  auto stream = co_await std::move(opening);
  if (!stream) co_return std::move(stream).error();
  into.first_byte = watch.now();
  into.status = (*stream)->status();
  into.headers = (*stream)->headers();
  for (;;) {
    auto reading = (*stream)->read();
    auto piece = co_await std::move(reading);
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) break;
    if (into.body.size() + piece->size() > bounds::kTrialAnswerMax)
      co_return Error(ErrorCode::kResourceExhausted, "answer-too-large",
                      phrase("The answer is larger than the {} bytes that a trial takes.", bounds::kTrialAnswerMax));
    into.body.append(as_text(*piece));
  }
  into.whole = watch.now();
  co_return ok();
}

net::Task<void> dial_in_turn(const std::vector<Dial>& dials, const net::ClientRequest& request, const Watch& watch,
                             Exchange& into) {
  std::string failed;
  for (std::size_t at = 0; at < dials.size(); ++at) {
    auto client = net::HttpClient::create(dials[at].options);
    if (!client) co_return std::move(client).error();
    bool connected = false;
    net::ClientRequest asked = request;
    asked.connected = [&] {
      connected = true;
      into.connected = watch.now();
    };
    into.dialled = at;
    auto taking = take_answer(*client, std::move(asked), watch, into);
    auto taken = co_await std::move(taking);
    if (taken || connected) co_return taken;
    failed = taken.error().message();
  }
  // However it was that none let us in: nothing was sent.
  co_return Error(ErrorCode::kUnavailable, "cannot-connect", failed);
}

}  // namespace

net::Task<Exchange> exchange(std::vector<Dial> dials, net::ClientRequest request, std::chrono::seconds patience,
                             const Clock& clock, std::string reason) {
  const Watch watch(clock);
  Exchange answer;
  std::optional<Result<void>> ended;
  std::function<net::asio::awaitable<void>()> ask = [&]() -> net::asio::awaitable<void> {
    auto dialling = dial_in_turn(dials, request, watch, answer);
    auto taken = co_await std::move(dialling);
    ended.emplace(std::move(taken));
  };
  bool late = false;
  std::function<net::asio::awaitable<void>()> lose_patience = [&]() -> net::asio::awaitable<void> {
    co_await net::sleep_for(patience);
    late = true;
  };
  auto racing = net::race(std::move(ask), std::move(lose_patience));
  co_await std::move(racing);
  // Whoever is cancelled in the middle of a read sees a broken connection.
  if (!ended || (!*ended && (late || ended->error().code() == ErrorCode::kTimeout)))
    co_return Error(ErrorCode::kTimeout, "trial-too-slow",
                    phrase("There was no whole answer within {} seconds.", patience.count()));
  if (!*ended && ended->error().code() == ErrorCode::kResourceExhausted) co_return std::move(*ended).error();
  if (!*ended)
    co_return Error(ErrorCode::kUnavailable, reason,
                    phrase("{} gave no answer: {}", dials[answer.dialled].name, ended->error().message()));
  co_return answer;
}

}  // namespace mifeng::trials
