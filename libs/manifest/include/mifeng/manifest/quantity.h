// Kubernetes' resource quantities: "500m", "2", "4Gi", "1e3".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mifeng/base/result.h"

namespace mifeng::manifest {

// Keeps the spelling, since a config is written back as it was read, beside the value in thousandths. What lies
// between two thousandths is rounded up, as Kubernetes does.
struct Quantity {
  std::string text;
  std::int64_t milli = 0;

  // Whole units, rounded up: bytes of memory, a number of devices.
  std::int64_t units() const { return milli / 1000 + (milli % 1000 != 0 ? 1 : 0); }
  bool operator==(const Quantity& other) const { return milli == other.milli; }
};

// Source: Kubernetes, apimachinery/pkg/api/resource: <number>(n|u|m||k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e<int>|E<int>).
// kInvalidArgument "bad-quantity": also for negative ones and for more than 2^53 units.
Result<Quantity> parse_quantity(std::string_view text);

}  // namespace mifeng::manifest
