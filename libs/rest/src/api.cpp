#include "mifeng/rest/api.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "browser.h"
#include "mifeng/base/beginning.h"
#include "mifeng/base/phrase.h"
#include "mifeng/messages/tools.h"
#include "mifeng/net/source.h"
#include "mifeng/rest/http_status.h"
#include "mifeng/trust/version.h"
#include "operation.h"
#include "stream_seats.h"

namespace mifeng::rest {

namespace {

constexpr std::string_view kPrefix = "/api/v1";
constexpr std::size_t kJsonMax = 1 << 20;
constexpr std::chrono::milliseconds kDoorPatience{10'000};
// What a refusal does not say back.
constexpr std::string_view kSecretMembers[] = {"pull_password"};
constexpr unsigned kBlockingStreams = 32;
constexpr std::chrono::milliseconds kStrangersBodyTime{15'000};
constexpr std::uint64_t kBodyRateMin = 4 << 10;  // bytes a second: a slow line sends more than that

net::Response refuse(const Error& error) {
  net::Response response(http_status(error), error_body(error), "application/json");
  if (response.status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

net::Response finished(Reply&& answer) {
  net::Response response(answer.status, std::move(answer.body), std::move(answer.content_type));
  for (const auto& [name, value] : answer.headers) response.headers.add(name, value);
  return response;
}

trust::Actor local_administrator() {
  trust::Actor actor;
  actor.id = actor.name = kLocalActor;
  actor.roles = {trust::Role::kAdministrator};
  actor.address = "unix";
  return actor;
}

// The bearer string of the Authorization field; empty where there is none.
Result<std::string> bearer_of(const net::Headers& headers) {
  const std::string* field = headers.find("Authorization");
  if (field == nullptr) return std::string();
  constexpr std::string_view kScheme = "Bearer ";
  const bool scheme_fits =
      field->size() > kScheme.size() && field->size() <= 512 &&
      std::ranges::equal(field->substr(0, kScheme.size()), kScheme, [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
      });
  if (headers.count("Authorization") != 1 || !scheme_fits)
    return Error(ErrorCode::kUnauthenticated, "bad-token", "Sign in, and send: Authorization: Bearer <token>.");
  return field->substr(kScheme.size());
}

Result<void> read_query(Call& call, const Operation& operation, std::string_view query) {
  MIFENG_TRY(auto fields, net::parse_query(query));
  const std::string known = " " + std::string(operation.query) + " ";
  for (auto& [name, value] : fields) {
    if (name.find(' ') != std::string::npos || known.find(" " + name + " ") == std::string::npos)
      return Error(ErrorCode::kInvalidArgument, "bad-query",
                   "\"" + std::string(beginning_of(name, 100)) + "\" is not known here" +
                       (operation.query.empty() ? "." : "; these are: " + std::string(operation.query) + "."));
    if (!call.query.emplace(name, std::move(value)).second)
      return Error(ErrorCode::kInvalidArgument, "bad-query", name + " stands twice in the address.");
  }
  return ok();
}

Result<void> check_access(const Call& call, const Operation& operation) {
  if (const auto* permission = std::get_if<Permission>(&operation.who)) return trust::require(call.actor, *permission);
  // A person who has to change the password first may do that, ask who he is, and sign out.
  if (std::get<Access>(operation.who) == Access::kSignedIn && call.actor.must_change_password &&
      !operation.pattern.starts_with("/session"))
    return Error(ErrorCode::kPermissionDenied, "must-change-password",
                 "Change the password that you were given first; nothing else works before.");
  return ok();
}

// What whoever asks has seen of the thing that he changes.
Result<void> read_if_match(Call& call, const Operation& operation) {
  const std::string* field = call.headers.find("If-Match");
  if (field == nullptr || operation.method == "GET") return ok();
  // Left out of account it would promise what nobody keeps.
  if (operation.shown == nullptr)
    return Error(ErrorCode::kInvalidArgument, "no-if-match",
                 "What this changes has no version that If-Match could be about. Leave the field out.");
  const bool once = call.headers.count("If-Match") == 1;
  MIFENG_TRY(call.actor.seen, trust::parse_if_match(once ? std::string_view(*field) : std::string_view()));
  return ok();
}

// Both versions: what was to be made of the thing, and what it is now.
Reply collision(Call& call, const Operation& operation, const Error& refused) {
  json::Object body{{"code", to_string(refused.code())}, {"reason", refused.reason()}, {"message", refused.message()}};
  if (!call.body.empty()) {
    json::Object sent = call.body;
    for (const auto member : kSecretMembers) sent.erase(member);
    body.set("sent", std::move(sent));
  }
  auto now = operation.shown(call);
  auto current = now ? json::parse(now->body) : Result<json::Value>(now.error());
  if (current) body.set("current", std::move(*current));
  Reply answer{http_status(refused), json::serialize(body), "application/json", {}};
  if (current) answer.headers = now->headers;
  return answer;
}

bool needs_actor(const Operation& operation) {
  const auto* access = std::get_if<Access>(&operation.who);
  return access == nullptr || *access == Access::kSignedIn;
}

bool has_access(const Operation& operation, Access wanted) {
  const auto* access = std::get_if<Access>(&operation.who);
  return access != nullptr && *access == wanted;
}

// Each can queue whoever the door lets in. Who asks for a grant waits for his cluster to answer, so each cluster has
// threads of its own: one that hangs holds up no other's, and a renewal waits behind none.
struct DoorPools {
  net::BlockingPool renewals{"renewals at the door", 4, 512};

  net::BlockingPool& grants_of(const std::string& cluster) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<net::BlockingPool>& pool = grants_[cluster];
    if (!pool) pool = std::make_unique<net::BlockingPool>("grants at the door", 8, 512);
    return *pool;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<net::BlockingPool>> grants_;  // by cluster; the door lets in no other names
};

}  // namespace

net::ServerOptions api_listener(net::TcpListen listen, std::optional<net::ServerTls> tls) {
  net::ServerOptions options{.listen = std::move(listen), .tls = std::move(tls)};
  options.name = "api";
  options.max_connections = 2048;
  options.strangers = {.all = 512,
                       .of_one_source = 128,  // of a whole office behind one address
                       .body_bytes = messages::kMessageSizeMax,
                       .body_time = kStrangersBodyTime};
  options.body_rate_min = kBodyRateMin;
  return options;
}

net::ServerOptions guard_door(net::TcpListen listen) {
  net::ServerOptions options{.listen = std::move(listen)};
  options.name = "guards";
  options.max_connections = 1024;  // strangers, whoever was let in, and those that are just being closed
  options.max_header_bytes = 8 << 10;
  options.max_body_bytes = messages::kMessageSizeMax;
  options.header_timeout = options.idle_timeout = options.body_timeout = options.body_time_max = kDoorPatience;
  options.write_timeout = kDoorPatience;
  options.strangers = {.all = 256, .of_one_source = 64};
  options.requests_max = 1;
  return options;
}

struct Api::Impl {
  Impl(platform::Platform& platform_in, ApiOptions options_in, const Clock& clock_in)
      : platform(platform_in), options(std::move(options_in)), clock(clock_in) {}

  platform::Platform& platform;
  ApiOptions options;
  const Clock& clock;
  std::mutex url_mutex;
  std::string url;
  StreamSeats seats;
  StreamSeats blocking_seats{{.of_one_person = kBlockingStreams / 2, .all = kBlockingStreams}};
  // Last, so that what they still run ends before what it refers to. What strangers can ask for has pools of its own,
  // so that a crowd of one kind holds up no other; everywhere those who wait take turns.
  net::BlockingPool work{"database", 8, 512, 256};
  net::BlockingPool slow{"slow requests", 16, 64};
  // Half of them at once for one vendor, so that the next one has not to wait for his largest packages.
  net::BlockingPool verifications{"verifications", 4, 64, 16, 2};
  net::BlockingPool proofs{"grants", 8, 256};
  net::BlockingPool gateways{"gateways", 2, 256, 32};
  net::BlockingPool streams{"streams", kBlockingStreams, kBlockingStreams};
  net::BlockingPool passwords{"passwords", 1, 128, 8};

  std::shared_ptr<Call> make_call(net::Request& request) {
    auto call = std::make_shared<Call>(Call{.platform = platform,
                                            .options = options,
                                            .clock = clock,
                                            .work = work,
                                            .slow = slow,
                                            .verifications = verifications,
                                            .proofs = proofs,
                                            .gateways = gateways,
                                            .streams = streams,
                                            .blocking_seats = blocking_seats,
                                            .seats = seats,
                                            .actor = {},
                                            .bearer = {},
                                            .method = request.method,
                                            .tls = request.peer.tls,
                                            .remote = request.peer.address,
                                            .source = net::one_source(request.peer.address),
                                            .known = request.peer.known,
                                            .path = {},
                                            .query = {},
                                            .body = {},
                                            .headers = std::move(request.headers),
                                            .raw = std::move(request.body),
                                            .url = {},
                                            .unit = {},
                                            .process = request.peer.process});
    {
      const std::lock_guard lock(url_mutex);
      call->url = url;
    }
    // The port of the other side says nothing later.
    if (!request.peer.process) call->remote = call->remote.substr(0, call->remote.rfind(':'));
    return call;
  }

  net::Task<void> authenticate(std::shared_ptr<Call> call, Door door, const net::Peer& peer, people::Use use) {
    MIFENG_CO_TRY(call->bearer, bearer_of(call->headers));
    if (call->bearer.empty() && door == Door::kNetwork) {
      MIFENG_CO_TRY(call->bearer, cookie_of(call->headers, cookie_name(call->tls, call->url)));
      call->by_cookie = !call->bearer.empty();
      if (call->by_cookie) MIFENG_CO_CHECK(check_same_origin(call->method, call->headers, call->tls));
      const std::string* said = call->headers.find(kConsoleHeader);
      if (call->by_cookie && said != nullptr && *said == "refresh") use = people::Use::kRefresh;
    }
    if (call->bearer.empty()) {
      const bool ours =
          door == Door::kLocal && peer.process && (peer.process->uid == ::geteuid() || peer.process->uid == 0);
      if (!ours)
        co_return Error(ErrorCode::kUnauthenticated, "not-signed-in",
                        phrase("Sign in first: `mifeng login`, the console, or POST /api/v1/session."));
      call->actor = local_administrator();
      co_return ok();
    }
    auto look = [&]() { return call->platform.people().authenticate(call->bearer, call->remote, use); };
    auto looking = net::run_blocking(work, std::move(look), call->source);
    auto actor = co_await std::move(looking);
    if (!actor) co_return std::move(actor).error();
    call->actor = std::move(*actor);
    call->known();
    co_return ok();
  }

  net::Task<void> read_json(std::shared_ptr<Call> call, BodyKind kind) {
    auto text = co_await net::read_body(*call->raw, kJsonMax);
    if (!text) co_return std::move(text).error();
    if (text->empty() && kind == BodyKind::kOptionalJson) co_return ok();
    const std::string* type = call->headers.find("Content-Type");
    if (type == nullptr || !type->starts_with("application/json"))
      co_return Error(ErrorCode::kInvalidArgument, "not-json",
                      "The body must be JSON, and Content-Type application/json.");
    auto object = json::parse_object(*text, {.bytes = kJsonMax});
    if (!object) co_return std::move(object).error();
    call->body = std::move(*object);
    co_return ok();
  }

  net::Task<net::Response> run(std::shared_ptr<Call> call, const Operation& operation) {
    if (operation.body == BodyKind::kJson || operation.body == BodyKind::kOptionalJson) {
      auto read = co_await read_json(call, operation.body);
      if (!read) co_return std::move(read).error();
    }
    if (const auto* streaming = std::get_if<Streaming>(&operation.run)) {
      auto response = co_await (*streaming)(call);
      co_return response;
    }
    const Blocking blocking_run = std::get<Blocking>(operation.run);
    auto job = [&]() -> Result<Reply> {
      auto done = blocking_run(*call);
      if (done || operation.shown == nullptr || done.error().reason() != "changed-meanwhile") return done;
      return collision(*call, operation, done.error());
    };
    auto running = net::run_blocking(pool_of(operation.pool), std::move(job),
                                     operation.pool == Pool::kVerifications ? verifies_for(*call) : call->source);
    auto answer = co_await std::move(running);
    if (!answer) co_return std::move(answer).error();
    co_return finished(std::move(*answer));
  }

  net::BlockingPool& pool_of(Pool pool) {
    switch (pool) {
      case Pool::kWork: return work;
      case Pool::kSlow: return slow;
      case Pool::kVerifications: return verifications;
      case Pool::kPasswords: return passwords;
    }
    return work;
  }

  net::Task<net::Response> serve(net::Request request, Door door) {
    std::string_view path = request.path();
    path.remove_prefix(kPrefix.size());
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    MIFENG_CO_TRY(auto match, match_operation(Side::kApi, method, path));
    if (match.operation == nullptr && !match.allowed.empty()) {
      const Error wrong(ErrorCode::kInvalidArgument, "method-not-allowed", method + " is not possible here.");
      net::Response response(405, error_body(wrong), "application/json");
      std::string allowed;
      for (const auto name : match.allowed) allowed += (allowed.empty() ? "" : ", ") + std::string(name);
      response.headers.add("Allow", allowed);
      co_return response;
    }
    if (match.operation == nullptr)
      co_return Error(ErrorCode::kNotFound, "no-such-operation",
                      "There is nothing at " + std::string(beginning_of(request.path(), 200)) + ".");
    const Operation& operation = *match.operation;
    auto call = make_call(request);
    call->path = std::move(match.path);
    if (has_access(operation, Access::kLocal) && door != Door::kLocal)
      co_return Error(ErrorCode::kPermissionDenied, "local-only", "This works on mifengd's local socket alone.");
    if (needs_actor(operation) || door == Door::kLocal) {
      auto authenticated = co_await authenticate(call, door, request.peer, operation.use);
      if (!authenticated) co_return std::move(authenticated).error();
      MIFENG_CO_CHECK(check_access(*call, operation));
    }
    MIFENG_CO_CHECK(read_query(*call, operation, request.query()));
    MIFENG_CO_CHECK(read_if_match(*call, operation));
    auto response = co_await run(call, operation);
    if (!response && response.error().code() == ErrorCode::kInternal)
      spdlog::error("{}: {}", operation.id, response.error().message());
    co_return response;
  }

  net::Task<net::Response> serve_unit(net::Request request, const std::string& unit) {
    MIFENG_CO_TRY(auto match, match_operation(Side::kUnit, request.method, request.path()));
    if (match.operation == nullptr)
      co_return Error(ErrorCode::kNotFound, "no-such-operation", "Only /v1/grants and /v1/renewals are here.");
    const Operation& operation = *match.operation;
    if (!request.peer.process) co_return Error(ErrorCode::kPermissionDenied, "refused", "The peer has ended already.");
    const std::string_view query = request.query();
    auto call = make_call(request);
    MIFENG_CO_CHECK(read_query(*call, operation, query));
    call->unit = unit;
    auto response = co_await run(call, operation);
    if (!response) spdlog::warn("{}: {} [{}]", operation.id, response.error().message(), response.error().reason());
    co_return response;
  }

  // What nobody can tell apart, and what costs nothing, comes first: so a stranger learns one answer.
  net::Task<net::Response> serve_guard(net::Request request, DoorPools& pools) {
    const bool grant = request.target == "/v1/grants";
    const auto field = [&](std::string_view name) {
      return request.headers.count(name) == 1 ? *request.headers.find(name) : std::string();
    };
    const bool rehearsal = request.target == "/v1/rehearsals";
    const bool known_target = request.method == "POST" && (grant || rehearsal || request.target == "/v1/renewals");
    const std::string deployment = field("Mifeng-Deployment"), nonce = field("Mifeng-Nonce");
    const std::string address = request.peer.address.substr(0, request.peer.address.rfind(':'));
    auto& grants = platform.grants();
    MIFENG_CO_TRY(auto visit, grants.door().enter(known_target ? field("Mifeng-Door-Tag") : "", deployment, address,
                                                  grant ? grants::Asked::kGrant : grants::Asked::kRenewal));
    if (rehearsal) co_return net::Response(204, "", "");  // that it came in is all that it wants to know
    request.peer.known();
    auto body = co_await net::read_body(*request.body, messages::kMessageSizeMax);
    if (!body) co_return std::move(body).error();
    auto run = [&]() -> Result<Bytes> {
      return grant ? grants.grant(visit, nonce, as_bytes(*body)) : grants.renew(visit, nonce, as_bytes(*body));
    };
    auto answer = co_await net::run_blocking(grant ? pools.grants_of(visit.cluster()) : pools.renewals, std::move(run));
    if (!answer) co_return std::move(answer).error();
    co_return net::Response(200, std::string(as_text(*answer)), "application/vnd.mifeng.sealed");
  }

  static net::Response finish(Result<net::Response> result) {
    net::Response response = result ? std::move(*result) : refuse(result.error());
    if (response.headers.find("Cache-Control") == nullptr) response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    return response;
  }
};

Api::Api(platform::Platform& platform, ApiOptions options, const Clock& clock)
    : impl_(std::make_shared<Impl>(platform, std::move(options), clock)) {}

Api::~Api() = default;

void Api::set_url(std::string url) {
  const std::lock_guard lock(impl_->url_mutex);
  impl_->url = std::move(url);
}

net::Handler Api::handler(Door door, net::Handler fallback) {
  return [impl = impl_, door,
          fallback = std::move(fallback)](net::Request request) -> net::asio::awaitable<net::Response> {
    const std::string_view path = request.path();
    const bool ours = path.starts_with(kPrefix) && (path.size() == kPrefix.size() || path[kPrefix.size()] == '/');
    if (!ours && fallback) co_return co_await fallback(std::move(request));
    if (!ours) co_return Impl::finish(Error(ErrorCode::kNotFound, "no-such-operation", "The API is below /api/v1."));
    auto result = co_await impl->serve(std::move(request), door);
    co_return Impl::finish(std::move(result));
  };
}

net::Handler Api::guard_handler() {
  // shared_ptr: a handler is copied
  return [impl = impl_,
          pools = std::make_shared<DoorPools>()](net::Request request) -> net::asio::awaitable<net::Response> {
    auto result = co_await impl->serve_guard(std::move(request), *pools);
    co_return Impl::finish(std::move(result));
  };
}

net::Handler Api::unit_handler(std::string unit) {
  return [impl = impl_, unit = std::move(unit)](net::Request request) -> net::asio::awaitable<net::Response> {
    auto result = co_await impl->serve_unit(std::move(request), unit);
    co_return Impl::finish(std::move(result));
  };
}

}  // namespace mifeng::rest
