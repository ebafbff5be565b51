// Callers 模型使用方: applications that call models through the gateway, each with one or several API keys.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::access {

struct Context;

MIFENG_LISTED(CallerKey,
              text(id),  // "ck-…"
              text(name), number(created_ms),
              number(expires_ms));  // 0: it does not end by itself
MIFENG_LISTED(Caller,
              text(id),  // "ca-…"
              text(name), flag(enabled), number(created_ms), number(key_changed_ms),
              of(std::vector<CallerKey>,
                 keys),     // oldest first; an application changes from one to the next in its time
              text(etag));  // trust::version_of its row, as in everything that people change
MIFENG_LISTED(NewCaller, of(Caller, caller),
              text(key_id),  // of caller.keys
              text(key));    // "mfk_…", shown once; only its SM3 is stored and given to gateways

// A key that is to be made.
struct KeyWish {
  // Its caller has no other of this name; where nobody gave one, it is no word of any language.
  std::string name = "1";
  std::int64_t lifetime_ms = 0;  // 0: it does not end by itself
};

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
class CallerService {
 public:
  explicit CallerService(const Context& context) : context_(context) {}

  // kConflict "caller-exists".
  Result<NewCaller> create(const trust::Actor& actor, const std::string& name, const KeyWish& key = {});
  // The key joins those there are. kConflict "caller-key-exists" for the name; kResourceExhausted
  // "too-many-caller-keys".
  Result<NewCaller> add_key(const trust::Actor& actor, const std::string& id, const KeyWish& key);
  Result<Caller> end_key(const trust::Actor& actor, const std::string& id, const std::string& key_id);
  Result<NewCaller> new_key(const trust::Actor& actor, const std::string& id);  // all others end
  Result<Caller> set_enabled(const trust::Actor& actor, const std::string& id, bool enabled);
  Result<Caller> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Caller>> list(const trust::Actor& actor, const trust::PageRequest& page);
  // Routes that name it lose it; a route that named only this one is disabled rather than opened to all.
  Result<void> remove(const trust::Actor& actor, const std::string& id);
  // Keys whose time is over. Called by the housekeeping; gives how many.
  Result<int> end_expired_keys();

 private:
  const Context& context_;
};

}  // namespace mifeng::access
