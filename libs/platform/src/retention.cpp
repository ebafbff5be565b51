#include "retention.h"

#include "mifeng/access/gateway_service.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/context.h"

namespace mifeng::platform {
namespace {

constexpr std::int64_t kRowsAtOnce = 1000;  // so that nobody who writes waits long

}  // namespace

Result<std::int64_t> erase_aged_rows(const trust::Context& context, UnixMillis keep_ms) {
  const UnixMillis now = context.clock.now_ms();
  const UnixMillis oldest = now - keep_ms;
  MIFENG_TRY(std::int64_t erased, context.db.write([&](store::Transaction& tx) -> Result<std::int64_t> {
    MIFENG_TRY(const auto nonces, store::erase_nonces_before(tx, now - 2 * access::kGatewayClockTolerance));
    MIFENG_TRY(const auto usage, store::erase_usage_before(tx, oldest));
    return nonces + usage;
  }));
  for (std::int64_t last = kRowsAtOnce; last == kRowsAtOnce; erased += last) {
    MIFENG_TRY(last, context.db.write([&](store::Transaction& tx) {
      return store::erase_instances_ended(tx, oldest, kRowsAtOnce);
    }));
  }
  return erased;
}

}  // namespace mifeng::platform
