#include "mifeng/trials/trial_service.h"

#include "mifeng/access/trial_caller.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/router.h"
#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/text.h"
#include "trial_checks.h"
#include "trial_exchange.h"
#include "trial_goal.h"
#include "trial_opening.h"

namespace mifeng::trials {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{3000};  // a gateway's
constexpr std::size_t kDialsMax = 3;
constexpr std::size_t kFieldShownMax = 1024;

const std::string& subject_of(const TrialRequest& request) {
  return request.route_id.empty() ? request.deployment_id : request.route_id;
}

// Into the log before anything is sent, so that no trial goes without an entry. Of the request its size alone: what is
// in it is the model's and its callers'. A gateway makes the request's id itself, later.
Result<void> note_begin(const access::Context& context, store::Transaction& tx, const trust::Actor& actor,
                        const TrialRequest& request, const std::string& request_id) {
  const std::string detail =
      request.way == TrialWay::kGateway
          ? phrase("{} with {} bytes through the gateway", request.method, request.body.size())
          : phrase("{} with {} bytes to a unit, request {}", request.method, request.body.size(), request_id);
  return context.audit.append(tx, actor, "trial.send", subject_of(request), detail);
}

net::ClientRequest request_of(const TrialRequest& request, const std::string& target) {
  net::ClientRequest made(request.method, target);
  for (const auto& [name, value] : request.headers) made.headers.add(name, value);
  made.body = request.body;
  return made;
}

// Where a unit is dialled. Only numbers, out of our own tables: nothing is resolved.
Result<Dial> dial_of(const Address& address, std::chrono::seconds patience) {
  MIFENG_TRY(const auto endpoint, proxy::parse_endpoint(address.text));
  const std::size_t colon = endpoint.name.rfind(':');
  std::string host = endpoint.name.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  Dial dial{.name = address.text, .options = {}};
  dial.options.endpoint =
      net::TcpEndpoint{std::move(host), static_cast<std::uint16_t>(std::stoi(endpoint.name.substr(colon + 1)))};
  dial.options.connect_timeout = kConnectTimeout;
  dial.options.idle_timeout = patience;
  return dial;
}

TrialTimes times_of(const Exchange& answer) {
  return {.connected_us = answer.connected.count(),
          .first_byte_us = answer.first_byte.count(),
          .whole_us = answer.whole.count(),
          .opening_us = 0};
}

// The classes that an answer is refused with, as opposed to what went wrong here.
bool is_refusal(const Error& error) {
  return error.code() == ErrorCode::kVerificationFailed || error.code() == ErrorCode::kInvalidArgument;
}

// What the gateway sent is opened already. Its fields are those that it passes on.
Trial opened_by_gateway(const TrialRequest& request, const Goal& goal, const std::string& address,
                        const Exchange& answer) {
  Trial trial;
  trial.way = TrialWay::kGateway;
  trial.route_id = request.route_id;
  trial.deployment_id = goal.deployment_id;
  trial.address = address;
  trial.times = times_of(answer);
  const auto text_of = [&](std::string_view name) {
    const std::string* value = answer.headers.find(name);
    return value == nullptr ? std::string() : trust::clean_text(*value, kFieldShownMax);
  };
  for (const auto& [name, value] : answer.headers)
    trial.fields.push_back({.name = trust::clean_text(name, bounds::kTrialHeaderNameMax),
                            .value = trust::clean_text(value, kFieldShownMax)});
  trial.opened = TrialOpened{.status = answer.status,
                             .content_type = text_of("Content-Type"),
                             .content_encoding = text_of("Content-Encoding"),
                             .size = static_cast<std::int64_t>(answer.body.size()),
                             .body_base64 = to_base64(as_bytes(answer.body))};
  return trial;
}

// One trial under way. Lives in its coroutine's frame.
class Run {
 public:
  Run(const access::Context& context, const TrialOptions& options, trust::Actor actor, TrialRequest request)
      : context_(context), options_(options), actor_(std::move(actor)), request_(std::move(request)) {}

  // Looks up where it goes and writes the entry. Blocks.
  Result<void> begin() {
    MIFENG_CHECK(trust::require(actor_, trust::Permission::kTryModels));
    MIFENG_CHECK(check_request(request_));
    if (request_.way == TrialWay::kGateway && options_.gateway_url.empty())
      return Error(ErrorCode::kUnavailable, "no-gateway-address",
                   phrase("The platform was not told where its gateway is. Start mifengd with --gateway-url."));
    if (way() == TrialWay::kUnit) request_id_ = context_.random.hex(16);
    MIFENG_TRY(goal_, context_.db.write([&](store::Transaction& tx) -> Result<Goal> {
      MIFENG_TRY(Goal goal, find_goal(context_, tx, request_));
      MIFENG_CHECK(note_begin(context_, tx, actor_, request_, request_id_));
      return goal;
    }));
    return ok();
  }

  // Makes the gateways know who calls. Blocks, and may wait for them.
  Result<void> be_let_in() {
    if (request_.way != TrialWay::kGateway || goal_.route->open) return ok();
    MIFENG_TRY(key_, context_.trial_caller.admit(context_, request_.route_id));
    return ok();
  }

