#include "mifeng/net/client.h"
#include "mifeng/base/phrase.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

#include "mifeng/os/socket.h"
#include "tls_context.h"
#include "wire.h"

namespace mifeng::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::response_parser<http::buffer_body>;

constexpr std::size_t kPiece = 64 * 1024;

bool is_field_text(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

// The same failure in the words of a client.
Error client_error(const Error& error, const ClientOptions& options) {
  if (error.code() == ErrorCode::kTimeout)
    return Error(ErrorCode::kTimeout, "no-answer",
                 phrase("The server did not go on within {} ms.", options.idle_timeout.count()));
  if (error.reason() == "peer-closed") return Error(ErrorCode::kUnavailable, "connection-lost", error.message());
  return error;
}

Error cut_off() {
  return {ErrorCode::kUnavailable, "connection-lost", phrase("The connection ended in the middle of the answer.")};
}

class Stream final : public ResponseStream {
 public:
  Stream(std::unique_ptr<Wire> wire, ClientOptions options) : wire_(std::move(wire)), options_(std::move(options)) {
    start_parser();
  }

  int status() const override { return parser_->get().result_int(); }
  const Headers& headers() const override { return headers_; }

  Task<void> read_header(bool head_request) {
    for (;;) {
      parser_->skip(head_request);
      while (!parser_->is_header_done()) {
        error_code ec;
        if (buffer_.size() != 0) {
          buffer_.consume(parser_->put(buffer_.data(), ec));
          if (ec && ec != http::error::need_more) co_return malformed(ec);
          if (parser_->is_header_done()) break;
        }
        auto count = co_await fill();
        if (!count) co_return std::move(count).error();
        if (*count == 0)
          co_return Error(ErrorCode::kUnavailable, "connection-lost", "The server closed the connection unanswered.");
      }
      if (parser_->get().result_int() / 100 != 1) break;
      start_parser();  // 100 Continue and 103 come before the answer
    }
    for (const auto& field : parser_->get()) headers_.add(std::string(field.name_string()), std::string(field.value()));
    parser_->eager(true);
    co_return ok();
  }

  Task<Bytes> read() override {
    Bytes out(kPiece);
    while (!parser_->is_done()) {
      auto& body = parser_->get().body();
      body.data = out.data();
      body.size = out.size();
      body.more = true;
      if (buffer_.size() != 0) {
        error_code ec;
        buffer_.consume(parser_->put(buffer_.data(), ec));
        const std::size_t got = out.size() - body.size;
        if (ec && ec != http::error::need_buffer && ec != http::error::need_more) co_return malformed(ec);
        if (got != 0) {
          out.resize(got);
          co_return out;
        }
        if (parser_->is_done()) break;
      }
      auto count = co_await fill();
      if (!count) co_return std::move(count).error();
      if (*count == 0) {
        // The end of the connection ends a body without a length; it cuts off any other.
        error_code ec;
        parser_->put_eof(ec);
        if (ec) co_return cut_off();
        break;
      }
    }
    co_return Bytes();
  }

  Wire& wire() { return *wire_; }

 private:
  void start_parser() {
    parser_ = std::make_unique<Parser>();
    parser_->header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser_->body_limit(boost::none);
  }
  static Error malformed(const error_code& ec) {
    return Error(ErrorCode::kUnavailable, "bad-answer", "The server's answer is not HTTP/1.1: " + ec.message() + ".");
  }
  Task<std::size_t> fill() {
    const auto space = buffer_.prepare(kPiece);
    const MutableBytes into(static_cast<std::uint8_t*>(space.data()), space.size());
    auto count = co_await wire_->read_some(into, options_.idle_timeout);
    if (!count) co_return client_error(count.error(), options_);
    buffer_.commit(*count);
    co_return count;
  }

  std::unique_ptr<Wire> wire_;
  ClientOptions options_;
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<Parser> parser_;
  Headers headers_;
};

struct OpenFile {
  UniqueFd fd;
  std::uint64_t size = 0;
};

Result<OpenFile> open_upload(const std::filesystem::path& path) {
  OpenFile file;
  file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.fd && errno == ENOENT)
    return Error(ErrorCode::kNotFound, "no-such-file", "There is no file " + path.string() + ".");
  if (!file.fd) return errno_error(errno, "open " + path.string());
  struct stat info {};
  if (::fstat(file.fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Error(ErrorCode::kInvalidArgument, "no-file", path.string() + " is no ordinary file.");
  file.size = static_cast<std::uint64_t>(info.st_size);
  return file;
}

Result<std::string> request_head(const ClientRequest& request, const std::string& host, std::uint64_t body_size) {
  bool plain = is_field_text(request.method) && is_field_text(request.target) &&
               request.target.find(' ') == std::string::npos && request.target.starts_with('/');
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + host + "\r\n";
  for (const auto& [name, value] : request.headers) {
    plain = plain && is_field_text(name) && is_field_text(value);
    head += name + ": " + value + "\r\n";
  }
  if (!plain)
    return Error(
        ErrorCode::kInvalidArgument, "bad-request",
        "A request's target must start with '/', and neither it nor a header field may hold control characters.");
  if (body_size != 0 || request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
    head += "Content-Length: " + std::to_string(body_size) + "\r\n";
  head += "Connection: close\r\n\r\n";
  return head;
}

}  // namespace

struct HttpClient::Impl {
  ClientOptions options;
  std::shared_ptr<SSL_CTX> context;  // shared with the connections
  std::string host;

  Task<std::unique_ptr<Wire>> connect() const {
    if (const auto* unix_socket = std::get_if<UnixEndpoint>(&options.endpoint)) {
      auto wire = co_await connect_unix(unix_socket->path.string(), options.connect_timeout);
      if (wire && unix_socket->user && !is_peer_of((*wire)->fd(), *unix_socket->user))
        co_return Error(ErrorCode::kVerificationFailed, "another-user",
                        "Another user's process listens on the socket " + unix_socket->path.string() + ".");
      co_return wire;
    }
    const auto& tcp = std::get<TcpEndpoint>(options.endpoint);
    if (!options.tls) co_return co_await connect_tcp(tcp.host, tcp.port, nullptr, options.connect_timeout);
    const ConnectTls tls{context, tcp.host, options.tls->pinned_sm3};
    co_return co_await connect_tcp(tcp.host, tcp.port, &tls, options.connect_timeout);
  }

  Task<void> send_file(Stream& stream, const OpenFile& file,
                       const std::function<void(std::uint64_t, std::uint64_t)>& progress) const {
    Bytes buffer(kPiece);
    std::uint64_t sent = 0;
    while (sent < file.size) {
      // A server that answers before it has everything has decided; more would be for nothing.
      if (stream.wire().has_input()) co_return ok();
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size - sent));
      const ::ssize_t count = ::pread(file.fd.get(), buffer.data(), want, static_cast<::off_t>(sent));
      if (count <= 0)
        co_return Error(ErrorCode::kInternal, "cannot-read",
                        "The file became shorter or unreadable while it was sent.");
      auto written =
          co_await stream.wire().write(ByteView(buffer).first(static_cast<std::size_t>(count)), options.idle_timeout);
      if (!written) co_return client_error(written.error(), options);
      sent += static_cast<std::uint64_t>(count);
      if (progress) progress(sent, file.size);
    }
    co_return ok();
  }

  Task<std::unique_ptr<ResponseStream>> open(ClientRequest request) const {
    OpenFile file;
    const auto* upload = std::get_if<UploadFile>(&request.body);
    if (upload != nullptr) {
      MIFENG_CO_TRY(file, open_upload(upload->path));
    }
    const std::string* text = std::get_if<std::string>(&request.body);
    MIFENG_CO_TRY(const std::string head, request_head(request, host, text != nullptr ? text->size() : file.size));
    auto wire = co_await connect();
    if (!wire) co_return std::move(wire).error();
    if (request.connected) request.connected();
    auto stream = std::make_unique<Stream>(std::move(*wire), options);
    std::string first = head;
    if (text != nullptr && text->size() <= kPiece) first += *text;
    auto written = co_await stream->wire().write(as_bytes(first), options.idle_timeout);
    if (written && text != nullptr && text->size() > kPiece)
      written = co_await stream->wire().write(as_bytes(*text), options.idle_timeout);
    if (written && upload != nullptr) written = co_await send_file(*stream, file, upload->progress);
    if (!written && written.error().reason() == "cannot-read") co_return std::move(written).error();
    // Also after a failed write: the answer that explains it may have come before.
    auto header = co_await stream->read_header(request.method == "HEAD");
    if (!written && !header) co_return client_error(written.error(), options);
    if (!header) co_return std::move(header).error();
    co_return std::unique_ptr<ResponseStream>(std::move(stream));
  }
};

