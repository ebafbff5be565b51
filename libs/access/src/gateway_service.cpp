#include "mifeng/access/gateway_service.h"

#include <charconv>
#include <map>

#include "mifeng/access/attempt_limits.h"
#include "mifeng/access/context.h"
#include "mifeng/messages/card.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/people/password.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "snapshot_builder.h"

namespace mifeng::access {
namespace {

constexpr UnixMillis kCodeLifetime = 24LL * 3600 * 1000;
constexpr UnixMillis kHour = 3600 * 1000;
constexpr std::int64_t kTimeMax = (std::int64_t{1} << 53) - 1;

Error refused() {
  return Error(ErrorCode::kPermissionDenied, "refused", "The platform refused the request. Its audit log says why.");
}
Error wrong(const std::string& reason, const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, reason, message);
}

bool ours(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kResourceExhausted ||
         error.code() == ErrorCode::kInternal;
}

Result<std::int64_t> parse_decimal(const std::string& text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0 ||
      value > kTimeMax || (text.size() > 1 && text[0] == '0'))
    return Error(ErrorCode::kInvalidArgument, "bad-number", "A time or serial is a decimal number without sign.");
  return value;
}

Result<std::string> certificate_digest(const std::string& pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";
  const std::size_t begin = pem.find(kBegin), end = pem.find(kEnd);
  std::string base64;
  if (begin != std::string::npos && end != std::string::npos && end > begin)
    for (const char c : pem.substr(begin + kBegin.size(), end - begin - kBegin.size()))
      if (c != '\n' && c != '\r' && c != ' ') base64 += c;
  const auto der = from_base64(base64);
  if (!der || der->empty())
    return Error(ErrorCode::kInvalidArgument, "bad-certificate", "tls_certificate: not a certificate in PEM.");
  return trust::sm3_hex(*der);
}

// Refusals say nothing outside; inside they are written down, within bounds.
Result<void> say_refused(const Context& context, const std::string& gateway_id, const std::string& action,
                         const std::string& address, const Error& error) {
  if (error.reason() == "too-many-requests") context.audit.count_stranger(action, address);
  if (ours(error)) return error;
  // Anybody can think of names: those that nobody has invited are not written down.
  if (error.reason() == "no-such-gateway")
    context.audit.count_stranger(action, address);
  else
    context.audit.append_stranger("gateway " + gateway_id, action, gateway_id, error, address);
  return refused();
}

Error no_such_gateway() { return wrong("no-such-gateway", "There is no gateway of this name that may ask this."); }

// What is looked at before anything is computed or written.
Result<store::GatewayRow> find_gateway(const Context& context, const std::string& gateway_id) {
  MIFENG_TRY(auto row,
             context.db.read([&](store::Transaction& tx) { return store::find<store::GatewayRow>(tx, gateway_id); }));
  if (!row || row->state == GatewayState::kRevoked) return no_such_gateway();
  return std::move(*row);
}

// In the transaction that relies on it: still enrolled, under the key that the request was checked with.
Result<store::GatewayRow> find_again(store::Transaction& tx, const store::GatewayRow& known) {
  MIFENG_TRY(auto row, store::find<store::GatewayRow>(tx, known.id));
  if (!row || row->state != GatewayState::kEnrolled || row->signing_key != known.signing_key) return no_such_gateway();
  return std::move(*row);
}

// That an enrolled gateway has signed it, just now. Nothing is written for who has not: writers wait for each other.
Result<void> check_signed(const Context& context, const store::GatewayRow& known,
                          const messages::FollowRequest& request, const std::string& signature_base64) {
  if (known.state != GatewayState::kEnrolled) return no_such_gateway();
  const UnixMillis now = context.clock.now_ms();
  if (request.time_ms < now - kGatewayClockTolerance || request.time_ms > now + kGatewayClockTolerance)
    return wrong("clock-differs", "The gateway's clock differs from the platform's by more than two minutes.");
  MIFENG_TRY(const auto key, trust::key_from_base64(known.signing_key));
  MIFENG_TRY(const Bytes signature, from_base64(signature_base64));
  return messages::verify_follow(request, signature, key);
}

