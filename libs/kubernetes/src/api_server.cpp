#include "api_server.h"

#include "mifeng/base/beginning.h"
#include "mifeng/cluster/json_path.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;

constexpr std::size_t kAnswerMax = 64 << 20;  // a list is asked for in pages
constexpr int kTries = 4;
constexpr std::chrono::milliseconds kPatience{30'000};
constexpr std::chrono::milliseconds kJustStarted{20'000};

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

json::ParseLimits limits() {
  json::ParseLimits limits;
  limits.bytes = kAnswerMax;
  limits.depth = 64;
  limits.values = 8'000'000;
  return limits;
}

void read_refusal(Answer& answer) {
  const json::Object* status = answer.object();
  if (status == nullptr) return;
  answer.message = text_at(*status, "message");
  answer.reason = text_at(*status, "reason");
  const json::Value* causes = cluster::at(*status, "details", "causes");
  const json::Array* list = causes == nullptr ? nullptr : causes->if_array();
  if (list == nullptr) return;
  for (const json::Value& one : *list) {
    if (const json::Object* cause = one.if_object())
      answer.causes.push_back(text_at(*cause, "reason") + " " + text_at(*cause, "field") + ": " +
                              text_at(*cause, "message"));
  }
}

net::Task<std::string> read_all(Transfer& transfer) {
  std::string text;
  for (;;) {
    auto piece = co_await transfer.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return text;
    if (text.size() + piece->size() > kAnswerMax)
      co_return Error(ErrorCode::kResourceExhausted, "bad-api-answer", "the API server's answer is too large");
    text += *piece;
  }
}

Result<Answer> parse(int status, const std::string& text) {
  Answer answer;
  answer.status = status;
  if (text.find_first_not_of(" \r\n\t") != std::string::npos) {
    auto parsed = json::parse(text, limits());
    if (parsed) {
      answer.body = std::move(*parsed);
    } else if (answer.success()) {
      return Error(ErrorCode::kInternal, "bad-api-answer",
                   "the API server answered something that is not JSON: " + parsed.error().message());
    } else {
      answer.message = beginning_of(text, 500);  // of a proxy in between
    }
  }
  if (!answer.success() && answer.message.empty()) read_refusal(answer);
  if (!answer.success() && answer.message.empty()) answer.message = "status " + std::to_string(status);
  return answer;
}

}  // namespace

Error error_of(const Answer& answer, const std::string& doing) {
  const std::string words = doing + ": " + answer.message;
  switch (answer.status) {
    case 404: return Error(ErrorCode::kNotFound, "not-found", words);
    case 401:
    case 403:
      if (answer.message.find("exceeded quota") != std::string::npos)
        return Error(ErrorCode::kResourceExhausted, "quota", words);
      return Error(ErrorCode::kPermissionDenied, "forbidden", words);
    case 410: return Error(ErrorCode::kUnavailable, "expired", words);
    case 409: return Error(ErrorCode::kConflict, "conflict", words);
    case 429: return Error(ErrorCode::kUnavailable, "api-unavailable", words);
    default: break;
  }
  if (answer.status >= 500) return Error(ErrorCode::kUnavailable, "api-unavailable", words);
  return Error(ErrorCode::kInvalidArgument, "cluster-refused", words);
}

Result<std::unique_ptr<ApiServer>> ApiServer::create(Login login) {
  MIFENG_TRY(auto transfers, Transfers::create(std::move(login)));
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(transfers)));
}

net::Task<Answer> ApiServer::call(std::string method, std::string target, std::optional<json::Value> body,
                                  std::string content_type) const {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  if (body) request.body = json::serialize(*body);
  request.content_type = std::move(content_type);
  request.patience = kPatience;
  const auto asked = std::chrono::steady_clock::now();
  const auto held = co_await turns_.acquire();
  // Behind a server that answers nobody a queue would only grow.
  if (std::chrono::steady_clock::now() - asked > kPatience)
    co_return Error(ErrorCode::kTimeout, "api-slow",
                    "the cluster's API server could not be asked in time, since it answers nothing else either");
  for (int tried = 1;; ++tried) {
    Transfer transfer = transfers_->open(request);
    auto begun = co_await transfer.begin();
    if (!begun) {
      away_ms_ = steady_ms();
      co_return begun.error();
    }
    auto text = co_await read_all(transfer);
    if (!text) co_return text.error();
    const int status = transfer.status();
    if ((status == 429 || status == 503) && tried < kTries) {
      const int seconds = transfer.retry_after_seconds();
      co_await net::sleep_for(seconds > 0 ? std::chrono::milliseconds(1000) * std::min(seconds, 10)
                                          : std::chrono::milliseconds(200) * tried);
      continue;
    }
    if (status >= 500) away_ms_ = steady_ms();
    if (status == 403 && tried < kTries && may_have_just_started()) {
      co_await net::sleep_for(std::chrono::milliseconds(400) * tried);
      continue;
    }
    co_return parse(status, *text);
  }
}

bool ApiServer::may_have_just_started() const {
  const std::int64_t away = away_ms_;
  return away != 0 && steady_ms() - away < kJustStarted.count();
}

net::Task<Answer> ApiServer::apply(std::string target, std::string manager, json::Value object, bool force) const {
  target += "?fieldManager=" + manager + "&fieldValidation=Strict" + (force ? "&force=true" : "");
  co_return co_await call("PATCH", std::move(target), std::move(object), "application/apply-patch+yaml");
}

net::Task<std::unique_ptr<Transfer>> ApiServer::open(std::string target, std::chrono::milliseconds patience) const {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.patience = patience;
  request.goes_on = true;
  auto transfer = std::make_unique<Transfer>(transfers_->open(std::move(request)));
  auto begun = co_await transfer->begin();
  if (!begun) co_return begun.error();
  if (transfer->status() < 300) co_return transfer;
  auto text = co_await read_all(*transfer);
  if (!text) co_return text.error();
  auto answer = parse(transfer->status(), *text);
  if (!answer) co_return answer.error();
  co_return error_of(*answer, "GET");
}

bool LineReader::feed(std::string_view piece, std::vector<std::string>& lines) {
  rest_ += piece;
  std::size_t from = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', from)) {
    lines.push_back(rest_.substr(from, end - from));
    from = end + 1;
  }
  rest_.erase(0, from);
  return rest_.size() <= max_;
}

}  // namespace mifeng::kubernetes