ClientRequest::ClientRequest(std::string verb, std::string where, std::string content, std::string content_type)
    : method(std::move(verb)), target(std::move(where)), body(std::move(content)) {
  headers.add("Content-Type", std::move(content_type));
}

Result<HttpClient> HttpClient::create(ClientOptions options) {
  auto impl = std::make_shared<Impl>();
  if (options.tls) {
    MIFENG_TRY(impl->context, make_client_context(*options.tls));
  }
  impl->host = options.host_header;
  if (const auto* tcp = std::get_if<TcpEndpoint>(&options.endpoint); tcp != nullptr && impl->host.empty()) {
    const bool v6 = tcp->host.find(':') != std::string::npos;
    impl->host = (v6 ? "[" + tcp->host + "]" : tcp->host) + ":" + std::to_string(tcp->port);
  }
  if (impl->host.empty()) impl->host = "localhost";
  impl->options = std::move(options);
  return HttpClient(std::move(impl));
}

Task<std::unique_ptr<ResponseStream>> HttpClient::open(ClientRequest request) const {
  const auto impl = impl_;  // the client may go while this runs
  co_return co_await impl->open(std::move(request));
}

Task<ClientResponse> HttpClient::send(ClientRequest request) const {
  const auto impl = impl_;
  const std::size_t limit = request.max_response_bytes;
  auto stream = co_await impl->open(std::move(request));
  if (!stream) co_return std::move(stream).error();
  ClientResponse response;
  response.status = (*stream)->status();
  response.headers = (*stream)->headers();
  for (;;) {
    auto piece = co_await (*stream)->read();
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) co_return response;
    if (response.body.size() + piece->size() > limit)
      co_return Error(ErrorCode::kResourceExhausted, "response-too-large",
                      "The server's answer is larger than " + std::to_string(limit) + " bytes.");
    response.body.append(as_text(*piece));
  }
}