// What a report says of trouble. Written down when it begins, and when it becomes another.
Result<void> note_trouble(const Context& context, store::Transaction& tx, store::GatewayRow& row,
                          const std::optional<messages::GatewayTrouble>& trouble) {
  const std::string reason = trouble ? trouble->reason : "";
  row.trouble_detail = trouble ? trouble->detail : "";
  if (reason == row.trouble) return ok();
  row.trouble = reason;
  row.trouble_ms = trouble ? context.clock.now_ms() : 0;
  if (!trouble) return ok();
  return context.audit.append(tx, trust::AuditEvent{.actor = "gateway " + row.id,
                                                    .action = "gateway.trouble",
                                                    .subject = row.id,
                                                    .outcome = reason,
                                                    .detail = trouble->detail});
}

void confirm_serial(store::GatewayRow& row, std::int64_t serial) {
  if (serial <= row.serial_confirmed || serial > row.serial) return;
  row.serial_confirmed = serial;
  // An older snapshot than the newest says nothing about the newest's change.
  if (serial == row.serial) row.change_confirmed = row.change_sent;
}

}  // namespace

Result<std::string> GatewayService::create_join_file(const trust::Actor& actor, const std::string& gateway_id,
                                                     const std::string& platform_url,
                                                     const std::string& tls_certificate_pem) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageGateways));
  MIFENG_CHECK(trust::check_label("gateway", gateway_id));
  const std::string code = people::random_code(context_.random, 5);
  messages::JoinFile join{.platform = platform_url,
                          .tls_certificate_sm3 = std::nullopt,
                          .gateway = gateway_id,
                          .code = SecretBytes(as_bytes(code)),
                          .card = context_.keys.card()};
  if (!tls_certificate_pem.empty()) {
    MIFENG_TRY(join.tls_certificate_sm3, certificate_digest(tls_certificate_pem));
  }
  const SecretBytes text = messages::encode_join(join);
  // What we hand out must be what a gateway takes.
  MIFENG_CHECK(messages::decode_join(text.reveal_for_parsing()));
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::GatewayRow>(tx, gateway_id));
    if (row && row->state != GatewayState::kInvited)
      return Error(
          ErrorCode::kConflict, "gateway-exists",
          "The gateway \"" + gateway_id + "\" is " + std::string(to_string(row->state)) + ". Choose another name.");
    const bool is_new = !row;
    if (is_new) {
      row.emplace();
      row->id = gateway_id;
      row->state = GatewayState::kInvited;
      row->created_ms = context_.clock.now_ms();
    }
    row->code_sm3 = trust::sm3_hex(code);
    row->code_expires_ms = context_.clock.now_ms() + kCodeLifetime;
    if (is_new) {
      MIFENG_CHECK(store::insert(tx, *row));
    } else {
      MIFENG_CHECK(store::update(tx, *row));
    }
    return context_.audit.append(tx, actor, "gateway.invite", gateway_id);
  }));
  return std::string(as_text(text.reveal_for_output()));
}

Result<std::vector<Gateway>> GatewayService::list(const trust::Actor& actor) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadGateways));
  MIFENG_TRY(const auto rows,
             context_.db.read([](store::Transaction& tx) { return store::all<store::GatewayRow>(tx); }));
  std::vector<Gateway> gateways;
  for (const auto& row : rows) {
    auto gateway = made_of<Gateway, "receive_key_id", "signing_key_id", "serial_sent", "connected">(row);
    if (!row.receive_key.empty()) {
      MIFENG_TRY(const auto receive_key, trust::key_from_base64(row.receive_key));
      MIFENG_TRY(const auto signing_key, trust::key_from_base64(row.signing_key));
      gateway.receive_key_id = trust::key_id_hex(receive_key);
      gateway.signing_key_id = trust::key_id_hex(signing_key);
    }
    gateway.serial_sent = row.serial;
    gateway.connected = context_.followers.has(row.id);
    gateways.push_back(std::move(gateway));
  }
  return gateways;
}

