#include "mifeng/proxy/router.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "mifeng/base/phrase.h"

namespace mifeng::proxy {
namespace {

std::string key_of(ByteView bytes) { return std::string(as_text(bytes)); }

}  // namespace

Result<EndpointAddress> parse_endpoint(std::string_view text) {
  const Error bad(ErrorCode::kInvalidArgument, "bad-address",
                  "an endpoint is an IPv4 address or an IPv6 address in brackets, a colon and a port number");
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || text.size() > 64) return bad;
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) return bad;

  EndpointAddress endpoint;
  endpoint.name = text;
  std::string host(text.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    ::sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return bad;
    std::memcpy(&endpoint.address, &address, sizeof(address));
    endpoint.address_size = sizeof(address);
  } else {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return bad;
    std::memcpy(&endpoint.address, &address, sizeof(address));
    endpoint.address_size = sizeof(address);
  }
  return endpoint;
}

void LeftOut::add(std::string what) {
  if (count++ < kSaidMax) said.push_back(std::move(what));
}

std::string LeftOut::text() const {
  std::string line;
  for (const std::string& what : said) line += (line.empty() ? "" : "; ") + what;
  if (count > said.size()) line += "; and " + std::to_string(count - said.size()) + " more";
  return line;
}

std::shared_ptr<const Router> Router::create(Table table) {
  // make_shared cannot reach the private constructor.
  std::shared_ptr<Router> router(new Router);
  router->serial_ = table.serial;
  router->expires_ms_ = table.expires_ms;
  router->add_endpoints(table.endpoints);
  router->add_routes(std::move(table.routes));
  for (auto& caller : table.callers) {
    std::string key = key_of(caller.key_sm3);
    const auto [first, is_new] = router->callers_.try_emplace(std::move(key), std::move(caller));
    if (!is_new) router->left_out_.add("caller " + caller.id + ": it has a key of caller " + first->second.id);
  }
  for (auto& instance : table.instances) {
    if (instance.signing_key[0] != 4) {
      router->left_out_.add("instance " + instance.id + ": it has no signing key");
      continue;
    }
    std::string key = key_of(instance.signing_key);
    const auto [first, is_new] = router->instances_.try_emplace(std::move(key), std::move(instance));
    if (!is_new)
      router->left_out_.add("instance " + instance.id + ": it has the signing key of instance " + first->second.id);
  }
  return router;
}

void Router::add_endpoints(const std::vector<EndpointSet>& sets) {
  for (const auto& set : sets) {
    if (set.port.empty()) {
      left_out_.add("a port of deployment " + set.deployment + ": it has no name");
      continue;
    }
    const std::string where = "port " + set.port + " of deployment " + set.deployment + ": ";
    std::vector<EndpointAddress> endpoints;
    for (const auto& address : set.addresses) {
      auto endpoint = parse_endpoint(address);
      if (!endpoint) {
        left_out_.add(where + "\"" + address + "\" is no address");
        continue;
      }
      endpoint->kind = set.kind;
      endpoints.push_back(*std::move(endpoint));
    }
    // A forward URL without a port name means the first one.
    endpoints_.try_emplace(set.deployment + ":", endpoints);
    if (!endpoints_.try_emplace(set.deployment + ":" + set.port, std::move(endpoints)).second)
      left_out_.add(where + "it stands there twice");
  }
}

void Router::add_routes(std::vector<Route> routes) {
  std::unordered_set<std::string> ids;
  for (auto& route : routes) {
    const std::string where = "route " + route.id + ": ";
    auto complaint = complain_of_route_path(route.prefix);
    auto prefix = normalise_path(route.prefix);
    if (complaint || !prefix) {
      left_out_.add(where + "its prefix: " + (complaint ? *complaint : prefix.error().message()));
      continue;
    }
    auto entry = std::make_unique<RouteEntry>();
    auto forward = parse_forward_url(route.forward);
    const bool is_only = ids.insert(route.id).second;
    if (!is_only) left_out_.add(where + "its id is another route's too");
    if (!forward) left_out_.add(where + forward.error().message());
    const bool leads_somewhere = forward && is_only;
    if (leads_somewhere) entry->forward = *std::move(forward);
    if (route.callers) entry->callers.insert(route.callers->begin(), route.callers->end());
    for (std::string name : route.pass_headers) {
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      entry->pass_headers.insert(std::move(name));
    }
    const auto endpoints = endpoints_.find(entry->forward.deployment + ":" + entry->forward.port);
    if (leads_somewhere && endpoints != endpoints_.end()) entry->endpoints = &endpoints->second;
    const auto [first, is_new] = by_prefix_.emplace(*prefix == "/" ? "" : *prefix, entry.get());
    if (!is_new) {
      left_out_.add(where + "its prefix is that of route " + first->second->route.id);
      continue;
    }
    entry->route = std::move(route);
    routes_.push_back(std::move(entry));
  }
}

Result<Router::Match> Router::match(std::string_view raw_target) const {
  const std::string_view raw_path = path_of(raw_target);
  MIFENG_TRY(std::string path, normalise_path(raw_path));
  if (raw_target.find('#') != raw_target.npos)
    return Error(ErrorCode::kInvalidArgument, "bad-path",
                 phrase("A # stands in the request target; leave the fragment out."));
  for (;;) {
    if (const auto found = by_prefix_.find(path); found != by_prefix_.end()) {
      const RouteEntry& entry = *found->second;
      const std::string_view prefix = entry.route.prefix;
      const bool whole = prefix == "/" || (raw_path.starts_with(prefix) &&
                                           (raw_path.size() == prefix.size() || raw_path[prefix.size()] == '/'));
      if (!whole) {
        return Error(
            ErrorCode::kInvalidArgument, "bad-path",
            phrase("The access prefix is escaped otherwise than it is registered; use it as it stands there."));
      }
      return Match{&entry, forward_target(raw_target, prefix, entry.forward.path)};
    }
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) break;
    path.resize(slash);
  }
  return Error(ErrorCode::kNotFound, "unknown-prefix",
               phrase("No model is served under this path; look up its access prefix."));
}

const Caller* Router::caller(std::string_view key) const {
  const auto found = callers_.find(key_of(crypto::sm3(as_bytes(key))));
  return found == callers_.end() ? nullptr : &found->second;
}

Result<void> Router::authorise(const RouteEntry& entry, std::string_view key) const {
  if (entry.route.open) return ok();
  if (key.empty()) {
    return Error(ErrorCode::kUnauthenticated, "no-caller-key",
                 phrase("This model needs an API key; send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."));
  }
  const Caller* const known = caller(key);
  if (known == nullptr)
    return Error(ErrorCode::kUnauthenticated, "unknown-caller-key",
                 phrase("This API key is not known, or has ended; ask the operator for a new one."));
  if (entry.route.callers && !entry.callers.contains(known->id))
    return Error(ErrorCode::kPermissionDenied, "caller-not-allowed",
                 phrase("This caller may not use this model; ask the operator to allow it on the route."));
  return ok();
}

const Instance* Router::instance(std::string_view deployment, const crypto::Sm2Point& signing_key) const {
  const auto found = instances_.find(key_of(signing_key));
  return found == instances_.end() || found->second.deployment != deployment ? nullptr : &found->second;
}

}  // namespace mifeng::proxy
