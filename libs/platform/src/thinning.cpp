#include "thinning.h"

#include "core.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"

namespace mifeng::platform {
namespace {

constexpr std::int64_t kRowsAtOnce = 1000;  // so that nobody who writes waits long

}  // namespace

Result<std::int64_t> thin_out(Core& core) {
  const UnixMillis now = core.clock.now_ms();
  const UnixMillis oldest = now - core.options.keep_ms;
  MIFENG_TRY(std::int64_t erased, core.db->write([&](store::Transaction& tx) -> Result<std::int64_t> {
    MIFENG_TRY(const auto nonces, store::erase_nonces_before(tx, now - 2 * kGatewayClockTolerance));
    MIFENG_TRY(const auto usage, store::erase_usage_before(tx, oldest));
    return nonces + usage;
  }));
  for (std::int64_t last = kRowsAtOnce; last == kRowsAtOnce; erased += last) {
    MIFENG_TRY(last, core.db->write([&](store::Transaction& tx) {
      return store::erase_instances_ended(tx, oldest, kRowsAtOnce);
    }));
  }
  return erased;
}

}  // namespace mifeng::platform
