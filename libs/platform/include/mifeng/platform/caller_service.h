// Callers 模型使用方: applications that call models through the gateway, each with one API key.
#pragma once

#include <string>

#include "mifeng/platform/actor.h"
#include "mifeng/platform/types.h"

namespace mifeng::platform {

struct Core;

struct Caller {
  std::string id;  // "ca-…"
  std::string name;
  bool enabled = true;
  UnixMillis created_ms = 0;
  UnixMillis key_changed_ms = 0;
};
struct NewCaller {
  Caller caller;
  std::string key;  // "mfk_…", shown once; only its SM3 is stored and given to gateways
};

class CallerService {
 public:
  explicit CallerService(Core& core) : core_(core) {}

  Result<NewCaller> create(const Actor& actor, const std::string& name);  // kConflict "caller-exists"
  Result<NewCaller> new_key(const Actor& actor, const std::string& id);   // the old one ends
  Result<Caller> set_enabled(const Actor& actor, const std::string& id, bool enabled);
  Result<Caller> get(const Actor& actor, const std::string& id);
  Result<Page<Caller>> list(const Actor& actor, const PageRequest& page);
  // Routes that name it lose it; a route that named only this one is disabled rather than opened to all.
  Result<void> remove(const Actor& actor, const std::string& id);

 private:
  Core& core_;
};

}  // namespace mifeng::platform
