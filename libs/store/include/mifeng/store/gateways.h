// Gateways, and what they reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

enum class GatewayState { kInvited, kEnrolled, kRevoked };
template <>
struct Words<GatewayState> {
  static constexpr std::string_view of[] = {"invited", "enrolled", "revoked"};
};

MIFENG_RECORD(GatewayRow, "gateways", 1, text(id), word(GatewayState, state), text(code_sm3), number(code_expires_ms),
              text(receive_key), text(signing_key), text(version), text(enrolment_sm3), text(enrolment_answer),
              number(enrolment_serial), number(created_ms), number(enrolled_ms), number(last_seen_ms), number(serial),
              number(serial_confirmed), number(change_sent), number(change_confirmed), number(issued_ms),
              number(expires_ms), text(snapshot), number(report_counter),
              // Why it does not serve all that its newest snapshot says, and since when; empty: it does.
              text(trouble), text(trouble_detail), number(trouble_ms));

MIFENG_RECORD(UsageRow, "usage_by_hour", 2, text(deployment_id), number(hour_ms), number(calls), number(errors),
              number(refusals));

// Every snapshot that was kept to be sent again: each is made anew when it is next asked for.
Result<void> forget_snapshots(Transaction& tx);
// Not the revoked ones.
Result<std::int64_t> gateways_invited_before(Transaction& tx, std::int64_t time_ms);
// Adds to the counts of the deployment and hour.
Result<void> add_usage(Transaction& tx, const UsageRow& row);
Result<std::vector<UsageRow>> usage_between(Transaction& tx, std::int64_t from_ms, std::int64_t to_ms);  // summed
// Which deployments' calls are summed; empty members take all. A model's are those of its deployments that are there.
struct UsageFilter {
  std::string deployment_id{};
  std::string vendor_id{};
  std::string model{};
};
// By hour; those without a call are left out, and hour_ms alone tells them apart.
Result<std::vector<UsageRow>> usage_by_hour(Transaction& tx, const UsageFilter& filter, std::int64_t from_ms,
                                            std::int64_t to_ms);
Result<std::int64_t> erase_usage_before(Transaction& tx, std::int64_t before_ms);  // whole hours; how many rows
Result<std::int64_t> erase_nonces_before(Transaction& tx, std::int64_t before_ms);
// A signed request's nonce: false if it was there. Those before `forget_before_ms` are forgotten.
Result<bool> take_nonce(Transaction& tx, const std::string& gateway_id, const std::string& nonce, std::int64_t now_ms,
                        std::int64_t forget_before_ms);

}  // namespace mifeng::store
