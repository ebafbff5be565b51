#include "server_connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <ctime>

namespace mifeng::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::buffer_body>;
using namespace std::chrono_literals;

constexpr std::size_t kReadPiece = 16 * 1024;
// What a handler left unread is read away up to here, so that the connection can be used again.
constexpr std::uint64_t kDrainLimit = 256 * 1024;
// How long a client that still sends may take to see our answer before the connection is cut (RFC 9112 section 9.6).
constexpr Milliseconds kLinger = 2000ms;

struct Input {
  Wire& wire;
  boost::beast::flat_buffer buffer;

  // More bytes into the buffer; 0 at the end.
  Task<std::size_t> fill(Milliseconds timeout) {
    const auto space = buffer.prepare(kReadPiece);
    const MutableBytes into(static_cast<std::uint8_t*>(space.data()), space.size());
    auto count = co_await wire.read_some(into, timeout);
    if (count) buffer.commit(*count);
    co_return count;
  }
};

class ParsedBody final : public BodySource {
 public:
  ParsedBody(Input& input, Parser& parser, const ServerOptions& options, const ConnectionWatch& watch,
             bool continue_expected)
      : input_(input), parser_(parser), options_(options), watch_(watch), continue_expected_(continue_expected) {}

  std::optional<std::uint64_t> announced_size() const override {
    if (parser_.chunked()) return std::nullopt;
    return announced_;
  }

  Task<std::size_t> read_some(MutableBytes into) override {
    if (failure_) co_return *failure_;
    if (parser_.is_done() || into.empty()) co_return std::size_t{0};
    if (too_much_for_a_stranger(std::max(announced_, received_))) co_return keep(too_large());
    if (continue_expected_) {
      continue_expected_ = false;
      auto told = co_await input_.wire.write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"), options_.write_timeout);
      if (!told) co_return keep(std::move(told).error());
    }
    for (;;) {
      auto& body = parser_.get().body();
      body.data = into.data();
      body.size = into.size();
      body.more = true;
      error_code ec;
      if (input_.buffer.size() != 0) {
        input_.buffer.consume(parser_.put(input_.buffer.data(), ec));
        const std::size_t got = into.size() - body.size;
        body.data = nullptr;
        body.size = 0;
        if (ec == http::error::need_buffer || ec == http::error::need_more) ec = {};
        if (ec == http::error::body_limit) co_return keep(too_large());
        if (ec)
          co_return keep(Error(ErrorCode::kInvalidArgument, "bad-body",
                               "The body of the request is malformed: " + ec.message() + "."));
        received_ += got;
        if (too_much_for_a_stranger(received_)) co_return keep(too_large());
        if (got != 0) co_return got;
        if (parser_.is_done()) co_return std::size_t{0};
      }
      auto count = co_await input_.fill(time_left());
      if (!count && count.error().code() == ErrorCode::kTimeout)
        co_return keep(Error(ErrorCode::kTimeout, "body-too-slow", "The body of the request did not arrive in time."));
      if (!count) co_return keep(std::move(count).error());
      if (*count == 0)
        co_return keep(Error(ErrorCode::kCancelled, "peer-closed", "The connection ended before the body did."));
    }
  }

  void set_announced(std::uint64_t size) { announced_ = size; }
  bool failed() const { return failure_.has_value(); }
  bool client_waits_for_continue() const { return continue_expected_; }
  bool done() const { return parser_.is_done(); }

 private:
  Error keep(Error error) {
    failure_ = error;
    return error;
  }
  static Error too_large() {
    return Error(ErrorCode::kResourceExhausted, "body-too-large", "The body is larger than this server takes.");
  }
  bool too_much_for_a_stranger(std::uint64_t size) const {
    const std::uint64_t limit = options_.strangers.body_bytes;
    return limit != 0 && size > limit && watch_.stranger();
  }
  // Until there has to be more: no byte now and then keeps a connection for ever.
  Milliseconds time_left() const {
    const auto spent = std::chrono::steady_clock::now() - begun_;
    auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(options_.body_timeout);
    const auto at_most = [&](std::chrono::nanoseconds whole) { left = std::min(left, whole - spent); };
    if (options_.body_time_max != 0ms) at_most(options_.body_time_max);
    if (options_.strangers.body_time != 0ms && watch_.stranger()) at_most(options_.strangers.body_time);
    if (options_.body_rate_min != 0)
      at_most(options_.body_timeout +
              Milliseconds(static_cast<std::int64_t>(received_ * 1000 / options_.body_rate_min)));
    return std::max(std::chrono::ceil<Milliseconds>(left), 1ms);
  }

  Input& input_;
  Parser& parser_;
  const ServerOptions& options_;
  const ConnectionWatch& watch_;
  bool continue_expected_;
  std::uint64_t announced_ = 0;
  std::uint64_t received_ = 0;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::optional<Error> failure_;
};

// What the handler gets: it may keep or drop the object, the connection keeps the state.
class BodyHandle final : public BodySource {
 public:
  explicit BodyHandle(std::shared_ptr<ParsedBody> body) : body_(std::move(body)) {}
  std::optional<std::uint64_t> announced_size() const override { return body_->announced_size(); }
  Task<std::size_t> read_some(MutableBytes into) override { return body_->read_some(into); }

