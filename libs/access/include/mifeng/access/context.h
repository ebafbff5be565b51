// What the services for gateways, callers and routes work with.
#pragma once

#include "mifeng/access/attempt_limits.h"
#include "mifeng/access/followers.h"
#include "mifeng/access/trial_caller.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/messages/tools.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/subscribers.h"

namespace mifeng::access {

struct Context : trust::Context {
  trust::KeyRing& keys;
  crypto::Sm4GcmProvider& provider;
  AttemptLimits& attempts;
  Followers& followers;
  TrialCaller& trial_caller;
  trust::Subscribers& snapshots_changed;  // routes, endpoints, instances, callers, output keys

  messages::SealingTools tools() const { return {.random = random, .provider = provider}; }
};

}  // namespace mifeng::access
