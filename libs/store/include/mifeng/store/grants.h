// The platform's keys, and what was granted to guards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {

MIFENG_RECORD(KeyRow, "platform_keys", 1, text(id), text(purpose), number(serial), text(public_key), text(wrapped),
              text(statement), text(signature), text(signed_by), number(not_before_ms), number(not_after_ms),
              number(created_ms), number(retired_ms), number(destroyed_ms));

MIFENG_RECORD(WrappedSecretRow, "wrapped_secrets", 1, text(purpose), text(wrapped), number(created_ms));

MIFENG_RECORD(InstanceRow, "instances", 1, text(id), text(cluster_id), text(deployment_id), number(revision_id),
              text(unit),
              text(engine_id),         // the engine's id of this very container or pod
              number(run_started_ms),  // when the run that was granted began, by the engine's clock
              text(signing_key), text(signing_key_id), text(receive_key), text(guard_version), number(granted_ms),
              number(lease_until_ms), number(ended_ms), text(end_reason), number(revoked), number(calls),
              number(counter), number(listed_from), text(request_sm3), text(answer), text(renewal_sm3),
              text(renewal_answer));

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
