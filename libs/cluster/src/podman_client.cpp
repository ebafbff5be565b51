#include "podman_client.h"

#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kAnswerBytesMax = 16 << 20;

std::chrono::milliseconds timeout_of(Patience patience) {
  using namespace std::chrono_literals;
  switch (patience) {
    case Patience::kQuick: return 20s;
    case Patience::kStart: return 60s;
    case Patience::kStop: return 15min;
    case Patience::kPull: return 20min;  // between two lines of progress
    case Patience::kFollow: return 24h;
  }
  return 20s;
}

Error translate(const Error& error) {
  if (error.code() == ErrorCode::kTimeout)
    return Error(ErrorCode::kTimeout, "engine-slow",
                 phrase("the container engine did not answer in time: {}", error.message()));
  if (error.code() == ErrorCode::kUnavailable)
    return Error(ErrorCode::kUnavailable, "engine-unavailable",
                 phrase("the container engine cannot be reached: {}", error.message()));
  return error.with_context("container engine");
}

}  // namespace

Result<PodmanClient> PodmanClient::create(const std::filesystem::path& socket) {
  std::vector<net::HttpClient> clients;
  for (const Patience patience :
       {Patience::kQuick, Patience::kStart, Patience::kStop, Patience::kPull, Patience::kFollow}) {
    net::ClientOptions options;
    options.endpoint = net::UnixEndpoint{socket};
    options.host_header = "podman";
    options.connect_timeout = std::chrono::seconds(5);
    options.idle_timeout = timeout_of(patience);
    MIFENG_TRY(net::HttpClient client, net::HttpClient::create(std::move(options)));
    clients.push_back(std::move(client));
  }
  return PodmanClient(std::move(clients));
}

net::Task<PodmanAnswer> PodmanClient::call(std::string method, std::string path, std::optional<json::Object> body,
                                           Patience patience) const {
  net::ClientRequest request(std::move(method), "/v4.0.0/libpod" + path);
  if (body) {
    request.body = json::serialize(json::Value(std::move(*body)));
    request.headers.set("Content-Type", "application/json");
  }
  request.max_response_bytes = kAnswerBytesMax;
  auto sent = co_await client(patience).send(std::move(request));
  if (!sent) co_return translate(sent.error());
  PodmanAnswer answer;
  answer.status = sent->status;
  const std::size_t first = sent->body.find_first_not_of(" \r\n\t");
  if (first != std::string::npos) {
    json::ParseLimits limits;
    limits.bytes = kAnswerBytesMax;
    limits.values = 2'000'000;
    auto parsed = json::parse(sent->body, limits);
    if (parsed) {
      answer.body = std::move(*parsed);
    } else if (answer.success()) {
      co_return Error(ErrorCode::kInternal, "bad-engine-answer",
                      "the container engine answered something that is not JSON: " + parsed.error().message());
    } else {
      answer.message = sent->body.substr(0, 500);
    }
  }
  if (!answer.success() && answer.object() != nullptr) answer.message = text_at(*answer.object(), "message");
  if (!answer.success() && answer.message.empty()) answer.message = "status " + std::to_string(answer.status);
  co_return answer;
}

net::Task<std::unique_ptr<net::ResponseStream>> PodmanClient::stream(std::string method, std::string path,
                                                                     Patience patience) const {
  return stream(std::move(method), std::move(path), patience, net::Headers());
}

net::Task<std::unique_ptr<net::ResponseStream>> PodmanClient::stream(std::string method, std::string path,
                                                                     Patience patience, net::Headers headers) const {
  net::ClientRequest request(std::move(method), "/v4.0.0/libpod" + path);
  request.headers = std::move(headers);
  auto opened = co_await client(patience).open(std::move(request));
  if (!opened) co_return translate(opened.error());
  std::unique_ptr<net::ResponseStream> stream = std::move(*opened);
  if (stream->status() >= 300) {
    std::string text;
    while (text.size() < 4096) {
      auto piece = co_await stream->read();
      if (!piece || piece->empty()) break;
      text.append(as_text(*piece));
    }
    auto parsed = json::parse_object(text);
    const std::string message = parsed ? text_at(*parsed, "message") : text.substr(0, 500);
    co_return Error(stream->status() == 404 ? ErrorCode::kNotFound : ErrorCode::kInternal, "engine-refused",
                    "the container engine refused: " + message);
  }
  co_return stream;
}

std::string label_filter(const std::vector<std::string>& labels) {
  json::Array list;
  for (const std::string& label : labels) list.emplace_back(label);
  return "filters=" + net::percent_encode(json::serialize(json::Object{{"label", list}}));
}

}  // namespace mifeng::cluster
