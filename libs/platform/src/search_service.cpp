#include "mifeng/platform/search_service.h"

#include <algorithm>

#include "mifeng/base/beginning.h"
#include "mifeng/crypto/fingerprint.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/events/kinds.h"
#include "mifeng/proxy/fields.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"

namespace mifeng::platform {
namespace {

using events::Kind;
using store::Found;
using store::FoundKind;

constexpr std::size_t kTextMax = 200;
constexpr std::size_t kIdMax = 256;
constexpr std::size_t kFingerprintDigitsMin = 4;
constexpr std::size_t kKeyIdDigits = 16;        // the id of a key is the beginning of its fingerprint
constexpr std::int64_t kVendorsLookedAt = 500;  // whose keys are compared with a fingerprint

// By which list of events one may see a thing; a request and its entry in the audit log have rules of their own.
struct Shown {
  FoundKind kind;
  Kind as;
};
// In this order they are told.
constexpr Shown kSearched[] = {
    {FoundKind::kVersion, Kind::kModels},   {FoundKind::kDeployment, Kind::kDeployments},
    {FoundKind::kRoute, Kind::kRoutes},     {FoundKind::kCaller, Kind::kCallers},
    {FoundKind::kBatch, Kind::kBatches},    {FoundKind::kVendor, Kind::kVendors},
    {FoundKind::kCluster, Kind::kClusters}, {FoundKind::kGateway, Kind::kGateways},
    {FoundKind::kPerson, Kind::kPeople},
};
constexpr Shown kById[] = {
    {FoundKind::kDeployment, Kind::kDeployments},
    {FoundKind::kVersion, Kind::kModels},
    {FoundKind::kRoute, Kind::kRoutes},
    {FoundKind::kBatch, Kind::kBatches},
    {FoundKind::kVendor, Kind::kVendors},
    {FoundKind::kCaller, Kind::kCallers},
    {FoundKind::kUnit, Kind::kUnits},
    {FoundKind::kInstance, Kind::kInstances},
    {FoundKind::kCluster, Kind::kClusters},
    {FoundKind::kGateway, Kind::kGateways},
    {FoundKind::kKey, Kind::kKeys},
    {FoundKind::kPerson, Kind::kPeople},
};

bool may(const trust::Actor& actor, trust::Permission permission) {
  return !actor.must_change_password &&
         std::ranges::any_of(actor.roles, [&](trust::Role role) { return trust::may(role, permission); });
}

// Whose alone the actor sees of a kind: nothing where he sees none of it, "" where he sees all.
std::optional<std::string> owner_for(const events::Sight& sight, const trust::Actor& actor, Kind as) {
  if (sight.sees(as, "")) return std::string();
  const std::string own = as == Kind::kPeople ? actor.id : actor.vendor_id;
  if (!own.empty() && sight.sees(as, own)) return own;
  return std::nullopt;
}

bool all_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// A fingerprint as people type it, in lower case; empty where the text is none.
std::string fingerprint_digits(const std::string& text) {
  std::string digits = crypto::bare_fingerprint(text);
  if (digits.size() < kFingerprintDigitsMin) return "";
  return digits.find_first_not_of("0123456789abcdef") == std::string::npos ? digits : "";
}

Result<bool> key_begins(const std::string& pem, const std::string& digits) {
  if (pem.empty()) return false;
  MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(pem));
  return fingerprint_digits(key.fingerprint()).starts_with(digits);
}

Result<void> add_by_fingerprint(store::Transaction& tx, const trust::Actor& actor, const events::Sight& sight,
                                const std::string& digits, std::int64_t limit, std::vector<Found>& found) {
  if (sight.sees(Kind::kKeys, "")) {
    MIFENG_TRY(auto keys, store::search_kind(tx, FoundKind::kKey, digits.substr(0, kKeyIdDigits), "", limit));
    std::erase_if(keys, [&](const Found& key) { return !key.id.starts_with(digits) && !digits.starts_with(key.id); });
    found.insert(found.end(), keys.begin(), keys.end());
  }
  const auto owner = owner_for(sight, actor, Kind::kVendors);
  if (!owner) return ok();
  MIFENG_TRY(const auto vendors, store::search_vendors(tx, "", *owner, {.offset = 0, .limit = kVendorsLookedAt}));
  std::int64_t told = 0;
  for (const auto& vendor : vendors.rows) {
    if (told == limit) break;
    MIFENG_TRY(const bool in_force, key_begins(vendor.public_key_pem, digits));
    MIFENG_TRY(const bool pending, key_begins(vendor.pending_key_pem, digits));
    if (!in_force && !pending) continue;
    found.push_back({.kind = FoundKind::kVendor,
                     .id = vendor.id,
                     .name = vendor.name,
                     .detail = vendor.business,
                     .within = {},
                     .owner = vendor.id});
    ++told;
  }
  return ok();
}

// A request that the platform itself sent (a trial). Its page is that of what was asked.
Result<std::optional<Found>> find_request(store::Transaction& tx, const trust::Actor& actor, const std::string& id) {
  const bool knows = may(actor, trust::Permission::kTryModels) || may(actor, trust::Permission::kReadAudit);
  if (!knows || !proxy::is_request_id(id)) return std::optional<Found>();
  MIFENG_TRY(auto entry, store::find_exactly(tx, FoundKind::kRequest, id));
  if (!entry) return entry;
  // Of the entry its number, for whoever may look at the log.
  return std::optional(Found{.kind = FoundKind::kRequest,
                             .id = id,
                             .name = entry->within,
                             .detail = may(actor, trust::Permission::kReadAudit) ? entry->id : "",
                             .within = entry->within,
                             .owner = {}});
}

Result<std::optional<Found>> look_up(store::Transaction& tx, const trust::Actor& actor, const events::Sight& sight,
                                     const std::string& id) {
  for (const Shown& one : kById) {
    if (!owner_for(sight, actor, one.as)) continue;
    MIFENG_TRY(auto found, store::find_exactly(tx, one.kind, id));
    if (found && sight.sees(one.as, found->owner)) return found;
  }
  if (all_digits(id) && sight.sees(Kind::kPorts, "")) {
    MIFENG_TRY(auto port, store::find_exactly(tx, FoundKind::kPort, id));
    if (port) return port;
  }
  if (all_digits(id) && sight.sees(Kind::kAudit, "")) {
    MIFENG_TRY(auto entry, store::find_exactly(tx, FoundKind::kAudit, id));
    if (entry) return entry;
  }
  return find_request(tx, actor, id);
}

FoundThing thing_of(const Found& found) { return made_of<FoundThing>(found); }

bool same(const Found& a, const Found& b) { return a.kind == b.kind && a.id == b.id && a.within == b.within; }

}  // namespace

