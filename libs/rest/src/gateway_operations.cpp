// What gateways and guards ask (spec/grant.md): bodies are sealed streams, nobody signs in.
#include "json_of.h"
#include "mifeng/messages/gateway.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

using namespace std::chrono_literals;
using net::Task;

constexpr char kSealed[] = "application/vnd.mifeng.sealed";
constexpr auto kHeartbeat = 2000ms;
constexpr auto kSnapshotsApart = 500ms;

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto gateways, call.platform.gateways().list(call.actor));
  return reply(json::Object{{"items", json_list(gateways)}});
}

Result<Reply> invite(Call& call) {
  json::Fields body(call.body);
  const auto id = body.string("id", {1, 63});
  const auto url = body.optional_string("platform_url", {1, 500})
                       .value_or(call.options.public_url.empty() ? call.url : call.options.public_url);
  MIFENG_CHECK(body.finish());
  // A gateway of this machine may be sent to the listener without TLS.
  const std::string certificate = url.starts_with("https://") ? call.options.tls_certificate_pem : "";
  MIFENG_TRY(auto file, call.platform.gateways().create_join_file(call.actor, id, url, certificate));
  Reply answer = reply_text(std::move(file), "application/json");
  answer.status = 201;
  return answer;
}

Result<Reply> revoke(Call& call) {
  MIFENG_CHECK(call.platform.gateways().revoke(call.actor, call.path.at("gateway")));
  return no_content();
}

net::Response sealed_answer(const Bytes& stream) { return net::Response(200, std::string(as_text(stream)), kSealed); }

Task<net::Response> enrol(std::shared_ptr<Call> call) {
  MIFENG_CO_TRY(const auto nonce, call->header("Mifeng-Nonce", 32));
  auto body = co_await net::read_body(*call->raw, messages::kMessageSizeMax);
  if (!body) co_return std::move(body).error();
  auto run = [&]() -> Result<access::SealedSnapshot> {
    return call->platform.gateways().enrol(call->path.at("gateway"), nonce, as_bytes(*body), call->source);
  };
  auto running = net::run_blocking(call->gateways, std::move(run), call->source);
  auto snapshot = co_await std::move(running);
  if (!snapshot) co_return std::move(snapshot).error();
  call->known();
  net::Response response = sealed_answer(snapshot->stream);
  response.headers.add("Mifeng-Serial", std::to_string(snapshot->serial));
  co_return response;
}

// Counts the connection for as long as it lives.
class Following {
 public:
  Following(access::GatewayService& service, std::string gateway) : service_(service), gateway_(std::move(gateway)) {
    service_.follow_opened(gateway_);
  }
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;
  ~Following() { service_.follow_closed(gateway_); }

 private:
  access::GatewayService& service_;
  std::string gateway_;
};

Task<void> send_snapshots(std::shared_ptr<Call> call, std::int64_t after, net::BodySink& sink) {
  auto& service = call->platform.gateways();
  const std::string gateway = call->path.at("gateway");
  const Following following(service, gateway);
  auto changed = std::make_shared<net::Notifier>();  // shared with the subscription, which calls from any thread
  const auto subscription = service.subscribe([changed] { changed->notify(); });
  for (;;) {
    const std::uint64_t seen = changed->count();
    auto look = [&]() -> Result<access::SealedSnapshot> { return service.snapshot(gateway, after); };
    auto snapshot = co_await net::run_blocking(call->work, std::move(look));
    const bool later =
        !snapshot && (snapshot.error().reason() == "busy" || snapshot.error().reason() == "too-many-requests");
    if (!snapshot && !later) co_return std::move(snapshot).error();
    const bool has_news = snapshot && snapshot->serial > 0;
    if (has_news) after = snapshot->serial;
    // Without news an empty frame says that we are still here.
    Bytes bytes;
    messages::append_snapshot_frame(bytes, static_cast<std::uint64_t>(after),
                                    has_news ? ByteView(snapshot->stream) : ByteView());
    auto written = co_await sink.write(bytes);
    if (!written) co_return std::move(written).error();
    // However often something changes, no more than this.
    co_await net::sleep_for(kSnapshotsApart);
    co_await changed->wait(seen, kHeartbeat - kSnapshotsApart);
  }
}

Task<net::Response> follow(std::shared_ptr<Call> call) {
  MIFENG_CO_TRY(const auto after, call->integer("after", 0, INT64_MAX, 0));
  MIFENG_CO_TRY(const auto nonce, call->header("Mifeng-Nonce", 32));
  MIFENG_CO_TRY(const auto time, call->header("Mifeng-Time", 16));
  MIFENG_CO_TRY(const auto signature, call->header("Mifeng-Signature", 200));
  auto authorize = [&]() -> Result<void> {
    return call->platform.gateways().authorize_follow(call->path.at("gateway"), nonce, time, signature, call->source);
  };
  auto authorizing = net::run_blocking(call->gateways, std::move(authorize), call->source);
  auto authorized = co_await std::move(authorizing);
  if (!authorized) co_return std::move(authorized).error();
  call->known();
  net::Response response(200, {}, "application/vnd.mifeng.snapshots");
  response.body = net::BodyWriter([call, after](net::BodySink& sink) { return send_snapshots(call, after, sink); });
  co_return response;
}