Result<void> GatewayService::revoke(const trust::Actor& actor, const std::string& gateway_id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageGateways));
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::GatewayRow>(tx, gateway_id));
    if (!row) return trust::not_found("gateway", gateway_id);
    if (row->state == GatewayState::kRevoked) return ok();
    const bool has_keys = row->state == GatewayState::kEnrolled;
    row->state = GatewayState::kRevoked;
    row->code_sm3.clear();
    row->snapshot.clear();
    row->enrolment_answer.clear();
    row->trouble.clear();
    row->trouble_detail.clear();
    row->trouble_ms = 0;
    MIFENG_CHECK(store::update(tx, *row));
    // One that was only invited has seen no key.
    if (!has_keys) return context_.audit.append(tx, actor, "gateway.revoke", gateway_id);
    // It holds the output keys that are in force: what it records from now on must need another one. The others learn
    // the new key with their next snapshot, guards with their next renewal.
    MIFENG_CHECK(context_.keys.make_output(tx, context_.audit, context_.clock.now_ms(), *context_.keys.get()));
    MIFENG_CHECK(store::next_change(tx));
    return context_.audit.append(tx, actor, "gateway.revoke", gateway_id, "output key rotated");
  }));
  MIFENG_CHECK(context_.db.read([&](store::Transaction& tx) { return context_.keys.load(tx); }));
  context_.snapshots_changed.notify();
  return ok();
}

Result<SealedSnapshot> GatewayService::enrol(const std::string& gateway_id, const std::string& nonce, ByteView stream,
                                             const std::string& address) {
  const auto keys = context_.keys.get();
  // By address: whoever knows the gateway's name holds up no one but himself.
  const std::string who = address + " " + gateway_id;
  auto answer = [&]() -> Result<SealedSnapshot> {
    MIFENG_TRY(const auto known, find_gateway(context_, gateway_id));
    const std::string enrolment_sm3 = trust::sm3_hex(stream);
    const auto was_answered = [&](const store::GatewayRow& row) {
      return row.enrolment_sm3 == enrolment_sm3 && !row.enrolment_answer.empty();
    };
    const auto answer_again = [](const store::GatewayRow& row) -> Result<SealedSnapshot> {
      MIFENG_TRY(Bytes again, from_base64(row.enrolment_answer));
      return SealedSnapshot{.serial = row.enrolment_serial, .stream = std::move(again), .expires_ms = row.expires_ms};
    };
    // Its answer was lost: it was proved when it first came, so it is no further attempt.
    if (was_answered(known)) return answer_again(known);
    MIFENG_CHECK(context_.attempts.take(Attempt::kEnrolment, who, context_.clock.now_ms()));
    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    MIFENG_TRY(const auto enrolment, messages::open_enrolment(stream, gateway_id, nonce, *delivery, context_.tools()));
    const auto check_code = [&](const store::GatewayRow& row) -> Result<void> {
      if (row.state != GatewayState::kInvited)
        return wrong("code-used", "The code has been used: the gateway is " + std::string(to_string(row.state)) + ".");
      if (row.code_expires_ms <= context_.clock.now_ms())
        return wrong("code-expired", "The code of its join file has expired.");
      if (!equal_in_constant_time(as_bytes(trust::sm3_hex(enrolment.code.reveal_for_computing())),
                                  as_bytes(row.code_sm3)))
        return wrong("wrong-code", "The code is not the one of its join file.");
      return ok();
    };
    // Before the transaction too: who does not have the code holds up no writer.
    MIFENG_CHECK(check_code(known));
    return context_.db.write([&](store::Transaction& tx) -> Result<SealedSnapshot> {
      MIFENG_TRY(auto row, store::find<store::GatewayRow>(tx, gateway_id));
      if (!row) return no_such_gateway();
      if (was_answered(*row)) return answer_again(*row);
      MIFENG_CHECK(check_code(*row));
      row->state = GatewayState::kEnrolled;
      row->code_sm3.clear();
      row->receive_key = trust::point_base64(enrolment.receive_key);
      row->signing_key = trust::point_base64(enrolment.signing_key);
      row->version = enrolment.version;
      row->enrolment_sm3 = enrolment_sm3;
      row->enrolled_ms = row->last_seen_ms = context_.clock.now_ms();
      MIFENG_CHECK(issue_snapshot(context_, tx, *row, 0));
      row->enrolment_answer = row->snapshot;
      row->enrolment_serial = row->serial;
      MIFENG_CHECK(store::update(tx, *row));
      MIFENG_CHECK(context_.audit.append(
          tx, trust::AuditEvent{.actor = "gateway " + gateway_id,
                                .action = "gateway.enrol",
                                .subject = gateway_id,
                                .detail = "receive key " + trust::key_id_hex(enrolment.receive_key) + ", signing key " +
                                          trust::key_id_hex(enrolment.signing_key)}));
      MIFENG_TRY(Bytes first, from_base64(row->snapshot));
      return SealedSnapshot{.serial = row->serial, .stream = std::move(first), .expires_ms = row->expires_ms};
    });
  }();
  if (!answer) {
    MIFENG_CHECK(say_refused(context_, gateway_id, "gateway.refuse-enrolment", address, answer.error()));
    return refused();
  }
  context_.attempts.forget(Attempt::kEnrolment, who);
  return answer;
}

