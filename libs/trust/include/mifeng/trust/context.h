// What every service of the platform works with.
#pragma once

#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/store/database.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::trust {

// Whoever has one is outlived by what it refers to.
struct Context {
  store::Database& db;
  const Clock& clock;
  Random& random;
  AuditLog& audit;
};

}  // namespace mifeng::trust
