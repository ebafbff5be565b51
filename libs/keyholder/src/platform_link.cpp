#include "mifeng/keyholder/platform_link.h"

#include <algorithm>

#include "mifeng/json/value.h"

namespace mifeng::keyholder {

namespace {

constexpr std::string_view kSealedType = "application/vnd.mifeng.sealed";

// The message of a JSON error (spec/errors.md), made fit for a log line: it comes from whoever answered.
std::string refusal_text(const net::ClientResponse& response) {
  std::string text;
  if (const auto object = json::parse_object(response.body, {.bytes = 8192, .depth = 4, .values = 64})) {
    const json::Object* error = &*object;
    if (const json::Value* inner = object->find("error"); inner != nullptr && inner->if_object() != nullptr)
      error = inner->if_object();
    if (const json::Value* message = error->find("message"); message != nullptr && message->if_string() != nullptr)
      text = *message->if_string();
  }
  text.resize(std::min<std::size_t>(text.size(), 300));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return "status " + std::to_string(response.status) + (text.empty() ? "" : ", \"" + text + "\"");
}

}  // namespace

Result<std::unique_ptr<HttpPlatformLink>> HttpPlatformLink::create(const PlatformAddress& address) {
  MIFENG_TRY(net::ParsedUrl url, net::parse_url(address.address));
  if (!url.base_path.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-url",
                 "the platform's address has a path; leave out what follows host and port");
  url.options.connect_timeout = address.connect_timeout;
  url.options.idle_timeout = address.idle_timeout;
  if (address.tls_certificate_sm3) {
    if (!url.options.tls) url.options.tls.emplace();
    url.options.tls->pinned_sm3 = *address.tls_certificate_sm3;
  }
  MIFENG_TRY(net::HttpClient client, net::HttpClient::create(std::move(url.options)));
  return std::unique_ptr<HttpPlatformLink>(new HttpPlatformLink(std::move(client), address.answer_size_max));
}

net::Task<PlatformLink::Answer> HttpPlatformLink::post(std::string target, net::Headers headers, Bytes body,
                                                       std::string what) {
  net::ClientRequest request("POST", std::move(target), std::string(as_text(body)), std::string(kSealedType));
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.max_response_bytes = answer_size_max_;
  auto sent = client_.send(std::move(request));
  auto response = co_await std::move(sent);
  if (!response) co_return response.error().with_context("send " + what);
  if (response->status != 200 && response->status != 204)
    co_return Error(ErrorCode::kPermissionDenied, "platform-refused",
                    "the platform did not accept " + what + ": " + refusal_text(*response));
  co_return Answer{.body = to_bytes(response->body), .headers = std::move(response->headers)};
}

}  // namespace mifeng::keyholder