 private:
  std::shared_ptr<ParsedBody> body_;  // shared with the connection, which reads the rest
};

class WireSink final : public BodySink {
 public:
  WireSink(Wire& wire, Milliseconds timeout, bool chunked) : wire_(wire), timeout_(timeout), chunked_(chunked) {}
  Task<void> write(ByteView bytes) override {
    if (bytes.empty()) co_return ok();
    if (!chunked_) co_return co_await wire_.write(bytes, timeout_);
    char head[24];
    const int length = std::snprintf(head, sizeof head, "%zx\r\n", bytes.size());
    Bytes framed;
    framed.reserve(bytes.size() + 32);
    append(framed, std::string_view(head, static_cast<std::size_t>(length)));
    append(framed, bytes);
    append(framed, "\r\n");
    auto written = co_await wire_.write(framed, timeout_);
    if (!written && written.error().code() == ErrorCode::kTimeout)
      co_return Error(ErrorCode::kTimeout, "peer-too-slow", "The client did not take the answer in time.");
    co_return written;
  }

 private:
  Wire& wire_;
  Milliseconds timeout_;
  bool chunked_;
};

bool is_field_text(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return std::string(text, size);
}

enum class Framing { kLength, kChunked, kUntilClose };

std::string response_head(const Response& response, Framing framing, std::size_t length, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += reason_phrase(response.status);
  head += "\r\nDate: " + http_date() + "\r\n";
  for (const auto& [name, value] : response.headers) {
    // A handler's mistake must not become another header or another response.
    if (is_field_text(name) && is_field_text(value)) head += name + ": " + value + "\r\n";
  }
  const bool bodiless = response.status == 204 || response.status == 304;
  if (framing == Framing::kLength && !bodiless) head += "Content-Length: " + std::to_string(length) + "\r\n";
  if (framing == Framing::kChunked && !bodiless) head += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

Response error_page(int status, std::string_view code, std::string_view reason, std::string_view message) {
  std::string body = "{\"code\":\"";
  body += code;
  body += "\",\"reason\":\"";
  body += reason;
  body += "\",\"message\":\"";
  body += message;
  body += "\"}";
  return Response(status, std::move(body), "application/json");
}

asio::awaitable<void> run_writer(BodyWriter& writer, BodySink& sink, std::optional<Result<void>>& result,
                                 const std::string& name) {
  try {
    auto done = co_await writer(sink);
    result.emplace(std::move(done));
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) spdlog::error("{}: a streamed answer: {}", name, error.what());
  } catch (const std::exception& error) {
    spdlog::error("{}: a streamed answer: {}", name, error.what());
  }
}

// Whether the connection can go on.
asio::awaitable<bool> send_response(Wire& wire, Response response, bool head_request, bool http_1_1, bool keep_alive,
                                    const ServerOptions& options, ConnectionWatch& watch) {
  if (auto* text = std::get_if<std::string>(&response.body)) {
    std::string out = response_head(response, Framing::kLength, text->size(), keep_alive);
    const bool bodiless = head_request || response.status == 204 || response.status == 304;
    if (!bodiless && text->size() <= 16 * 1024) out += *text;
    const bool separate = !bodiless && text->size() > 16 * 1024;
    auto written = co_await wire.write(as_bytes(out), options.write_timeout);
    if (written && separate) written = co_await wire.write(as_bytes(*text), options.write_timeout);
    co_return written.has_value() && keep_alive;
  }
  auto& writer = std::get<BodyWriter>(response.body);
  if (!http_1_1) keep_alive = false;
  const std::string head = response_head(response, http_1_1 ? Framing::kChunked : Framing::kUntilClose, 0, keep_alive);
  auto written = co_await wire.write(as_bytes(head), options.write_timeout);
  if (!written) co_return false;
  if (head_request) co_return keep_alive;
  watch.set_phase(Phase::kStreaming);
  // Those that ran when the stop came were cancelled then, as this one would have been.
  if (watch.stopping()) co_return false;
  WireSink sink(wire, options.write_timeout, http_1_1);
  std::optional<Result<void>> result;
  {
    using namespace asio::experimental::awaitable_operators;
    // Whichever ends first cancels the other.
    co_await (run_writer(writer, sink, result, options.name) || wire.wait_peer_closed());
  }
  watch.set_phase(Phase::kBusy);
  if (!result || !*result) co_return false;
  if (http_1_1) written = co_await wire.write(as_bytes("0\r\n\r\n"), options.write_timeout);
  co_return written.has_value() && keep_alive;
}

asio::awaitable<Response> call_handler(const Handler& handler, Request request, const std::string& name) {
  const std::string what = request.method + " " + std::string(request.path());
  try {
    co_return co_await handler(std::move(request));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;  // the server stops: nobody waits for the answer
    spdlog::error("{}: {}: {}", name, what, error.what());
  } catch (const std::exception& error) {
    spdlog::error("{}: {}: {}", name, what, error.what());
  }
  co_return error_page(500, "internal", "internal", "Something went wrong here; the server's log says more.");
}

