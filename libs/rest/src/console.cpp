#include "mifeng/rest/console.h"

#include <algorithm>
#include <array>

#include "mifeng/base/error.h"
#include "mifeng/os/file.h"

namespace mifeng::rest {
namespace {

constexpr std::size_t kFilesMax = 2000;
constexpr std::size_t kBytesMax = 64 << 20;
constexpr std::string_view kNonce = "MIFENG-NONCE";  // web/vite.config.ts writes it into index.html

std::string_view content_type_of(const std::filesystem::path& path) {
  using Type = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Type, 9> kTypes = {{{".html", "text/html; charset=utf-8"},
                                                  {".js", "text/javascript; charset=utf-8"},
                                                  {".css", "text/css; charset=utf-8"},
                                                  {".json", "application/json"},
                                                  {".svg", "image/svg+xml"},
                                                  {".png", "image/png"},
                                                  {".txt", "text/plain; charset=utf-8"},
                                                  {".webmanifest", "application/manifest+json"},
                                                  {".woff2", "font/woff2"}}};
  const std::string extension = path.extension().string();
  const auto found = std::ranges::find(kTypes, extension, &Type::first);
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

// RFC 9110 section 12.5.3, as far as it is about gzip.
bool takes_gzip(const net::Headers& headers) {
  const std::string* accepted = headers.find("Accept-Encoding");
  if (accepted == nullptr) return false;
  std::string_view rest = *accepted;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string coding(rest.substr(0, comma));
    rest.remove_prefix(std::min(rest.size(), comma + 1));
    std::erase(coding, ' ');
    if (coding == "gzip") return true;
    if (coding.starts_with("gzip;q=")) return coding.find_first_of("123456789") != std::string::npos;
  }
  return false;
}

std::string policy(std::string_view nonce) {
  // No script but our files; no style but our files and what carries this page's nonce (the component library makes its
  // styles as they are needed). Nothing from another host, and nobody puts the console into a frame.
  return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + std::string(nonce) +
         "'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
         "form-action 'self'; frame-ancestors 'none'";
}

void add_common(net::Response& response) {
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("X-Frame-Options", "DENY");
  response.headers.add("Referrer-Policy", "no-referrer");
  response.headers.add("Cross-Origin-Opener-Policy", "same-origin");
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string made;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(from, at);
    made.append(text.substr(at, next == std::string_view::npos ? next : next - at));
    if (next == std::string_view::npos) return made;
    made.append(to);
    at = next + from.size();
  }
}

}  // namespace

Result<Console> Console::read(const std::filesystem::path& folder) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(folder / "index.html", failure))
    return Error(ErrorCode::kNotFound, "no-console",
                 "There is no console in " + folder.string() + ". Build it with tools/web/build, or name its folder.");
  auto content = std::make_shared<Content>();
  std::size_t bytes = 0;
  auto entry = std::filesystem::recursive_directory_iterator(folder, failure);
  for (; !failure && entry != std::filesystem::recursive_directory_iterator(); entry.increment(failure)) {
    if (!entry->is_regular_file(failure)) continue;
    MIFENG_TRY(std::string text, read_text_file(entry->path(), kBytesMax));
    bytes += text.size();
    if (bytes > kBytesMax || content->files.size() >= kFilesMax)
      return Error(ErrorCode::kResourceExhausted, "console-too-large",
                   folder.string() + " has more than a console's files; name the right folder.");
    std::string name = "/" + entry->path().lexically_relative(folder).generic_string();
    const bool gzip = name.ends_with(".gz");
    if (gzip) name.resize(name.size() - 3);
    File& file = content->files[name];
    file.content_type = content_type_of(name);
    file.for_good = name.starts_with("/assets/");
    (gzip ? file.gzip : file.plain) = std::move(text);
  }
  if (failure) return errno_error(failure.value(), "read " + folder.string());
  content->page = std::move(content->files["/index.html"].plain);
  content->files.erase("/index.html");
  Console console;
  console.content_ = std::move(content);
  return console;
}

net::Handler Console::handler(Random& random) const {
  return [content = content_, &random](net::Request request) -> net::asio::awaitable<net::Response> {
    net::Response response;
    if (request.method != "GET" && request.method != "HEAD") {
      // The page stands at every address, so that 405 would say of each that something is there.
      response = net::Response(404, "Nothing takes this here.\n", "text/plain; charset=utf-8");
      response.headers.add("Cache-Control", "no-store");
      add_common(response);
      co_return response;
    }
    const std::string_view path = request.path();
    const auto found = content->files.find(path);
    if (found != content->files.end()) {
      const File& file = found->second;
      const bool compressed = !file.gzip.empty() && takes_gzip(request.headers);
      response = net::Response(200, compressed ? file.gzip : file.plain, std::string(file.content_type));
      if (compressed) response.headers.add("Content-Encoding", "gzip");
      if (!file.gzip.empty()) response.headers.add("Vary", "Accept-Encoding");
      response.headers.add("Cache-Control", file.for_good ? "public, max-age=31536000, immutable" : "no-cache");
      // A picture that is opened by itself runs nothing.
      response.headers.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    } else if (path.starts_with("/assets/")) {
      response = net::Response(404, "There is no such file.\n", "text/plain; charset=utf-8");
      response.headers.add("Cache-Control", "no-store");
    } else {
      std::array<std::uint8_t, 16> bytes{};
      random.fill(bytes);
      const std::string nonce = to_hex(bytes);
      response = net::Response(200, replaced(content->page, kNonce, nonce), "text/html; charset=utf-8");
      response.headers.add("Cache-Control", "no-cache");
      response.headers.add("Content-Security-Policy", policy(nonce));
    }
    add_common(response);
    co_return response;
  };
}

}  // namespace mifeng::rest
