#include "mifeng/store/gateways.h"

namespace mifeng::store {

Result<void> forget_snapshots(Transaction& tx) {
  MIFENG_CHECK(run_sql(tx,
                       "UPDATE gateways SET snapshot = '', enrolment_answer = '' "
                       "WHERE snapshot <> '' OR enrolment_answer <> ''",
                       {}));
  return ok();
}

Result<std::int64_t> gateways_invited_before(Transaction& tx, std::int64_t time_ms) {
  return count_rows(tx, "gateways", "WHERE created_ms < :time AND state <> 'revoked'", {time_ms});
}

Result<void> add_usage(Transaction& tx, const UsageRow& row) {
  MIFENG_CHECK(
      run_sql(tx,
              "INSERT INTO usage_by_hour (deployment_id, hour_ms, calls, errors, refusals) "
              "VALUES (:deployment, :hour, :calls, :errors, :refusals) "
              "ON CONFLICT (deployment_id, hour_ms) DO UPDATE SET calls = usage_by_hour.calls + excluded.calls, "
              "errors = usage_by_hour.errors + excluded.errors, "
              "refusals = usage_by_hour.refusals + excluded.refusals",
              {row.deployment_id, row.hour_ms, row.calls, row.errors, row.refusals}));
  return ok();
}

Result<std::vector<UsageRow>> usage_between(Transaction& tx, std::int64_t from_ms, std::int64_t to_ms) {
  std::vector<UsageRow> rows;
  UsageRow row;
  MIFENG_CHECK(run_sql(tx,
                       "SELECT deployment_id, SUM(calls), SUM(errors), SUM(refusals) FROM usage_by_hour "
                       "WHERE hour_ms >= :from_ms AND hour_ms < :to_ms GROUP BY deployment_id ORDER BY deployment_id",
                       {from_ms, to_ms},
                       {Target(&row.deployment_id), Target(&row.calls), Target(&row.errors), Target(&row.refusals)},
                       [&] { rows.push_back(row); }));
  return rows;
}

Result<std::vector<UsageRow>> usage_by_hour(Transaction& tx, const UsageFilter& filter, std::int64_t from_ms,
                                            std::int64_t to_ms) {
  std::vector<UsageRow> rows;
  UsageRow row;
  MIFENG_CHECK(run_sql(
      tx,
      "SELECT hour_ms, SUM(calls), SUM(errors), SUM(refusals) FROM usage_by_hour "
      "WHERE hour_ms >= :from_ms AND hour_ms < :to_ms AND (:deployment = '' OR deployment_id = :deployment_too) "
      "AND (:model = '' OR deployment_id IN (SELECT id FROM deployments WHERE model = :model_too AND vendor_id = "
      ":vendor)) GROUP BY hour_ms ORDER BY hour_ms",
      {from_ms, to_ms, filter.deployment_id, filter.deployment_id, filter.model, filter.model, filter.vendor_id},
      {Target(&row.hour_ms), Target(&row.calls), Target(&row.errors), Target(&row.refusals)},
      [&] { rows.push_back(row); }));
  return rows;
}

Result<std::int64_t> erase_usage_before(Transaction& tx, std::int64_t before_ms) {
  return run_sql(tx, "DELETE FROM usage_by_hour WHERE hour_ms < :before", {before_ms});
}

Result<std::int64_t> erase_nonces_before(Transaction& tx, std::int64_t before_ms) {
  return run_sql(tx, "DELETE FROM gateway_nonces WHERE time_ms < :before", {before_ms});
}

Result<bool> take_nonce(Transaction& tx, const std::string& gateway_id, const std::string& nonce, std::int64_t now_ms,
                        std::int64_t forget_before_ms) {
  MIFENG_CHECK(erase_nonces_before(tx, forget_before_ms));
  MIFENG_TRY(const std::int64_t added,
             run_sql(tx,
                     "INSERT INTO gateway_nonces (gateway_id, nonce, time_ms) VALUES (:gateway, :nonce, :time) "
                     "ON CONFLICT (gateway_id, nonce) DO NOTHING",
                     {gateway_id, nonce, now_ms}));
  return added == 1;
}

}  // namespace mifeng::store
