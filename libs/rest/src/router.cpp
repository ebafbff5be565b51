#include <algorithm>

#include "operation.h"

namespace mifeng::rest {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

struct Entry {
  const Operation* operation;
  std::vector<std::string_view> segments;
  std::size_t variables;  // a pattern with fewer comes first: /deployments/plan before /deployments/{id}
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> kEntries = [] {
    std::vector<Entry> all;
    for (const auto table :
         {session_operations(), people_operations(), vendor_operations(), model_operations(), package_operations(),
          cluster_operations(), port_operations(), deployment_operations(), batch_operations(), route_operations(),
          caller_operations(), trial_operations(), key_operations(), gateway_operations(), audit_operations(),
          event_operations(), search_operations(), system_operations()}) {
      for (const Operation& operation : table) {
        auto segments = segments_of(operation.pattern);
        const auto variables = static_cast<std::size_t>(
            std::ranges::count_if(segments, [](std::string_view s) { return s.starts_with('{'); }));
        all.push_back({&operation, std::move(segments), variables});
      }
    }
    std::ranges::stable_sort(all, {}, &Entry::variables);
    return all;
  }();
  return kEntries;
}

bool fits(const Entry& entry, const std::vector<std::string_view>& segments) {
  return std::ranges::equal(entry.segments, segments, [](std::string_view pattern, std::string_view segment) {
    return pattern.starts_with('{') ? !segment.empty() : pattern == segment;
  });
}

}  // namespace

Result<Match> match_operation(Side side, std::string_view method, std::string_view path) {
  Match match;
  const auto segments = segments_of(path);
  for (const Entry& entry : entries()) {
    const auto* access = std::get_if<Access>(&entry.operation->who);
    const bool of_unit = access != nullptr && *access == Access::kUnit;
    if (of_unit != (side == Side::kUnit) || !fits(entry, segments)) continue;
    if (entry.operation->method != method) {
      match.allowed.push_back(entry.operation->method);
      continue;
    }
    match.operation = entry.operation;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string_view pattern = entry.segments[i];
      if (!pattern.starts_with('{')) continue;
      MIFENG_TRY(auto value, net::percent_decode(segments[i], false));
      match.path.emplace(pattern.substr(1, pattern.size() - 2), std::move(value));
    }
    break;
  }
  return match;
}

std::vector<OperationInfo> all_operations() {
  std::vector<OperationInfo> list;
  for (const Entry& entry : entries()) {
    const Operation& operation = *entry.operation;
    OperationInfo info{operation.id, operation.method,          operation.pattern, Access::kPermission, std::nullopt,
                       {},           operation.shown != nullptr};
    if (const auto* access = std::get_if<Access>(&operation.who)) info.access = *access;
    if (const auto* permission = std::get_if<Permission>(&operation.who)) info.permission = *permission;
    for (std::string_view names = operation.query; !names.empty();) {
      const std::string_view name = names.substr(0, names.find(' '));
      info.query.push_back(name);
      names.remove_prefix(std::min(names.size(), name.size() + 1));
    }
    list.push_back(std::move(info));
  }
  return list;
}

}  // namespace mifeng::rest