Result<void> GatewayService::authorize_follow(const std::string& gateway_id, const std::string& nonce,
                                              const std::string& time_ms, const std::string& signature_base64,
                                              const std::string& address) {
  auto done = [&]() -> Result<void> {
    MIFENG_TRY(const auto known, find_gateway(context_, gateway_id));
    MIFENG_TRY(const std::int64_t time, parse_decimal(time_ms));
    const messages::FollowRequest request{.gateway = gateway_id, .nonce = nonce, .time_ms = time};
    MIFENG_CHECK(check_signed(context_, known, request, signature_base64));
    return context_.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(auto row, find_again(tx, known));
      const UnixMillis now = context_.clock.now_ms();
      MIFENG_TRY(const bool fresh, store::take_nonce(tx, request.gateway, request.nonce, request.time_ms,
                                                     now - 2 * kGatewayClockTolerance));
      if (!fresh) return wrong("replayed", "The request was made before.");
      row.last_seen_ms = now;
      // It has its first snapshot, or it could not ask for the next: nobody needs that answer again.
      row.enrolment_answer.clear();
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    });
  }();
  if (done) return done;
  return say_refused(context_, gateway_id, "gateway.refuse-follow", address, done.error());
}

void GatewayService::follow_opened(const std::string& gateway_id) { context_.followers.opened(gateway_id); }

void GatewayService::follow_closed(const std::string& gateway_id) { context_.followers.closed(gateway_id); }

Result<SealedSnapshot> GatewayService::snapshot(const std::string& gateway_id, std::int64_t after) {
  const auto usable = [&](const store::GatewayRow& row, std::int64_t change) {
    return !row.snapshot.empty() && row.change_sent >= change && after <= row.serial &&
           context_.clock.now_ms() < row.issued_ms + (row.expires_ms - row.issued_ms) / 2;
  };
  const auto answer = [&](const store::GatewayRow& row) -> Result<SealedSnapshot> {
    if (row.serial == after) return SealedSnapshot{};
    MIFENG_TRY(Bytes stream, from_base64(row.snapshot));
    return SealedSnapshot{.serial = row.serial, .stream = std::move(stream), .expires_ms = row.expires_ms};
  };
  const auto load = [&](store::Transaction& tx) -> Result<std::pair<store::GatewayRow, std::int64_t>> {
    MIFENG_TRY(auto row, store::find<store::GatewayRow>(tx, gateway_id));
    if (!row || row->state != GatewayState::kEnrolled) return refused();
    MIFENG_TRY(const std::int64_t change, store::current_change(tx));
    return std::pair(std::move(*row), change);
  };
  // Mostly nothing has changed: then no write is needed.
  MIFENG_TRY(const auto seen, context_.db.read(load));
  if (usable(seen.first, seen.second)) return answer(seen.first);
  return context_.db.write([&](store::Transaction& tx) -> Result<SealedSnapshot> {
    MIFENG_TRY(auto now_seen, load(tx));
    if (!usable(now_seen.first, now_seen.second)) MIFENG_CHECK(issue_snapshot(context_, tx, now_seen.first, after));
    return answer(now_seen.first);
  });
}

std::shared_ptr<void> GatewayService::subscribe(std::function<void()> changed) {
  return context_.snapshots_changed.subscribe(std::move(changed));
}

