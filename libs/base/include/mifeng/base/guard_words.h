// Lines of a guard's log that others read: an engine that sees the log of a unit's guard, and of its containers no more
// than that they run, says by them why the unit is not ready. Each is the beginning of a line, behind its time.
#pragma once

#include <string_view>

namespace mifeng::guard_words {

inline constexpr std::string_view kWho = " guard: ";  // before each of them
inline constexpr std::string_view kNoGrant = "no grant yet, so the model does not start: ";
inline constexpr std::string_view kGranted = "granted: instance ";
inline constexpr std::string_view kStarting = "payload opened into memory in ";
inline constexpr std::string_view kStartingAgain = "starting the model again: ";
inline constexpr std::string_view kModelEnded = "the model's process ended (";  // how, and ")"
inline constexpr std::string_view kNotReadyYet = "the model is not ready yet: ";
inline constexpr std::string_view kNotReadyAnyMore = "the model is not ready any more: ";
inline constexpr std::string_view kAnswers = "its readiness path answers ";  // behind those two; and a status
inline constexpr std::string_view kReady = "ready: ";
inline constexpr std::string_view kReadyAgain = "the model is ready again";

}  // namespace mifeng::guard_words
