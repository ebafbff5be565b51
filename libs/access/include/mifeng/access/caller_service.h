// Callers 模型使用方: applications that call models through the gateway, each with one API key.
#pragma once

#include <string>

#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::access {

struct Context;

MIFENG_LISTED(Caller,
              text(id),  // "ca-…"
              text(name), flag(enabled), number(created_ms), number(key_changed_ms),
              text(etag));  // trust::version_of its row, as in everything that people change
MIFENG_LISTED(NewCaller, of(Caller, caller),
              text(key));  // "mfk_…", shown once; only its SM3 is stored and given to gateways

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
class CallerService {
 public:
  explicit CallerService(const Context& context) : context_(context) {}

  Result<NewCaller> create(const trust::Actor& actor, const std::string& name);  // kConflict "caller-exists"
  Result<NewCaller> new_key(const trust::Actor& actor, const std::string& id);   // the old one ends
  Result<Caller> set_enabled(const trust::Actor& actor, const std::string& id, bool enabled);
  Result<Caller> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Caller>> list(const trust::Actor& actor, const trust::PageRequest& page);
  // Routes that name it lose it; a route that named only this one is disabled rather than opened to all.
  Result<void> remove(const trust::Actor& actor, const std::string& id);

 private:
  const Context& context_;
};

}  // namespace mifeng::access