// Reads one header. An error page where the client sent something that is no request; nothing where there is no one.
asio::awaitable<std::optional<Response>> read_header(Input& input, Parser& parser, const ServerOptions& options,
                                                     ConnectionWatch& watch, bool first, bool& ended) {
  ended = false;
  const auto deadline_after_first_byte = options.header_timeout;
  auto limit = first ? options.header_timeout : options.idle_timeout;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + limit;
  bool started = input.buffer.size() != 0;
  if (started) watch.set_phase(Phase::kBusy);
  for (;;) {
    if (input.buffer.size() != 0) {
      error_code ec;
      input.buffer.consume(parser.put(input.buffer.data(), ec));
      if (ec == http::error::header_limit)
        co_return error_page(431, "resource-exhausted", "header-too-large", "The header of the request is too large.");
      // Announced already.
      if (ec == http::error::body_limit)
        co_return error_page(413, "resource-exhausted", "body-too-large", "The body is larger than this server takes.");
      if (ec && ec != http::error::need_more)
        co_return error_page(400, "invalid-argument", "bad-request", "This is not a request of HTTP/1.1.");
      if (parser.is_header_done()) co_return std::nullopt;
      if (input.buffer.size() > options.max_header_bytes)
        co_return error_page(431, "resource-exhausted", "header-too-large", "The header of the request is too large.");
    }
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
    auto count = co_await input.fill(std::max(left, 1ms));
    // A peer that has begun a request is told; a connection on which nothing came is just closed (RFC 9110
    // section 15.5.9).
    if (!count && count.error().code() == ErrorCode::kTimeout && started)
      co_return error_page(408, "timeout", "header-too-slow", "The header of the request did not arrive in time.");
    if (!count || *count == 0) {
      ended = true;
      co_return std::nullopt;
    }
    if (!started) {
      started = true;
      watch.set_phase(Phase::kBusy);
      deadline = std::chrono::steady_clock::now() + deadline_after_first_byte;
    }
  }
}

// Lets a client that still sends see our answer: without this its next write would make the kernel throw it away.
asio::awaitable<void> linger(Wire& wire) {
  const auto deadline = std::chrono::steady_clock::now() + kLinger;
  co_await wire.end_sending(kLinger);
  Bytes waste(kReadPiece);
  for (;;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= 0ms) co_return;
    auto count = co_await wire.read_some(waste, left);
    if (!count || *count == 0) co_return;
  }
}

Request to_request(const Parser& parser, const Peer& peer, std::unique_ptr<BodySource> body) {
  const auto& message = parser.get();
  Request request(std::string(message.method_string()), std::string(message.target()));
  for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
  request.peer = peer;
  request.body = std::move(body);
  return request;
}

}  // namespace

asio::awaitable<void> serve_connection(Wire& wire, Peer peer, const ServerOptions& options, const Handler& handler,
                                       ConnectionWatch& watch) {
  Input input{wire, {}};
  bool first = true;
  for (std::size_t requests = 1;; ++requests) {
    watch.set_phase(Phase::kIdle);
    if (watch.stopping()) break;
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
    parser.body_limit(options.max_body_bytes);
    bool ended = false;
    auto refusal = co_await read_header(input, parser, options, watch, first, ended);
    first = false;
    if (ended) break;
    if (refusal) {
      co_await send_response(wire, std::move(*refusal), false, true, false, options, watch);
      co_await linger(wire);
      break;
    }
    const bool http_1_1 = parser.get().version() == 11;
    const bool head_request = parser.get().method() == http::verb::head;
    const auto& fields = parser.get();
    const bool continue_expected =
        http_1_1 && boost::beast::iequals(fields[http::field::expect], "100-continue") && !parser.is_done();
    bool keep_alive = parser.keep_alive() && !watch.stopping() && requests != options.requests_max;
    // From here on body bytes may come in the same put as framing.
    parser.eager(true);
    auto body = std::make_shared<ParsedBody>(input, parser, options, watch, continue_expected);
    body->set_announced(parser.content_length().value_or(0));
    auto request = to_request(parser, peer, std::make_unique<BodyHandle>(body));
    auto response = co_await call_handler(handler, std::move(request), options.name);
    // The rest of a small body is read away; a client that waits for "100 Continue" may send or not: nobody knows.
    bool unread = !body->done();
    if (unread && !body->failed() && !body->client_waits_for_continue() &&
        body->announced_size().value_or(kDrainLimit + 1) <= kDrainLimit) {
      Bytes waste(kReadPiece);
      for (;;) {
        auto count = co_await body->read_some(waste);
        if (!count || *count == 0) break;
      }
      unread = !body->done();
    }
    if (unread) keep_alive = false;
    keep_alive = co_await send_response(wire, std::move(response), head_request, http_1_1, keep_alive, options, watch);
    if (!keep_alive) {
      if (unread)
        co_await linger(wire);
      else
        co_await wire.end_sending(kLinger);
      break;
    }
  }
  wire.close();
}

}  // namespace mifeng::net
