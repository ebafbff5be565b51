#include "migrations.h"

#include <algorithm>
#include <string>

#include "mifeng/store/rows.h"

namespace mifeng::store {
namespace {

// {int} is a 64-bit integer, {strict} what makes a table refuse other types; the words differ between databases. A
// migration that has been released is never changed: what comes later is a further one.
constexpr const char* kFirst = R"sql(
-- 人员 people, passwords as PBKDF2-HMAC-SM3
CREATE TABLE people (
  id TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT NOT NULL, roles TEXT NOT NULL, vendor_id TEXT NOT NULL,
  password_salt TEXT NOT NULL, password_hash TEXT NOT NULL, password_rounds {int} NOT NULL, enabled {int} NOT NULL,
  must_change_password {int} NOT NULL, created_ms {int} NOT NULL, last_sign_in_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name)
){strict};
-- 会话 sessions, under the SM3 of their bearer string; the id names one to people
CREATE TABLE sessions (
  token_sm3 TEXT NOT NULL, id TEXT NOT NULL, person_id TEXT NOT NULL, browser {int} NOT NULL, agent TEXT NOT NULL,
  address TEXT NOT NULL, created_ms {int} NOT NULL, expires_ms {int} NOT NULL, last_used_ms {int} NOT NULL,
  PRIMARY KEY (token_sm3),
  UNIQUE (id),
  FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE
){strict};
-- 访问令牌 API tokens, the same
CREATE TABLE tokens (
  id TEXT NOT NULL, token_sm3 TEXT NOT NULL, name TEXT NOT NULL, person_id TEXT NOT NULL, roles TEXT NOT NULL,
  created_ms {int} NOT NULL, expires_ms {int} NOT NULL, last_used_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (token_sm3),
  FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE
){strict};
-- 开发者信息 developer information: name, address, telephone, business, and the key that signs
CREATE TABLE developer_information (
  id TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, telephone TEXT NOT NULL, business TEXT NOT NULL,
  public_key_pem TEXT NOT NULL, pending_key_pem TEXT NOT NULL, created_ms {int} NOT NULL,
  confirmed_ms {int} NOT NULL, pending_by TEXT NOT NULL, pending_ms {int} NOT NULL,
  known_telephone TEXT NOT NULL, known_by TEXT NOT NULL, telephone_by TEXT NOT NULL, telephone_ms {int} NOT NULL,
  key_serial {int} NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 配置文件库 config library
CREATE TABLE config_library (
  sm3 TEXT NOT NULL, address TEXT NOT NULL, content TEXT NOT NULL, size {int} NOT NULL, created_ms {int} NOT NULL,
  PRIMARY KEY (sm3)
){strict};
-- 模型镜像库 image library: image name, image address
CREATE TABLE image_library (
  address TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, size {int} NOT NULL, created_ms {int} NOT NULL,
  PRIMARY KEY (address)
){strict};
-- 模型信息 model information: name, function, programming language, version, config address, image name, image address
CREATE TABLE model_information (
  id TEXT NOT NULL, vendor_id TEXT NOT NULL, vendor_name TEXT NOT NULL, name TEXT NOT NULL, function TEXT NOT NULL,
  language TEXT NOT NULL, version TEXT NOT NULL, config_address TEXT NOT NULL, config_sm3 TEXT NOT NULL,
  image_name TEXT NOT NULL, image_digest TEXT NOT NULL, image_address TEXT NOT NULL, state TEXT NOT NULL,
  state_reason TEXT NOT NULL, package_sm3 TEXT NOT NULL, payload_header TEXT NOT NULL,
  payload_header_sm3 TEXT NOT NULL, payload_size {int} NOT NULL, segments_size {int} NOT NULL,
  segments_sha256 TEXT NOT NULL, signer_key_pem TEXT NOT NULL,
  delivery_key_id TEXT NOT NULL, card_key_id TEXT NOT NULL, submitted_by TEXT NOT NULL,
  submitted_ms {int} NOT NULL, decided_by TEXT NOT NULL, decided_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (vendor_id, name, version),
  FOREIGN KEY (vendor_id) REFERENCES developer_information (id),
  FOREIGN KEY (config_sm3) REFERENCES config_library (sm3),
  FOREIGN KEY (image_address) REFERENCES image_library (address)
){strict};
-- 模型文档 design, usage and test documents
CREATE TABLE model_documents (
  model_id TEXT NOT NULL, kind TEXT NOT NULL, sm3 TEXT NOT NULL, size {int} NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (model_id, kind),
  FOREIGN KEY (model_id) REFERENCES model_information (id) ON DELETE CASCADE
){strict};
-- 上传 packages that are on their way
CREATE TABLE uploads (
  id TEXT NOT NULL, person_id TEXT NOT NULL, size {int} NOT NULL, expires_ms {int} NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 集群 clusters: where units run, and how each is reached (what is secret of that, wrapped)
CREATE TABLE clusters (
  id TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, address TEXT NOT NULL, wrapped_access TEXT NOT NULL,
  default_namespace TEXT NOT NULL, node_addresses TEXT NOT NULL, addresses_given {int} NOT NULL, registry TEXT NOT NULL, guard_url TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL, version TEXT NOT NULL, may TEXT NOT NULL, sweep_held {int} NOT NULL,
  created_ms {int} NOT NULL, changed_ms {int} NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 可用节点端口号 available node ports of a cluster, as ranges
CREATE TABLE available_node_ports (
  cluster_id TEXT NOT NULL, first_port {int} NOT NULL, last_port {int} NOT NULL,
  PRIMARY KEY (cluster_id, first_port),
  FOREIGN KEY (cluster_id) REFERENCES clusters (id)
){strict};
-- 保留节点端口号 ports kept for something else
CREATE TABLE reserved_node_ports (
  cluster_id TEXT NOT NULL, port {int} NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (cluster_id, port),
  FOREIGN KEY (cluster_id) REFERENCES clusters (id)
){strict};
-- 部署 deployments, as wanted: the members from version_id to grade are those of the revision that is wanted
CREATE TABLE deployments (
  id TEXT NOT NULL, name TEXT NOT NULL, cluster_id TEXT NOT NULL, revision_id {int} NOT NULL,
  version_id TEXT NOT NULL, vendor_id TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, grade TEXT NOT NULL,
  replicas {int} NOT NULL, ports_chosen {int} NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  reason_code TEXT NOT NULL, remedy TEXT NOT NULL,
  update_started_ms {int} NOT NULL, unready_since_ms {int} NOT NULL, update_failed {int} NOT NULL, told_change {int} NOT NULL, opens_route TEXT NOT NULL, batch_id TEXT NOT NULL, deleting {int} NOT NULL,
  restart_wanted {int} NOT NULL, model_user {int} NOT NULL, created_by TEXT NOT NULL, created_ms {int} NOT NULL,
  changed_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name),
  UNIQUE (model_user),
  FOREIGN KEY (cluster_id) REFERENCES clusters (id),
  FOREIGN KEY (version_id) REFERENCES model_information (id)
){strict};
-- 部署修订版本 revisions: one version with one overlay of a deployment. Ids rise over the whole installation
CREATE TABLE revisions (
  id {int} NOT NULL, deployment_id TEXT NOT NULL, number {int} NOT NULL, version_id TEXT NOT NULL,
  overlay_json TEXT NOT NULL, cause TEXT NOT NULL, created_by TEXT NOT NULL, created_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (deployment_id, number),
  FOREIGN KEY (deployment_id) REFERENCES deployments (id),
  FOREIGN KEY (version_id) REFERENCES model_information (id)
){strict};
-- 已使用节点端口号 used node ports of a cluster
CREATE TABLE used_node_ports (
  cluster_id TEXT NOT NULL, port {int} NOT NULL, deployment_id TEXT NOT NULL, slot {int} NOT NULL,
  port_name TEXT NOT NULL, taken_ms {int} NOT NULL,
  PRIMARY KEY (cluster_id, port),
  UNIQUE (deployment_id, slot, port_name),
  FOREIGN KEY (deployment_id) REFERENCES deployments (id)
){strict};
-- 运行单元 units, as last seen
CREATE TABLE units (
  cluster_id TEXT NOT NULL, name TEXT NOT NULL, deployment_id TEXT NOT NULL, revision_id {int} NOT NULL,
  restart {int} NOT NULL, slot {int} NOT NULL, engine_id TEXT NOT NULL, node TEXT NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, reason_code TEXT NOT NULL, remedy TEXT NOT NULL,
  started_ms {int} NOT NULL, ready_ms {int} NOT NULL, restarts {int} NOT NULL, failures {int} NOT NULL, next_try_ms {int} NOT NULL,
  PRIMARY KEY (cluster_id, name),
  FOREIGN KEY (deployment_id) REFERENCES deployments (id)
){strict};
-- 端点 endpoints: where a deployment is dialled, at each node address of its cluster
CREATE TABLE endpoints (
  cluster_id TEXT NOT NULL, node_port {int} NOT NULL, deployment_id TEXT NOT NULL, port_name TEXT NOT NULL,
  kind TEXT NOT NULL, unit TEXT NOT NULL,
  PRIMARY KEY (cluster_id, node_port),
  FOREIGN KEY (deployment_id) REFERENCES deployments (id)
){strict};
-- 批量部署 batches
CREATE TABLE batches (
  id TEXT NOT NULL, asked TEXT NOT NULL, created_by TEXT NOT NULL, created_ms {int} NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 批量部署项 their items
CREATE TABLE batch_items (
  batch_id TEXT NOT NULL, number {int} NOT NULL, cluster_id TEXT NOT NULL, action TEXT NOT NULL,
  request_json TEXT NOT NULL, planned_ports TEXT NOT NULL, deployment_id TEXT NOT NULL, revision_id {int} NOT NULL,
  former_revision {int} NOT NULL, former_replicas {int} NOT NULL, state TEXT NOT NULL, undoing {int} NOT NULL,
  code TEXT NOT NULL, message TEXT NOT NULL, changed_ms {int} NOT NULL,
  PRIMARY KEY (batch_id, number),
  FOREIGN KEY (batch_id) REFERENCES batches (id)
){strict};
-- 路由信息 route information: access prefix, route id, route name, forward URL
CREATE TABLE route_information (
  id TEXT NOT NULL, name TEXT NOT NULL, prefix TEXT NOT NULL, forward TEXT NOT NULL, deployment_id TEXT NOT NULL,
  enabled {int} NOT NULL, open_to_all {int} NOT NULL, callers_json TEXT NOT NULL, stream_requests {int} NOT NULL,
  idempotent {int} NOT NULL, pass_headers_json TEXT NOT NULL, calls_per_minute {int} NOT NULL,
  calls_at_once {int} NOT NULL, seconds_max {int} NOT NULL, created_ms {int} NOT NULL, changed_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (prefix)
){strict};
-- 模型使用方 callers
CREATE TABLE callers (
  id TEXT NOT NULL, name TEXT NOT NULL, enabled {int} NOT NULL, created_ms {int} NOT NULL,
  key_changed_ms {int} NOT NULL, key_changes {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name)
){strict};
-- 调用方密钥 their API keys, under the SM3 of each
CREATE TABLE caller_keys (
  id TEXT NOT NULL, caller_id TEXT NOT NULL, name TEXT NOT NULL, key_sm3 TEXT NOT NULL, created_ms {int} NOT NULL,
  expires_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (caller_id, name),
  UNIQUE (key_sm3),
  FOREIGN KEY (caller_id) REFERENCES callers (id) ON DELETE CASCADE
){strict};
-- 平台密钥 identity, delivery and output keys, wrapped
CREATE TABLE platform_keys (
  id TEXT NOT NULL, purpose TEXT NOT NULL, serial {int} NOT NULL, public_key TEXT NOT NULL, wrapped TEXT NOT NULL,
  statement TEXT NOT NULL, signature TEXT NOT NULL, signed_by TEXT NOT NULL, not_before_ms {int} NOT NULL,
  not_after_ms {int} NOT NULL, created_ms {int} NOT NULL, retired_ms {int} NOT NULL, destroyed_ms {int} NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (purpose, serial)
){strict};
-- 其他受保护密钥 other secrets, wrapped
CREATE TABLE wrapped_secrets (
  purpose TEXT NOT NULL, wrapped TEXT NOT NULL, created_ms {int} NOT NULL,
  PRIMARY KEY (purpose)
){strict};
-- 已授权实例 what was granted to guards, the answers are sealed to them
CREATE TABLE instances (
  id TEXT NOT NULL, cluster_id TEXT NOT NULL, deployment_id TEXT NOT NULL, revision_id {int} NOT NULL,
  unit TEXT NOT NULL, engine_id TEXT NOT NULL, run_started_ms {int} NOT NULL, signing_key TEXT NOT NULL, signing_key_id TEXT NOT NULL,
  receive_key TEXT NOT NULL, guard_version TEXT NOT NULL,
  granted_ms {int} NOT NULL, lease_until_ms {int} NOT NULL, ended_ms {int} NOT NULL, end_reason TEXT NOT NULL,
  revoked {int} NOT NULL, calls {int} NOT NULL, counter {int} NOT NULL, listed_from {int} NOT NULL,
  request_sm3 TEXT NOT NULL, answer TEXT NOT NULL, renewal_sm3 TEXT NOT NULL, renewal_answer TEXT NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 网关 gateways, the snapshot is sealed to them
CREATE TABLE gateways (
  id TEXT NOT NULL, state TEXT NOT NULL, code_sm3 TEXT NOT NULL, code_expires_ms {int} NOT NULL,
  receive_key TEXT NOT NULL, signing_key TEXT NOT NULL, version TEXT NOT NULL, enrolment_sm3 TEXT NOT NULL, enrolment_answer TEXT NOT NULL, enrolment_serial {int} NOT NULL,
  created_ms {int} NOT NULL, enrolled_ms {int} NOT NULL, last_seen_ms {int} NOT NULL, serial {int} NOT NULL,
  serial_confirmed {int} NOT NULL, change_sent {int} NOT NULL, change_confirmed {int} NOT NULL,
  issued_ms {int} NOT NULL, expires_ms {int} NOT NULL, snapshot TEXT NOT NULL, report_counter {int} NOT NULL,
  trouble TEXT NOT NULL, trouble_detail TEXT NOT NULL, trouble_ms {int} NOT NULL,
  PRIMARY KEY (id)
){strict};
-- 调用统计 calls as gateways reported them
CREATE TABLE usage_by_hour (
  deployment_id TEXT NOT NULL, hour_ms {int} NOT NULL, calls {int} NOT NULL, errors {int} NOT NULL,
  refusals {int} NOT NULL,
  PRIMARY KEY (deployment_id, hour_ms)
){strict};
-- 审计日志 the audit chain
CREATE TABLE audit_log (
  seq {int} NOT NULL, time_ms {int} NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
  outcome TEXT NOT NULL, detail TEXT NOT NULL, digest TEXT NOT NULL, mac TEXT NOT NULL,
  PRIMARY KEY (seq)
){strict};
-- 审计链头签名 its signed heads
CREATE TABLE audit_heads (
  seq {int} NOT NULL, time_ms {int} NOT NULL, statement TEXT NOT NULL, signature TEXT NOT NULL,
  signed_by TEXT NOT NULL,
  PRIMARY KEY (seq)
){strict};
-- nonces of gateways' signed requests, for as long as their time would still be taken
CREATE TABLE gateway_nonces (
  gateway_id TEXT NOT NULL, nonce TEXT NOT NULL, time_ms {int} NOT NULL,
  PRIMARY KEY (gateway_id, nonce)
){strict};
-- counters that only rise: "changes" numbers what gateways have to be told, "revisions" is the newest revision's id
CREATE TABLE counters (
  name TEXT NOT NULL, value {int} NOT NULL,
  PRIMARY KEY (name)
){strict};
INSERT INTO counters (name, value) VALUES ('changes', 1);
INSERT INTO counters (name, value) VALUES ('revisions', 0);
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX tokens_by_person ON tokens (person_id);
CREATE INDEX used_node_ports_by_deployment ON used_node_ports (deployment_id);
CREATE INDEX route_information_by_deployment ON route_information (deployment_id);
CREATE INDEX revisions_by_version ON revisions (version_id);
CREATE INDEX units_by_deployment ON units (deployment_id);
CREATE INDEX endpoints_by_deployment ON endpoints (deployment_id);
CREATE INDEX batches_by_time ON batches (created_ms);
CREATE INDEX batch_items_by_state ON batch_items (state, cluster_id);
CREATE INDEX batch_items_by_deployment ON batch_items (deployment_id);
CREATE INDEX instances_by_unit ON instances (cluster_id, unit, granted_ms);
CREATE INDEX instances_by_deployment ON instances (deployment_id, ended_ms);
CREATE UNIQUE INDEX instances_by_signing_key ON instances (signing_key_id);
CREATE INDEX audit_log_by_time ON audit_log (time_ms);
)sql";

constexpr const char* kMigrations[] = {kFirst};

// Without the comments, which are for readers.
std::string in_dialect(const std::string& sql) {
  std::string out;
  for (std::size_t i = 0; i < sql.size();) {
    if (sql.compare(i, 2, "--") == 0) i = std::min(sql.find('\n', i), sql.size());
    if (i == sql.size()) break;
    if (sql.compare(i, 5, "{int}") == 0) {
      out += "INTEGER";
      i += 5;
    } else if (sql.compare(i, 8, "{strict}") == 0) {
      out += " STRICT";
      i += 8;
    } else {
      out += sql[i++];
    }
  }
  return out;
}

}  // namespace

int newest_schema_version() { return static_cast<int>(std::size(kMigrations)); }

Result<int> applied_schema_version(Transaction& tx) {
  MIFENG_CHECK(run_sql(tx,
                       in_dialect("CREATE TABLE IF NOT EXISTS schema_migrations (version {int} NOT NULL, "
                                  "PRIMARY KEY (version)){strict}"),
                       {}));
  std::int64_t version = 0;
  MIFENG_CHECK(run_sql(tx, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations", {}, {Target(&version)}));
  return static_cast<int>(version);
}

Result<void> migrate(Transaction& tx) {
  MIFENG_TRY(const int applied, applied_schema_version(tx));
  if (applied > newest_schema_version())
    return Error(ErrorCode::kConflict, "newer-database",
                 "The database was written by a later version of Mifeng (schema " + std::to_string(applied) +
                     ", this program knows " + std::to_string(newest_schema_version()) +
                     "). Start that version, or restore a backup that this one made.");
  for (int version = applied + 1; version <= newest_schema_version(); ++version) {
    const std::string sql = in_dialect(kMigrations[version - 1]);
    // One statement at a time, as other databases want it. No text of ours holds a semicolon.
    for (std::size_t from = 0; from < sql.size();) {
      const std::size_t to = sql.find(';', from);
      if (to == std::string::npos) break;
      MIFENG_CHECK(run_sql(tx, sql.substr(from, to - from), {}));
      from = to + 1;
    }
    MIFENG_CHECK(
        run_sql(tx, "INSERT INTO schema_migrations (version) VALUES (:version)", {Param(std::int64_t{version})}));
  }
  return ok();
}

}  // namespace mifeng::store