  net::Task<Trial> through_gateway() {
    MIFENG_CO_TRY(auto where, net::parse_url(options_.gateway_url));
    if (where.options.tls) where.options.tls->ca_file = options_.gateway_ca;
    where.options.connect_timeout = kConnectTimeout;
    where.options.idle_timeout = request_.patience;
    net::ClientRequest request = request_of(request_, where.base_path + goal_.target);
    if (!key_.empty()) request.headers.add("Authorization", "Bearer " + std::string(as_text(key_.reveal_for_output())));
    std::vector<Dial> dials;
    dials.push_back({.name = options_.gateway_url, .options = where.options});
    auto asking = exchange(std::move(dials), std::move(request), request_.patience, context_.clock, "gateway-away");
    auto answer = co_await std::move(asking);
    if (!answer) co_return std::move(answer).error();
    co_return opened_by_gateway(request_, goal_, options_.gateway_url, *answer);
  }

  net::Task<Exchange> to_unit() {
    std::vector<Dial> dials;
    for (const Address& address : goal_.addresses) {
      if (dials.size() == kDialsMax) break;
      MIFENG_CO_TRY(auto dial, dial_of(address, request_.patience));
      dials.push_back(std::move(dial));
    }
    net::ClientRequest request = request_of(request_, goal_.target);
    request.headers.add("Mifeng-Request-Id", request_id_);
    if (!goal_.binds_body) request.headers.add("Mifeng-Request-Body", std::string(sealed::kUnboundBody));
    auto asking = exchange(std::move(dials), std::move(request), request_.patience, context_.clock, "unit-away");
    auto answer = co_await std::move(asking);
    co_return answer;
  }

  // Blocks for as long as opening a MiB takes.
  Result<Trial> open(const Exchange& answer) {
    Trial trial;
    trial.way = TrialWay::kUnit;
    trial.route_id = request_.route_id;
    trial.deployment_id = goal_.deployment_id;
    trial.unit = goal_.addresses[answer.dialled].unit;
    trial.address = goal_.addresses[answer.dialled].text;
    trial.times = times_of(answer);
    trial.context = TrialContext{.request_id = request_id_,
                                 .status = answer.status,
                                 .content_type = {},
                                 .content_encoding = {},
                                 .method = request_.method,
                                 .target = goal_.target,
                                 .body_digest = goal_.binds_body ? sealed::body_digest(as_bytes(request_.body))
                                                                 : std::string(sealed::kUnboundBody)};
    const auto began = context_.clock.steady_now();
    const auto opened = open_answer(goal_, answer, context_.provider, trial);
    trial.times.opening_us =
        std::chrono::duration_cast<std::chrono::microseconds>(context_.clock.steady_now() - began).count();
    if (opened) return trial;
    if (!is_refusal(opened.error())) return opened.error();
    trial.refusal = TrialRefusal{.reason = opened.error().reason(), .message = opened.error().message()};
    context_.audit.append_refusal(actor_.name, "trial.refuse", subject_of(request_), opened.error());
    return trial;
  }

  TrialWay way() const { return request_.way; }

 private:
  const access::Context& context_;
  const TrialOptions& options_;
  const trust::Actor actor_;
  const TrialRequest request_;
  Goal goal_;
  SecretBytes key_;
  std::string request_id_;
};

}  // namespace

TrialSlots::Slot::~Slot() {
  const std::lock_guard lock(slots_.mutex_);
  --slots_.all_;
  const auto found = slots_.by_person_.find(person_);
  if (--found->second == 0) slots_.by_person_.erase(found);
}

Result<std::unique_ptr<TrialSlots::Slot>> TrialSlots::take(const std::string& person) {
  const std::lock_guard lock(mutex_);
  const auto found = by_person_.find(person);
  if (all_ >= kTrialsAtOnce || (found != by_person_.end() && found->second >= kTrialsOfOnePersonAtOnce))
    return Error(ErrorCode::kResourceExhausted, "too-many-trials",
                 phrase("At most {} trials run at once, and {} of one person. Wait until one has ended.", kTrialsAtOnce,
                        kTrialsOfOnePersonAtOnce));
  ++all_;
  ++by_person_[person];
  return std::make_unique<Slot>(*this, person);
}

net::Task<Trial> TrialService::run(trust::Actor actor, TrialRequest request, net::BlockingPool& work,
                                   net::BlockingPool& slow) {
  MIFENG_CO_CHECK(trust::require(actor, trust::Permission::kTryModels));
  MIFENG_CO_TRY(const auto slot, slots_.take(actor.id));
  Run trial(context_, options_, std::move(actor), std::move(request));
  auto begin = [&]() { return trial.begin(); };
  auto begun = co_await net::run_blocking(work, std::move(begin));
  if (!begun) co_return std::move(begun).error();
  if (trial.way() == TrialWay::kGateway) {
    auto enter = [&]() { return trial.be_let_in(); };
    auto let_in = co_await net::run_blocking(slow, std::move(enter));
    if (!let_in) co_return std::move(let_in).error();
    auto calling = trial.through_gateway();
    auto called = co_await std::move(calling);
    co_return called;
  }
  auto calling = trial.to_unit();
  auto answer = co_await std::move(calling);
  if (!answer) co_return std::move(answer).error();
  auto open = [&]() { return trial.open(*answer); };
  auto opened = co_await net::run_blocking(work, std::move(open));
  co_return opened;
}

}  // namespace mifeng::trials
