// Bounds that hold in more than one place: in what the API takes, what is stored, what a message carries and what the
// command line offers. spec/openapi.yaml and spec/mifeng.schema.json say the same numbers, and a test holds them to
// these (libs/rest, bounds_test).
#pragma once

#include <cstddef>
#include <cstdint>

namespace mifeng::bounds {

inline constexpr std::size_t kIdMax = 128;       // of deployments, instances, gateways, routes, callers (spec/grant.md)
inline constexpr std::size_t kLabelMax = 63;     // of a DNS label (RFC 1123 section 2.1)
inline constexpr std::size_t kPortNameMax = 15;  // RFC 6335 section 5.1

inline constexpr std::size_t kDeploymentNameMax = 32;  // so that what is made of it is a label still
inline constexpr std::size_t kCallerKeysMax = 10;      // of one caller, at the same time
inline constexpr std::int64_t kCallerKeyDaysMax = 3650;
inline constexpr std::size_t kBatchItemsMax = 3000;  // more than a cluster has node ports
inline constexpr std::int64_t kReplicasMax = 64;     // of a deployment, and so of what a config may ask for
inline constexpr std::size_t kEnvVarsMax = 200;
inline constexpr std::size_t kEnvNameMax = 128;

inline constexpr std::size_t kRouteNameMax = 100;
inline constexpr std::size_t kRoutePathMax = 512;  // of an access prefix, and of the path in a forward URL
inline constexpr std::size_t kForwardUrlMax = sizeof("mifeng://:") - 1 + kIdMax + kPortNameMax + kRoutePathMax;
inline constexpr std::size_t kRouteCallersMax = 1000;
inline constexpr std::size_t kPassHeadersMax = 50;
inline constexpr std::size_t kPassHeaderNameMax = 100;
inline constexpr std::int64_t kCallsPerMinuteMax = 1'000'000;  // of one caller, by a route
inline constexpr std::int64_t kCallsAtOnceMax = 10'000;
inline constexpr std::int64_t kCallSecondsMax = 86'400;

inline constexpr std::size_t kCallerNameMax = 64;

inline constexpr std::size_t kUnitNameMax = 253;
inline constexpr std::size_t kTrialBodyMax = 512 << 10;  // of a request that is tried
inline constexpr std::size_t kTrialAnswerMax = 1 << 20;  // of what comes back, sealed as it is
inline constexpr std::size_t kTrialPathMax = 2048;       // with its query
inline constexpr std::size_t kTrialHeadersMax = 32;      // fields
inline constexpr std::size_t kTrialHeaderNameMax = 100;
inline constexpr std::size_t kTrialHeaderValueMax = 2048;
inline constexpr std::int64_t kTrialSecondsMax = 60;
inline constexpr std::size_t kReasonMax = 500;  // why somebody refuses, withdraws or revokes
inline constexpr std::int64_t kWaitSecondsMax = 86'400;
inline constexpr std::int64_t kLogLinesMax = 100'000;

}  // namespace mifeng::bounds