Result<void> GatewayService::report(const std::string& gateway_id, const std::string& serial, ByteView stream,
                                    const std::string& address) {
  auto done = [&]() -> Result<void> {
    MIFENG_TRY(const auto known, find_gateway(context_, gateway_id));
    if (known.state != GatewayState::kEnrolled) return no_such_gateway();
    MIFENG_TRY(const std::int64_t number, parse_decimal(serial));
    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto keys = context_.keys.get();
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    MIFENG_TRY(const auto gateway_key, trust::key_from_base64(known.signing_key));
    MIFENG_TRY(const auto report, messages::open_report(stream, gateway_id, static_cast<std::uint64_t>(number),
                                                        *delivery, gateway_key, context_.tools()));
    return context_.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(auto row, find_again(tx, known));
      const auto counter = static_cast<std::int64_t>(report.counter);
      if (counter == 0 && !report.rows.empty()) return wrong("bad-message", "A confirmation has no rows.");
      if (counter != 0 && counter == row.report_counter) return ok();  // its answer was lost
      if (counter != 0 && counter < row.report_counter) return wrong("replayed", "Its counter does not rise.");
      if (counter != 0) {
        row.report_counter = counter;
        MIFENG_CHECK(note_trouble(context_, tx, row, report.trouble));
      }
      row.last_seen_ms = context_.clock.now_ms();
      // Never takes an earlier one back, so one that is repeated does nothing.
      confirm_serial(row, number);
      MIFENG_CHECK(store::update(tx, row));
      for (const auto& entry : report.rows) {
        store::UsageRow usage;
        usage.deployment_id = entry.deployment;
        usage.hour_ms = report.from_ms - report.from_ms % kHour;
        usage.calls = static_cast<std::int64_t>(entry.calls);
        usage.errors = static_cast<std::int64_t>(entry.errors);
        for (const auto& [failure, count] : entry.refusals) {
          usage.refusals += static_cast<std::int64_t>(count);
          MIFENG_CHECK(context_.audit.append(
              tx,
              trust::AuditEvent{.actor = "gateway " + gateway_id,
                                .action = "answer.refuse",
                                .subject = entry.instance.empty() ? entry.deployment
                                                                  : entry.deployment + ", instance " + entry.instance,
                                .outcome = failure,
                                .detail = std::to_string(count) + " times"}));
        }
        if (!usage.deployment_id.empty()) MIFENG_CHECK(store::add_usage(tx, usage));
      }
      return ok();
    });
  }();
  if (done) return done;
  return say_refused(context_, gateway_id, "gateway.refuse-report", address, done.error());
}

Result<std::vector<Usage>> GatewayService::usage(const trust::Actor& actor, UnixMillis from_ms, UnixMillis to_ms) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  MIFENG_TRY(const auto rows,
             context_.db.read([&](store::Transaction& tx) { return store::usage_between(tx, from_ms, to_ms); }));
  std::vector<Usage> usage;
  for (const auto& row : rows) usage.push_back(made_of<Usage>(row));
  return usage;
}

Result<std::vector<UsageStep>> GatewayService::usage_series(const trust::Actor& actor, const SeriesQuery& query) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  // The first step that begins at `from` or after it.
  const std::int64_t shift = query.step_ms == kUsageDayMs ? query.day_begins_ms : 0;
  const std::int64_t since = query.from_ms - shift;
  const std::int64_t first = shift + (since + query.step_ms - 1) / query.step_ms * query.step_ms;
  const std::int64_t count = std::max<std::int64_t>(0, (query.to_ms - first + query.step_ms - 1) / query.step_ms);
  if (count > kUsageStepsMax)
    return Error(ErrorCode::kInvalidArgument, "too-many-steps",
                 "These are " + std::to_string(count) + " steps, and at most " + std::to_string(kUsageStepsMax) +
                     " are answered: ask for days instead of hours, or for less.");
  std::vector<UsageStep> steps(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) steps[static_cast<std::size_t>(i)].from_ms = first + i * query.step_ms;
  const store::UsageFilter filter{
      .deployment_id = query.deployment_id, .vendor_id = query.vendor_id, .model = query.model};
  MIFENG_TRY(const auto rows, context_.db.read([&](store::Transaction& tx) {
    return store::usage_by_hour(tx, filter, first, first + count * query.step_ms);
  }));
  for (const auto& row : rows) {
    UsageStep& step = steps[static_cast<std::size_t>((row.hour_ms - first) / query.step_ms)];
    step.calls += row.calls;
    step.errors += row.errors;
    step.refusals += row.refusals;
  }
  return steps;
}

}  // namespace mifeng::access