Result<std::vector<FoundThing>> SearchService::search(const trust::Actor& actor, const std::string& text,
                                                      std::int64_t limit) {
  if (text.size() > kTextMax || limit < 1 || limit > 50)
    return Error(ErrorCode::kInvalidArgument, "bad-search",
                 "text: at most " + std::to_string(kTextMax) + " bytes; limit: 1 to 50.");
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return std::vector<FoundThing>{};
  const std::string wanted = text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
  const events::Sight sight(actor);
  return context_.db.read([&](store::Transaction& tx) -> Result<std::vector<FoundThing>> {
    std::vector<Found> found;
    MIFENG_TRY(auto exact, look_up(tx, actor, sight, wanted));
    // By its id alone: what is merely called so stands among others of its kind.
    if (exact && exact->id == wanted) found.push_back(std::move(*exact));
    for (const Shown& one : kSearched) {
      const auto owner = owner_for(sight, actor, one.as);
      if (!owner) continue;
      MIFENG_TRY(auto some, store::search_kind(tx, one.kind, wanted, *owner, limit));
      found.insert(found.end(), some.begin(), some.end());
    }
    if (all_digits(wanted) && wanted.size() <= 5 && sight.sees(Kind::kPorts, "")) {
      MIFENG_TRY(auto ports, store::search_ports(tx, wanted, limit));
      found.insert(found.end(), ports.begin(), ports.end());
    }
    if (const std::string digits = fingerprint_digits(wanted); !digits.empty())
      MIFENG_CHECK(add_by_fingerprint(tx, actor, sight, digits, limit, found));
    std::vector<FoundThing> things;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto before = found.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::none_of(found.begin(), before, [&](const Found& other) { return same(other, found[i]); }))
        things.push_back(thing_of(found[i]));
    }
    return things;
  });
}

Result<FoundThing> SearchService::find(const trust::Actor& actor, const std::string& id) {
  const events::Sight sight(actor);
  MIFENG_TRY(const auto found, context_.db.read([&](store::Transaction& tx) -> Result<std::optional<Found>> {
    if (id.size() > kIdMax) return std::optional<Found>();
    return look_up(tx, actor, sight, id);
  }));
  if (!found) return trust::not_found("thing with the id", std::string(beginning_of(id, kIdMax)));
  return thing_of(*found);
}

}  // namespace mifeng::platform
