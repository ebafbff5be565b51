#include "stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "stream_seats.h"

namespace mifeng::rest {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWaitingMax = 1 << 20;  // bytes

// Between the thread that produces and the coroutine that sends.
class Channel {
 public:
  // The producer's side.
  bool put(std::string_view piece) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return waiting_ < kWaitingMax || abandoned_; });
    if (abandoned_) return false;
    if (!piece.empty()) {
      pieces_.emplace_back(piece);
      waiting_ += piece.size();
      changed_.notify();
    }
    return true;
  }
  void finish(Result<void> result) {
    const std::lock_guard lock(mutex_);
    result_.emplace(std::move(result));
    changed_.notify();
  }

  // The sender's side.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    room_.notify_all();
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    std::string all;
    for (const std::string& piece : pieces_) all += piece;
    pieces_.clear();
    waiting_ = 0;
    room_.notify_all();
    return all;
  }
  struct State {
    bool has_pieces = false;
    std::optional<Result<void>> result;
    std::uint64_t count = 0;
  };
  State look() {
    const std::lock_guard lock(mutex_);
    return {!pieces_.empty(), result_, changed_.count()};
  }
  net::asio::awaitable<void> wait(std::uint64_t seen, std::chrono::milliseconds timeout) {
    co_await changed_.wait(seen, timeout);
  }

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::string> pieces_;
  std::size_t waiting_ = 0;
  bool abandoned_ = false;
  std::optional<Result<void>> result_;
  net::Notifier changed_;
};

// Whatever ends the sending, the producer is told.
struct Abandon {
  std::shared_ptr<Channel> channel;
  explicit Abandon(std::shared_ptr<Channel> abandoned) : channel(std::move(abandoned)) {}
  Abandon(const Abandon&) = delete;
  Abandon& operator=(const Abandon&) = delete;
  ~Abandon() { channel->abandon(); }
};

net::Task<void> send(std::shared_ptr<Channel> channel, net::BodySink& sink) {
  for (;;) {
    const Channel::State state = channel->look();
    if (state.has_pieces) {
      std::string piece = channel->take();
      auto written = co_await sink.write_text(std::move(piece));
      if (!written) co_return written;
      continue;
    }
    if (state.result) co_return *state.result;
    co_await channel->wait(state.count, 1h);
  }
}

}  // namespace

net::Task<net::Response> stream_answer(std::shared_ptr<Call> call, std::string content_type,
                                       std::chrono::milliseconds first_wait,
                                       std::function<Result<void>(Call&, const PieceSink&)> produce) {
  auto channel = std::make_shared<Channel>();  // shared by the producing thread and the sending coroutine
  // Goes with the last copy of the writer, so also when the answer is never sent.
  auto abandon = std::make_shared<Abandon>(channel);
  MIFENG_CO_TRY(auto seat, call->blocking_seats.take(call->actor.id));
  // The seat goes with the job, so that each that has one finds a thread.
  const bool accepted = call->streams.post([channel, call, seat, produce = std::move(produce)] {
    channel->finish(produce(*call, [&](std::string_view piece) { return channel->put(piece); }));
  });
  if (!accepted)
    co_return Error(ErrorCode::kUnavailable, "busy", "Too many such requests run at once; try again in a moment.");
  const auto deadline = std::chrono::steady_clock::now() + first_wait;
  for (;;) {
    const Channel::State state = channel->look();
    if (state.result && !*state.result && !state.has_pieces) co_return state.result->error();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (state.has_pieces || state.result || left <= 0ms) break;
    co_await channel->wait(state.count, left);
  }
  net::Response response(200, {}, std::move(content_type));
  response.body = net::BodyWriter([channel, abandon](net::BodySink& sink) { return send(channel, sink); });
  co_return response;
}

}  // namespace mifeng::rest
