// Gateways, and what they reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct GatewayRow {
  std::string id{};
  std::string state{};
  std::string code_sm3{};
  std::int64_t code_expires_ms = 0;
  std::string receive_key{};
  std::string signing_key{};
  std::string version{};
  std::string enrolment_sm3{};
  std::string enrolment_answer{};
  std::int64_t enrolment_serial = 0;
  std::int64_t created_ms = 0;
  std::int64_t enrolled_ms = 0;
  std::int64_t last_seen_ms = 0;
  std::int64_t serial = 0;
  std::int64_t serial_confirmed = 0;
  std::int64_t change_sent = 0;
  std::int64_t change_confirmed = 0;
  std::int64_t issued_ms = 0;
  std::int64_t expires_ms = 0;
  std::string snapshot{};
  std::int64_t report_counter = 0;
};
template <>
struct Table<GatewayRow> {
  static constexpr const char* name = "gateways";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {
      "id",           "state",         "code_sm3",         "code_expires_ms",  "receive_key",      "signing_key",
      "version",      "enrolment_sm3", "enrolment_answer", "enrolment_serial", "created_ms",       "enrolled_ms",
      "last_seen_ms", "serial",        "serial_confirmed", "change_sent",      "change_confirmed", "issued_ms",
      "expires_ms",   "snapshot",      "report_counter"};
  static auto tie(GatewayRow& r) {
    return std::tie(r.id, r.state, r.code_sm3, r.code_expires_ms, r.receive_key, r.signing_key, r.version,
                    r.enrolment_sm3, r.enrolment_answer, r.enrolment_serial, r.created_ms, r.enrolled_ms,
                    r.last_seen_ms, r.serial, r.serial_confirmed, r.change_sent, r.change_confirmed, r.issued_ms,
                    r.expires_ms, r.snapshot, r.report_counter);
  }
};

struct UsageRow {
  std::string deployment_id{};
  std::int64_t hour_ms = 0;
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::int64_t refusals = 0;
};
template <>
struct Table<UsageRow> {
  static constexpr const char* name = "usage_by_hour";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"deployment_id", "hour_ms", "calls", "errors", "refusals"};
  static auto tie(UsageRow& r) { return std::tie(r.deployment_id, r.hour_ms, r.calls, r.errors, r.refusals); }
};

// Not the revoked ones.
Result<std::int64_t> gateways_invited_before(Transaction& tx, std::int64_t time_ms);
// Adds to the counts of the deployment and hour.
Result<void> add_usage(Transaction& tx, const UsageRow& row);
Result<std::vector<UsageRow>> usage_between(Transaction& tx, std::int64_t from_ms, std::int64_t to_ms);  // summed
Result<std::int64_t> erase_usage_before(Transaction& tx, std::int64_t before_ms);  // whole hours; how many rows
Result<std::int64_t> erase_nonces_before(Transaction& tx, std::int64_t before_ms);
// A signed request's nonce: false if it was there. Those before `forget_before_ms` are forgotten.
Result<bool> take_nonce(Transaction& tx, const std::string& gateway_id, const std::string& nonce, std::int64_t now_ms,
                        std::int64_t forget_before_ms);

}  // namespace mifeng::store
