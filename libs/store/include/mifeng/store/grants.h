// The platform's keys, and what was granted to guards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct KeyRow {
  std::string id{};
  std::string purpose{};
  std::int64_t serial = 0;
  std::string public_key{};
  std::string wrapped{};
  std::string statement{};
  std::string signature{};
  std::string signed_by{};
  std::int64_t not_before_ms = 0;
  std::int64_t not_after_ms = 0;
  std::int64_t created_ms = 0;
  std::int64_t retired_ms = 0;
  std::int64_t destroyed_ms = 0;
};
template <>
struct Table<KeyRow> {
  static constexpr const char* name = "platform_keys";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",         "purpose",    "serial",      "public_key",    "wrapped",
                                            "statement",  "signature",  "signed_by",   "not_before_ms", "not_after_ms",
                                            "created_ms", "retired_ms", "destroyed_ms"};
  static auto tie(KeyRow& r) {
    return std::tie(r.id, r.purpose, r.serial, r.public_key, r.wrapped, r.statement, r.signature, r.signed_by,
                    r.not_before_ms, r.not_after_ms, r.created_ms, r.retired_ms, r.destroyed_ms);
  }
};

struct WrappedSecretRow {
  std::string purpose{};
  std::string wrapped{};
  std::int64_t created_ms = 0;
};
template <>
struct Table<WrappedSecretRow> {
  static constexpr const char* name = "wrapped_secrets";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"purpose", "wrapped", "created_ms"};
  static auto tie(WrappedSecretRow& r) { return std::tie(r.purpose, r.wrapped, r.created_ms); }
};

struct InstanceRow {
  std::string id{};
  std::string cluster_id{};
  std::string deployment_id{};
  std::int64_t revision_id = 0;
  std::string unit{};
  std::string engine_id{};          // the engine's id of this very container or pod
  std::int64_t run_started_ms = 0;  // when the run that was granted began, by the engine's clock
  std::string signing_key{};
  std::string signing_key_id{};
  std::string receive_key{};
  std::string guard_version{};
  std::int64_t granted_ms = 0;
  std::int64_t lease_until_ms = 0;
  std::int64_t ended_ms = 0;
  std::string end_reason{};
  std::int64_t revoked = 0;
  std::int64_t calls = 0;
  std::int64_t counter = 0;
  std::int64_t listed_from = 0;
  std::string request_sm3{};
  std::string answer{};
  std::string renewal_sm3{};
  std::string renewal_answer{};
};
template <>
struct Table<InstanceRow> {
  static constexpr const char* name = "instances";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",
                                            "cluster_id",
                                            "deployment_id",
                                            "revision_id",
                                            "unit",
                                            "engine_id",
                                            "run_started_ms",
                                            "signing_key",
                                            "signing_key_id",
                                            "receive_key",
                                            "guard_version",
                                            "granted_ms",
                                            "lease_until_ms",
                                            "ended_ms",
                                            "end_reason",
                                            "revoked",
                                            "calls",
                                            "counter",
                                            "listed_from",
                                            "request_sm3",
                                            "answer",
                                            "renewal_sm3",
                                            "renewal_answer"};
  static auto tie(InstanceRow& r) {
    return std::tie(r.id, r.cluster_id, r.deployment_id, r.revision_id, r.unit, r.engine_id, r.run_started_ms,
                    r.signing_key, r.signing_key_id, r.receive_key, r.guard_version, r.granted_ms, r.lease_until_ms,
                    r.ended_ms, r.end_reason, r.revoked, r.calls, r.counter, r.listed_from, r.request_sm3, r.answer,
                    r.renewal_sm3, r.renewal_answer);
  }
};

Result<std::vector<KeyRow>> keys_by_serial(Transaction& tx, const std::string& purpose);  // rising; empty: all
Result<std::vector<InstanceRow>> live_instances(Transaction& tx);
Result<std::vector<InstanceRow>> live_instances_of(Transaction& tx, const std::string& deployment_id);
// The newest of this unit, live or not.
Result<std::optional<InstanceRow>> last_instance_of_unit(Transaction& tx, const std::string& cluster_id,
                                                         const std::string& unit);
Result<std::optional<InstanceRow>> instance_by_signing_key(Transaction& tx, const std::string& signing_key_id);
Result<std::int64_t> grants_since(Transaction& tx, const std::string& cluster_id, const std::string& unit,
                                  std::int64_t since_ms);
// Erases what ended before that time, at most `limit` rows at once; gives how many.
Result<std::int64_t> erase_instances_ended(Transaction& tx, std::int64_t before_ms, std::int64_t limit);
Result<Slice<InstanceRow>> instance_slice(Transaction& tx, const std::string& deployment_id, const Window& window);

// Counts what gateways have to be told: every change of routes, endpoints, instances, callers or output keys takes the
// next number in its own transaction.
Result<std::int64_t> current_change(Transaction& tx);
Result<std::int64_t> next_change(Transaction& tx);

}  // namespace mifeng::store
