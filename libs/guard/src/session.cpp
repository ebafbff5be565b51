#include "mifeng/guard/session.h"

#include <algorithm>

namespace mifeng::guard {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryMin{500};
constexpr milliseconds kRetryMax{15'000};
constexpr milliseconds kUnlistedInterval{1000};
// A platform that says "unknown" again and again must not be asked for a grant more often: it allows 5 in 10 minutes.
constexpr milliseconds kRegrantPause{120'000};
constexpr std::size_t kEventClassesMax = 64;  // of one renewal, spec/grant.md

milliseconds retry_delay(int failures) {
  return std::min(kRetryMax, kRetryMin * (1 << std::clamp(failures - 1, 0, 10)));
}

}  // namespace

GrantSession::GrantSession(SessionOptions options, const Clock& clock, const messages::SealingTools& tools)
    : options_(std::move(options)), clock_(clock), tools_(tools) {}

bool GrantSession::needs_token() const {
  if (!options_.proves_by_token) return false;
  if (pending_) return !sent_token_.empty();
  return wants_grant_ || start_word_ == StartWord::kAsked;
}

Result<std::optional<SecretBytes>> GrantSession::token_for_message() {
  sent_token_ = SecretBytes();
  if (!needs_token()) return std::optional<SecretBytes>();
  if (token_.empty())
    return Error(ErrorCode::kUnavailable, "no-token", "there is no token to prove with which unit this is");
  sent_token_ = token_.clone();
  return std::optional<SecretBytes>(token_.clone());
}

Result<GrantSession::Exchange> GrantSession::next() {
  // What it carries may have run out, so nobody would believe it any more.
  if (pending_ && !sent_token_.empty() &&
      !equal_in_constant_time(sent_token_.reveal_for_computing(), token_.reveal_for_computing()))
    pending_.reset();
  if (!pending_) {
    if (wants_grant_) {
      MIFENG_TRY(pending_, make_request());
    } else {
      MIFENG_TRY(pending_, make_renewal());
    }
  }
  if (!sent_token_.empty()) pending_->printed = messages::request_line(pending_->body);
  return *pending_;
}

Result<GrantSession::Exchange> GrantSession::make_request() {
  MIFENG_TRY(auto receive, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(auto sign, crypto::Sm2PrivateKey::generate());
  const std::string nonce = tools_.random.hex(16);
  MIFENG_TRY(auto token, token_for_message());
  MIFENG_TRY(Bytes body, messages::seal_grant_request({.deployment = options_.deployment,
                                                       .unit = options_.instance,
                                                       .pod_uid = options_.pod_uid,
                                                       .token = std::move(token),
                                                       .nonce = nonce,
                                                       .receive_key = receive.public_key(),
                                                       .signing_key = sign.public_key(),
                                                       .payload_header_sm3 = options_.payload_header_sm3,
                                                       .guard_version = options_.guard_version},
                                                      options_.delivery_key, sign, tools_));
  keys_.emplace(Keys{.receive = std::move(receive), .sign = std::move(sign)});
  return Exchange{
      .path = "/v1/grants", .nonce = nonce, .body = std::move(body), .what = "the grant request", .printed = {}};
}

Result<GrantSession::Exchange> GrantSession::make_renewal() {
  const std::string nonce = tools_.random.hex(16);
  messages::Renewal renewal{.deployment = options_.deployment,
                            .instance_id = grant_->instance_id,
                            .counter = counter_ + 1,
                            .receive_key = keys_->receive.public_key(),
                            .events = {},
                            .calls = calls_};
  start_sent_ = start_word_ == StartWord::kAsked;
  if (start_sent_) renewal.start = start_number_;
  MIFENG_TRY(renewal.token, token_for_message());
  for (const auto& [event_class, count] : events_) renewal.events.push_back({event_class, count});
  MIFENG_TRY(Bytes body, messages::seal_renewal(renewal, nonce, options_.delivery_key, keys_->sign, tools_));
  ++counter_;
  calls_sent_ = calls_;
  events_sent_ = events_;
  return Exchange{
      .path = "/v1/renewals", .nonce = nonce, .body = std::move(body), .what = "the renewal", .printed = {}};
}

GrantSession::Step GrantSession::handle(const Result<Bytes>& answer) {
  if (!answer) {
    count_event(wants_grant_ ? "grant-unanswered" : "renewal-unanswered");
    return fail(answer.error());
  }
  return wants_grant_ ? handle_grant(*answer) : handle_renewed(*answer);
}

GrantSession::Step GrantSession::handle_grant(ByteView body) {
  auto grant =
      messages::open_grant(body, options_.deployment, pending_->nonce, keys_->receive, options_.identity_key, tools_);
  if (!grant) {
    count_event("grant-refused");
    return fail(grant.error());
  }
  // One that comes anew is for the model that runs.
  if (grant_ && (grant->vendor != grant_->vendor || grant->model != grant_->model ||
                 grant->version != grant_->version || grant->vendor_key != grant_->vendor_key)) {
    return fail(Error(ErrorCode::kVerificationFailed, "grant-for-another-model",
                      "the platform granted the key of another model than the one that runs here"));
  }
  pending_.reset();
  wants_grant_ = false;
  failures_ = 0;
  last_error_.clear();
  listed_ = grant->listed;
  renew_ms_ = std::max<std::int64_t>(grant->renew_ms, kUnlistedInterval.count());
  granted_at_ = clock_.steady_now();
  output_key_ = grant->output_key;
  granted_signing_key_ = keys_->sign.clone();
  grant_ = std::move(*grant);
  counter_ = 0;
  return Step::kGranted;
}

GrantSession::Step GrantSession::handle_renewed(ByteView body) {
  auto renewed =
      messages::open_renewed(body, options_.deployment, pending_->nonce, keys_->receive, options_.identity_key, tools_);
  if (!renewed) {
    count_event("renewal-refused");
    return fail(renewed.error());
  }
  pending_.reset();
  failures_ = 0;
  last_error_.clear();
  if (renewed->status == messages::RenewedStatus::kRevoked) return Step::kRevoked;
  if (renewed->status == messages::RenewedStatus::kUnknown) {
    const auto now = clock_.steady_now();
    regrant_pause_ = unknown_at_ && now - *unknown_at_ < kRegrantPause ? kRegrantPause : milliseconds(0);
    unknown_at_ = now;
    wants_grant_ = true;
    return Step::kNothing;
  }
  calls_ -= calls_sent_;
  for (const auto& [event_class, count] : events_sent_) {
    const auto at = events_.find(event_class);
    at->second -= count;
    if (at->second == 0) events_.erase(at);
  }
  if (start_sent_) {
    start_sent_ = false;
    start_word_ = renewed->terms->start == start_number_ ? StartWord::kAllowed : StartWord::kRefused;
  }
  listed_ = renewed->terms->listed;
  renew_ms_ = std::max<std::int64_t>(renewed->terms->renew_ms, kUnlistedInterval.count());
  if (renewed->terms->output_key == *output_key_) return Step::kNothing;
  output_key_ = renewed->terms->output_key;
  return Step::kNewKey;
}

GrantSession::Step GrantSession::fail(const Error& error) {
  ++failures_;
  last_error_ = error.message() + ". " + advice(error);
  return Step::kNothing;
}

std::string GrantSession::advice(const Error& error) const {
  if (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout)
    return "Asking again; if this lasts, see that mifengd runs and that this container reaches it";
  if (error.reason() == "platform-refused")
    return "Asking again; the platform's audit log names the reason (mifeng audit list)";
  if (error.reason() == "grant-for-another-model") return "Delete the deployment and deploy the version that you want";
  if (error.code() == ErrorCode::kVerificationFailed)
    return "Whoever answered is not the platform that deployed this unit (identity key " +
           options_.identity_key.fingerprint() +
           "); compare that with the platform's card, and see who answers at MIFENG_PLATFORM";
  return "Asking again";
}

std::chrono::milliseconds GrantSession::delay() const {
  // Where leases are short, so that one lost answer does not end this instance: a fifth of the lease is what is told.
  if (failures_ > 0) return grant_ ? std::min(retry_delay(failures_), milliseconds(renew_ms_)) : retry_delay(failures_);
  if (wants_grant_) return pending_ ? kRetryMin : regrant_pause_;
  if (start_word_ == StartWord::kAsked) return milliseconds(0);
  return listed_ ? milliseconds(renew_ms_) : kUnlistedInterval;
}

bool GrantSession::listed() const {
  if (!grant_) return false;
  if (listed_) return true;
  const auto since = std::chrono::duration_cast<milliseconds>(clock_.steady_now() - granted_at_).count();
  return grant_->platform_time_ms + since >= grant_->gateways_confirm_by_ms;
}

void GrantSession::ask_start(std::uint32_t number) {
  start_number_ = number;
  start_word_ = StartWord::kAsked;
}

void GrantSession::forget_root_key() {
  if (grant_) grant_->payload_root_key = Secret<16>();
}

void GrantSession::count_event(const std::string& event_class, std::uint64_t count) {
  if (events_.size() >= kEventClassesMax && !events_.contains(event_class)) return;
  events_[event_class] += count;
}

}  // namespace mifeng::guard
