// Gateways: join files, enrolment, snapshots, confirmations, reports. spec/grant.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"
#include "mifeng/store/gateways.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::access {

struct Context;

using store::GatewayState;

MIFENG_LISTED(Gateway,
              text(id),  // DNS label
              word(GatewayState, state), text(receive_key_id), text(signing_key_id), text(version), number(created_ms),
              number(enrolled_ms), number(last_seen_ms), number(serial_sent), number(serial_confirmed),
              flag(connected),  // a follow connection is open, as told by follow_opened/closed
              // Why it does not serve all that its newest snapshot says (spec/grant.md, report), and since when.
              text(trouble), text(trouble_detail), number(trouble_ms));
struct SealedSnapshot {
  std::int64_t serial = 0;
  Bytes stream;  // kind grant, sealed to the gateway
  UnixMillis expires_ms = 0;
};
inline constexpr std::int64_t kUsageHourMs = 3'600'000, kUsageDayMs = 24 * kUsageHourMs;
inline constexpr std::int64_t kUsageStepsMax = 800;  // a month of hours, two years of days

// As gateways reported them.
MIFENG_LISTED(Usage, text(deployment_id), number(calls), number(errors), number(refusals));
// One step of a series: the calls from `from_ms` on, until the next begins.
MIFENG_LISTED(UsageStep, number(from_ms), number(calls), number(errors), number(refusals));
struct SeriesQuery {
  std::string deployment_id{};          // empty: of all
  std::string vendor_id{}, model{};     // both or neither
  std::int64_t step_ms = kUsageHourMs;  // kUsageHourMs or kUsageDayMs
  UnixMillis from_ms = 0, to_ms = 0;    // the steps that begin in [from, to)
  std::int64_t day_begins_ms = 0;       // when a day begins, after midnight UTC; whole hours
};

// How far a gateway's clock may be off; its nonces are remembered for twice that.
inline constexpr UnixMillis kGatewayClockTolerance = 120'000;

class GatewayService {
 public:
  explicit GatewayService(const Context& context) : context_(context) {}

  // Makes the gateway (or, for one that is not enrolled yet, a new code) and gives its join file, a JSON text with a
  // one-time code that holds for 24 h; only the code's SM3 is stored. `platform_url` is where the gateway will connect.
  Result<std::string> create_join_file(const trust::Actor& actor, const std::string& gateway_id,
                                       const std::string& platform_url, const std::string& tls_certificate_pem);
  Result<std::vector<Gateway>> list(const trust::Actor& actor);
  // No further snapshot; output keys rotate where it had any. Once more it does nothing.
  Result<void> revoke(const trust::Actor& actor, const std::string& gateway_id);

  // What gateways send. Failures look the same from outside: kPermissionDenied "refused". `address` is where it came
  // from: an enrolment that is refused counts against its gateway and address alone, and nothing is kept or written of
  // one for a gateway that nobody has invited.

  // POST /gateways/{id}/enrolment. Until it follows, the same bytes again get the same answer. kResourceExhausted
  // "too-many-requests" after 20 refused ones in 10 minutes.
  Result<SealedSnapshot> enrol(const std::string& gateway_id, const std::string& nonce, ByteView stream,
                               const std::string& address);

  // GET /gateways/{id}/snapshots: checks `signature_base64` (purpose "follow", over id LF nonce LF time in decimal
  // milliseconds), the time (within 2 minutes of ours) and that the nonce is new.
  Result<void> authorize_follow(const std::string& gateway_id, const std::string& nonce, const std::string& time_ms,
                                const std::string& signature_base64, const std::string& address);
  void follow_opened(const std::string& gateway_id);
  void follow_closed(const std::string& gateway_id);
  // The snapshot in force for this gateway if its serial is above `after`, made anew if what it would say has changed
  // or half of its lifetime is over; nothing (serial 0) otherwise.
  Result<SealedSnapshot> snapshot(const std::string& gateway_id, std::int64_t after);
  // `changed` is called, from any thread, whenever a snapshot may have changed; it must not block. The subscription
  // ends with the returned object.
  std::shared_ptr<void> subscribe(std::function<void()> changed);

  // POST /gateways/{id}/reports and /confirmations: sealed, signed by the gateway; `serial` is in the context. Each
  // counter once; counter 0 only confirms the serial.
  Result<void> report(const std::string& gateway_id, const std::string& serial, ByteView stream,
                      const std::string& address);

  // Calls per deployment in [from, to). kReadDeployments.
  Result<std::vector<Usage>> usage(const trust::Actor& actor, UnixMillis from_ms, UnixMillis to_ms);
  // Every step, those without a call too. kInvalidArgument "too-many-steps".
  Result<std::vector<UsageStep>> usage_series(const trust::Actor& actor, const SeriesQuery& query);

 private:
  const Context& context_;
};

}  // namespace mifeng::access
