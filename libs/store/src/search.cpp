#include "mifeng/store/search.h"

#include <algorithm>
#include <array>

#include "mifeng/store/rows.h"

namespace mifeng::store {
namespace {

// How a kind stands in its table. The parts are SQL expressions, which only this file writes.
struct Source {
  FoundKind kind;
  const char* table;
  const char* name;
  const char* detail = "''";
  const char* within = "''";
  const char* owner = "''";
  std::array<const char*, 5> searched{};  // up to the first nullptr; none: it is not searched
  const char* then = "id";                // by what they stand in order that begin, or do not begin, with the text
  const char* exactly = "id = :exact";
};

constexpr const char* kVersionName = "vendor_id || '/' || name || '@' || version";
constexpr Source kSources[] = {
    {FoundKind::kVersion,
     "model_information",
     kVersionName,
     "function",
     "state",
     "vendor_id",
     {kVersionName, "function", "vendor_name", "id"},
     "name, vendor_id, submitted_ms DESC, id"},
    {FoundKind::kDeployment,
     "deployments",
     "name",
     "model || ' ' || version",
     "cluster_id",
     "''",
     {"name", "id", "model", "version"},
     "name, id",
     "id = :exact OR name = :exact2"},
    {FoundKind::kUnit, "units", "name", "state", "deployment_id", "''", {}, "name", "name = :exact"},
    {FoundKind::kInstance, "instances", "unit", "end_reason", "deployment_id", "''", {}},
    {FoundKind::kBatch, "batches", "id", "created_by", "''", "''", {"id", "created_by"}, "created_ms DESC, id"},
    {FoundKind::kRoute,
     "route_information",
     "prefix",
     "name",
     "deployment_id",
     "''",
     {"prefix", "name", "id"},
     "prefix"},
    {FoundKind::kCaller, "callers", "name", "''", "''", "''", {"name", "id"}, "name", "id = :exact OR name = :exact2"},
    {FoundKind::kVendor, "developer_information", "name", "business", "''", "id", {"name", "id"}, "name, id"},
    {FoundKind::kCluster, "clusters", "name", "state", "''", "''", {"name", "id"}, "id"},
    {FoundKind::kGateway, "gateways", "id", "state", "''", "''", {"id"}, "id"},
    {FoundKind::kKey, "platform_keys", "id", "purpose", "''", "''", {"id"}, "serial DESC"},
    {FoundKind::kPerson, "people", "name", "display_name", "''", "id", {"name", "display_name", "id"}, "name"},
};

const Source* source_of(FoundKind kind) {
  const auto found = std::ranges::find(kSources, kind, &Source::kind);
  return found == std::end(kSources) ? nullptr : found;
}

std::string columns_of(const Source& source) {
  // A unit has its name for an id.
  const std::string id = source.kind == FoundKind::kUnit ? "name" : "id";
  return id + ", " + source.name + ", " + source.detail + ", " + source.within + ", " + source.owner;
}

Result<std::vector<Found>> select_found(Transaction& tx, FoundKind kind, const std::string& sql,
                                        const std::vector<Param>& params) {
  std::vector<Found> all;
  Found one{.kind = kind};
  MIFENG_CHECK(
      run_sql(tx, sql, params,
              {Target(&one.id), Target(&one.name), Target(&one.detail), Target(&one.within), Target(&one.owner)},
              [&] { all.push_back(one); }));
  return all;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size() && words.size() < kSearchWordsMax;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// "text%": like_part() without what stands before it.
std::string like_beginning(const std::string& text) { return like_part(text).substr(1); }

Result<std::vector<Found>> select_ports(Transaction& tx, const char* table, const char* name, const char* detail,
                                        const std::string& pattern, std::int64_t limit) {
  return select_found(tx, FoundKind::kPort,
                      std::string("SELECT CAST(port AS TEXT), ") + name + ", " + detail + ", cluster_id, '' FROM " +
                          table + " WHERE CAST(port AS TEXT) LIKE :digits ESCAPE '!' ORDER BY port, cluster_id " +
                          "LIMIT :limit",
                      {pattern, limit});
}

}  // namespace

Result<std::vector<Found>> search_kind(Transaction& tx, FoundKind kind, const std::string& text,
                                       const std::string& owner, std::int64_t limit) {
  const Source* source = source_of(kind);
  const auto words = words_of(text);
  if (source == nullptr || source->searched[0] == nullptr || words.empty()) return std::vector<Found>{};
  std::vector<Param> params;
  std::string where;
  for (const std::string& word : words) {
    std::string any;
    for (const char* column : source->searched) {
      if (column == nullptr) break;
      any += (any.empty() ? "" : " OR ") + ("lower(" + std::string(column)) + ") LIKE :p" +
             std::to_string(params.size()) + " ESCAPE '!'";
      params.emplace_back(like_part(word));
    }
    where += (where.empty() ? "" : " AND ") + ("(" + any) + ")";
  }
  if (!owner.empty()) {
    where += std::string(" AND ") + source->owner + " = :owner";
    params.emplace_back(owner);
  }
  // The name of a version begins with its vendor's, and nobody types that first.
  const std::string first = kind == FoundKind::kVersion ? "name" : source->name;
  params.emplace_back(like_beginning(words.front()));
  params.emplace_back(limit);
  return select_found(tx, kind,
                      "SELECT " + columns_of(*source) + " FROM " + source->table + " WHERE " + where +
                          " ORDER BY CASE WHEN lower(" + first + ") LIKE :beginning ESCAPE '!' THEN 0 ELSE 1 END, " +
                          source->then + " LIMIT :limit",
                      params);
}

Result<std::vector<Found>> search_ports(Transaction& tx, const std::string& digits, std::int64_t limit) {
  auto found = select_ports(tx, "used_node_ports", "deployment_id", "port_name", like_beginning(digits), limit);
  if (!found) return found;
  MIFENG_TRY(auto reserved, select_ports(tx, "reserved_node_ports", "''", "reason", like_beginning(digits), limit));
  found->insert(found->end(), reserved.begin(), reserved.end());
  MIFENG_TRY(auto free, select_found(tx, FoundKind::kPort,
                                     "SELECT :number, '', '', cluster_id, '' FROM available_node_ports "
                                     "WHERE first_port <= CAST(:number2 AS INTEGER) AND "
                                     "last_port >= CAST(:number3 AS INTEGER) ORDER BY cluster_id LIMIT :limit",
                                     {digits, digits, digits, limit}));
  for (Found& one : free) {
    const bool told = std::ranges::any_of(
        *found, [&](const Found& other) { return other.id == one.id && other.within == one.within; });
    if (!told) found->push_back(std::move(one));
  }
  std::ranges::stable_sort(*found, [&](const Found& a, const Found& b) {
    return (a.id == digits) != (b.id == digits) ? a.id == digits : a.id < b.id;
  });
  if (static_cast<std::int64_t>(found->size()) > limit) found->resize(static_cast<std::size_t>(limit));
  return found;
}

Result<std::optional<Found>> find_exactly(Transaction& tx, FoundKind kind, const std::string& id) {
  const auto first = [](Result<std::vector<Found>>&& found) -> Result<std::optional<Found>> {
    if (!found) return std::move(found).error();
    if (found->empty()) return std::optional<Found>();
    return std::optional<Found>(std::move(found->front()));
  };
  if (kind == FoundKind::kPort) {
    MIFENG_TRY(const auto ports, search_ports(tx, id, 1));
    if (ports.empty() || ports.front().id != id) return std::optional<Found>();
    return std::optional<Found>(ports.front());
  }
  if (kind == FoundKind::kAudit)
    return first(select_found(tx, kind,
                              "SELECT CAST(seq AS TEXT), action, detail, subject, '' FROM audit_log "
                              "WHERE seq = CAST(:seq AS INTEGER)",
                              {id}));
  if (kind == FoundKind::kRequest)
    return first(select_found(tx, kind,
                              "SELECT CAST(seq AS TEXT), action, detail, subject, '' FROM audit_log "
                              "WHERE seq > (SELECT COALESCE(MAX(seq), 0) FROM audit_log) - :newest AND "
                              "action = 'trial.send' AND detail LIKE :id ESCAPE '!' ORDER BY seq DESC LIMIT 1",
                              {kRequestEntries, like_part(id)}));
  const Source* source = source_of(kind);
  if (source == nullptr) return std::optional<Found>();
  std::vector<Param> params{id};
  if (std::string_view(source->exactly).find(":exact2") != std::string_view::npos) params.emplace_back(id);
  // One of a name before one of another kind of id: both are unique.
  return first(select_found(
      tx, kind, "SELECT " + columns_of(*source) + " FROM " + source->table + " WHERE " + source->exactly + " LIMIT 1",
      params));
}

}  // namespace mifeng::store