// A confirmation is a report without rows.
Task<net::Response> report(std::shared_ptr<Call> call) {
  MIFENG_CO_TRY(const auto serial, call->header("Mifeng-Serial", 16));
  auto body = co_await net::read_body(*call->raw, messages::kMessageSizeMax);
  if (!body) co_return std::move(body).error();
  auto run = [&]() -> Result<void> {
    return call->platform.gateways().report(call->path.at("gateway"), serial, as_bytes(*body), call->source);
  };
  auto running = net::run_blocking(call->gateways, std::move(run), call->source);
  auto reported = co_await std::move(running);
  if (!reported) co_return std::move(reported).error();
  call->known();
  co_return net::Response(204);
}

Result<Reply> usage(Call& call) {
  constexpr std::int64_t kLatest = std::int64_t{1} << 53;
  MIFENG_TRY(const auto from, call.integer("from_ms", 0, kLatest, 0));
  MIFENG_TRY(auto to, call.integer("to_ms", 0, kLatest, 0));
  if (to == 0) to = call.clock.now_ms() + 1;
  MIFENG_TRY(const auto rows, call.platform.gateways().usage(call.actor, from, to));
  return reply(json::Object{{"items", json_list(rows)}});
}

Result<Reply> usage_series(Call& call) {
  constexpr std::int64_t kLatest = std::int64_t{1} << 53;
  access::SeriesQuery query;
  const std::string step = call.text("step");
  if (step != "hour" && step != "day") return Error(ErrorCode::kInvalidArgument, "bad-query", "step: hour or day.");
  query.step_ms = step == "day" ? access::kUsageDayMs : access::kUsageHourMs;
  MIFENG_TRY(query.from_ms, call.integer("from_ms", 0, kLatest, std::nullopt));
  MIFENG_TRY(query.to_ms, call.integer("to_ms", 0, kLatest, 0));
  if (query.to_ms == 0) query.to_ms = call.clock.now_ms() + 1;
  MIFENG_TRY(const auto hours, call.integer("day_begins", 0, 23, 0));
  query.day_begins_ms = hours * access::kUsageHourMs;
  query.deployment_id = call.text("deployment");
  query.vendor_id = call.text("vendor");
  query.model = call.text("model");
  if (query.vendor_id.empty() != query.model.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-query", "vendor and model: both, or neither.");
  MIFENG_TRY(const auto steps, call.platform.gateways().usage_series(call.actor, query));
  return reply(json::Object{{"items", json_list(steps)}});
}

// On a unit's socket. Who asks is proved by the service, after the body has come, so that a peer which dies while it
// sends proves nothing.
using grants::Asked;
Task<net::Response> ask(std::shared_ptr<Call> call, Asked what) {
  MIFENG_CO_TRY(const auto deployment, call->header("Mifeng-Deployment", 128));
  MIFENG_CO_TRY(const auto nonce, call->header("Mifeng-Nonce", 32));
  auto body = co_await net::read_body(*call->raw, messages::kMessageSizeMax);
  if (!body) co_return std::move(body).error();
  auto run = [&]() -> Result<Bytes> {
    const grants::SocketPeer peer{.cluster = clusters::kLocalCluster,
                                  .unit = call->unit,
                                  .pid = call->process->pid,
                                  .pidfd = call->process->pidfd->get()};
    auto& grants = call->platform.grants();
    return what == Asked::kGrant ? grants.grant(peer, deployment, nonce, as_bytes(*body))
                                 : grants.renew(peer, deployment, nonce, as_bytes(*body));
  };
  auto answer = co_await net::run_blocking(call->proofs, std::move(run));
  if (!answer) co_return std::move(answer).error();
  co_return sealed_answer(*answer);
}
Task<net::Response> grant(std::shared_ptr<Call> call) {
  auto answer = co_await ask(std::move(call), Asked::kGrant);
  co_return answer;
}
Task<net::Response> renew(std::shared_ptr<Call> call) {
  auto answer = co_await ask(std::move(call), Asked::kRenewal);
  co_return answer;
}

constexpr Operation kOperations[] = {
    {"listGateways", "GET", "/gateways", Permission::kReadGateways, list},
    {"inviteGateway", "POST", "/gateways", Permission::kManageGateways, invite, BodyKind::kJson},
    {"revokeGateway", "DELETE", "/gateways/{gateway}", Permission::kManageGateways, revoke},
    {"enrolGateway", "POST", "/gateways/{gateway}/enrolment", Access::kGateway, enrol, BodyKind::kRaw},
    {"followSnapshots", "GET", "/gateways/{gateway}/snapshots", Access::kGateway, follow, BodyKind::kNone, "after"},
    {"confirmSnapshot", "POST", "/gateways/{gateway}/confirmations", Access::kGateway, report, BodyKind::kRaw},
    {"reportGateway", "POST", "/gateways/{gateway}/reports", Access::kGateway, report, BodyKind::kRaw},
    {"getUsage", "GET", "/usage", Permission::kReadDeployments, usage, BodyKind::kNone, "from_ms to_ms"},
    {"getUsageSeries", "GET", "/usage/series", Permission::kReadDeployments, usage_series, BodyKind::kNone,
     "step from_ms to_ms day_begins deployment vendor model"},
    {"requestGrant", "POST", "/v1/grants", Access::kUnit, grant, BodyKind::kRaw},
    {"renewGrant", "POST", "/v1/renewals", Access::kUnit, renew, BodyKind::kRaw},
};

}  // namespace

std::span<const Operation> gateway_operations() { return kOperations; }

}  // namespace mifeng::rest