Result<ClientResponse> HttpClient::send_now(ClientRequest request, int stop_fd) const {
  if (stop_fd < 0) return run_to_result<ClientResponse>([&] { return send(std::move(request)); });
  std::optional<Result<ClientResponse>> answer;
  run_to_end([&]() -> asio::awaitable<void> {
    std::function<asio::awaitable<void>()> ask = [&]() -> asio::awaitable<void> {
      auto value = co_await send(std::move(request));
      answer.emplace(std::move(value));
    };
    // A copy, since the loop closes what it waited for.
    std::function<asio::awaitable<void>()> watch = [&]() -> asio::awaitable<void> {
      asio::posix::stream_descriptor stop(co_await asio::this_coro::executor, ::fcntl(stop_fd, F_DUPFD_CLOEXEC, 3));
      co_await stop.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    };
    co_await race(std::move(ask), std::move(watch));
  });
  ::pollfd stopped{stop_fd, POLLIN, 0};
  if ((!answer || !*answer) && ::poll(&stopped, 1, 0) == 1)
    return Error(ErrorCode::kCancelled, "interrupted", "Interrupted before the server had answered.");
  return std::move(*answer);
}

Result<int> HttpClient::stream_now(ClientRequest request,
                                   std::function<Result<void>(int status, ByteView)> on_chunk) const {
  return run_to_result<int>([&]() -> Task<int> {
    auto stream = co_await open(std::move(request));
    if (!stream) co_return std::move(stream).error();
    const int status = (*stream)->status();
    for (;;) {
      auto piece = co_await (*stream)->read();
      if (!piece) co_return std::move(piece).error();
      if (piece->empty()) co_return status;
      MIFENG_CO_CHECK(on_chunk(status, *piece));
    }
  });
}

Result<ParsedUrl> parse_url(const std::string& url) {
  const Error bad(ErrorCode::kInvalidArgument, "bad-url",
                  "\"" + url + "\" is no address; give one like http://127.0.0.1:8700, https://host or unix:/path.");
  ParsedUrl parsed;
  if (url.starts_with("unix:/")) {
    parsed.options.endpoint = UnixEndpoint{url.substr(5)};
    return parsed;
  }
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return bad;
  std::string rest = url.substr(tls ? 8 : 7);
  const std::size_t slash = rest.find('/');
  if (slash != std::string::npos) {
    parsed.base_path = rest.substr(slash);
    rest.resize(slash);
  }
  while (parsed.base_path.ends_with('/')) parsed.base_path.pop_back();
  if (url.find_first_of("?#@ ") != std::string::npos || !is_field_text(url)) return bad;
  TcpEndpoint endpoint;
  std::string port = tls ? "443" : "80";
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string::npos) return bad;
    endpoint.host = rest.substr(1, close - 1);
    const std::string after = rest.substr(close + 1);
    if (!after.empty() && !after.starts_with(':')) return bad;
    if (!after.empty()) port = after.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    endpoint.host = rest.substr(0, colon);
    if (colon != std::string::npos) port = rest.substr(colon + 1);
  }
  unsigned number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  if (endpoint.host.empty() || read.ec != std::errc() || read.ptr != port.data() + port.size() || number == 0 ||
      number > 65535)
    return bad;
  endpoint.port = static_cast<std::uint16_t>(number);
  parsed.options.endpoint = std::move(endpoint);
  if (tls) parsed.options.tls = ClientTls{};
  return parsed;
}

}  // namespace mifeng::net
