#include "mifeng/net/http.h"

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "mifeng/base/utf8.h"
#include "mifeng/net/runtime.h"

namespace mifeng::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

Error too_large(std::uint64_t limit) {
  return Error(ErrorCode::kResourceExhausted, "body-too-large",
               "The body is larger than the " + std::to_string(limit) + " bytes that are allowed here.");
}

}  // namespace

const std::string* Headers::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (same_name(field.first, name)) return &field.second;
  }
  return nullptr;
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(fields_, [&](const Field& field) { return same_name(field.first, name); });
  add(std::move(name), std::move(value));
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Field& field) { return same_name(field.first, name); }));
}

bool PeerProcess::alive() const {
  if (!pidfd || !*pidfd) return false;
  // A pidfd becomes readable when its process has ended.
  pollfd fd{pidfd->get(), POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&fd, 1, 0);
  while (ready < 0 && errno == EINTR);
  return ready == 0;
}

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view Request::query() const {
  const std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

Task<void> BodySink::write_text(std::string text) { co_return co_await write(as_bytes(text)); }

Response::Response(int code, std::string content, std::string content_type) : status(code), body(std::move(content)) {
  if (!content_type.empty()) headers.add("Content-Type", std::move(content_type));
}

Task<std::string> read_body(BodySource& body, std::size_t limit) {
  if (body.announced_size() && *body.announced_size() > limit) co_return too_large(limit);
  std::string text;
  // Grown as it comes, whatever was announced: nobody reserves memory by a promise.
  constexpr std::size_t kPiece = 16 * 1024;
  for (;;) {
    const std::size_t have = text.size();
    text.resize(have + kPiece);
    auto count = co_await body.read_some({reinterpret_cast<std::uint8_t*>(text.data()) + have, kPiece});
    if (!count) co_return std::move(count).error();
    text.resize(have + *count);
    if (*count == 0) co_return text;
    if (text.size() > limit) co_return too_large(limit);
  }
}

Task<std::uint64_t> save_body(BodySource& body, int fd, std::uint64_t limit, BlockingPool& pool) {
  if (body.announced_size() && *body.announced_size() > limit) co_return too_large(limit);
  Bytes buffer(256 * 1024);
  std::uint64_t total = 0;
  for (;;) {
    // Full buffers, so that a change of thread is paid for rarely.
    std::size_t filled = 0;
    bool ended = false;
    while (filled < buffer.size() && !ended) {
      auto count = co_await body.read_some(MutableBytes(buffer).subspan(filled));
      if (!count) co_return std::move(count).error();
      ended = *count == 0;
      filled += *count;
    }
    total += filled;
    if (total > limit) co_return too_large(limit);
    auto store = [&buffer, filled, fd]() -> Result<void> {
      for (std::size_t done = 0; done < filled;) {
        const ::ssize_t count = ::write(fd, buffer.data() + done, filled - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_error(errno, "write the body to its file");
        done += static_cast<std::size_t>(count);
      }
      return ok();
    };
    auto stored = co_await run_blocking(pool, std::move(store));
    if (!stored) co_return std::move(stored).error();
    if (ended) co_return total;
  }
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  const Error bad(ErrorCode::kInvalidArgument, "bad-escape",
                  "The address holds a percent escape that is not two hex digits of UTF-8 text.");
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return bad;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return bad;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  if (out.find('\0') != std::string::npos || !is_utf8(out)) return bad;
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), field.size() + 1));
    if (field.empty()) continue;
    const std::size_t equals = field.find('=');
    auto name = percent_decode(field.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? "" : field.substr(equals + 1), true);
    if (!name || !value || name->empty() || fields.size() >= 100)
      return Error(ErrorCode::kInvalidArgument, "bad-query", "The part of the address after '?' cannot be read.");
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

}  // namespace mifeng::net
