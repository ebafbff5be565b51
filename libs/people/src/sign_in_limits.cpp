#include "sign_in_limits.h"

#include <algorithm>

namespace mifeng::people {
namespace {

constexpr int kFreeTries = 5;
constexpr UnixMillis kFirstWait = 15'000, kWaitMax = 15 * 60'000;
constexpr double kPlaceBudget = 30, kPlacePerSecond = 0.1;
constexpr double kNameBudget = 60, kNamePerSecond = 1.0 / 30;

Error too_many(UnixMillis wait_ms) {
  return Error(ErrorCode::kResourceExhausted, "too-many-sign-ins",
               "Too many wrong passwords from here. Try again in " + std::to_string((wait_ms + 999) / 1000) +
                   " seconds, or have an administrator give you another password.");
}

template <typename B>
void refill(B& budget, double full, double per_second, UnixMillis now) {
  if (budget.left < 0) budget = {.left = full, .since_ms = now};
  const double seconds = static_cast<double>(std::max<UnixMillis>(0, now - budget.since_ms)) / 1000;
  budget.left = std::min(full, budget.left + seconds * per_second);
  budget.since_ms = now;
}

UnixMillis wait_for_one(double left, double per_second) {
  return static_cast<UnixMillis>((1 - left) / per_second * 1000) + 1;
}

}  // namespace

SignInLimits::Tries* SignInLimits::find(const std::string& place, const std::string& name) {
  Tries* tries = pairs_.find(place + "\n" + name);
  if (tries == nullptr) return nullptr;
  const int* forgotten = epochs_.find(name);
  const int epoch = forgotten == nullptr ? 0 : *forgotten;
  if (tries->epoch != epoch) *tries = {.has_been_right = tries->has_been_right, .epoch = epoch};
  return tries;
}

Result<void> SignInLimits::begin(const std::string& place, const std::string& name, UnixMillis now_ms) {
  const std::lock_guard lock(mutex_);
  const Tries* known = find(place, name);
  if (known != nullptr && now_ms < known->not_before_ms) return too_many(known->not_before_ms - now_ms);
  const bool charged = place != kSignedIn && (known == nullptr || !known->has_been_right);
  if (charged) {
    // Whoever has no budget left makes nobody's be forgotten.
    Budget& of_place = places_.at(place);
    refill(of_place, kPlaceBudget, kPlacePerSecond, now_ms);
    if (of_place.left < 1) return too_many(wait_for_one(of_place.left, kPlacePerSecond));
    Budget& of_name = names_.at(name);
    refill(of_name, kNameBudget, kNamePerSecond, now_ms);
    if (of_name.left < 1) return too_many(wait_for_one(of_name.left, kNamePerSecond));
    of_place.left -= 1;
    of_name.left -= 1;
  }
  Tries& tries = pairs_.at(place + "\n" + name);
  if (known == nullptr) {
    const int* forgotten = epochs_.find(name);
    tries.epoch = forgotten == nullptr ? 0 : *forgotten;
  }
  tries.charged = charged;
  ++tries.wrong;
  if (tries.wrong >= kFreeTries) {
    const int doubled = std::min(tries.wrong - kFreeTries, 10);
    tries.not_before_ms = now_ms + std::min(kWaitMax, kFirstWait << doubled);
  }
  return ok();
}

void SignInLimits::give_back(const std::string& place, const std::string& name) {
  if (Budget* of_place = places_.find(place)) of_place->left = std::min(kPlaceBudget, of_place->left + 1);
  if (Budget* of_name = names_.find(name)) of_name->left = std::min(kNameBudget, of_name->left + 1);
}

void SignInLimits::right(const std::string& place, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Tries* tries = find(place, name);
  if (tries == nullptr) return;
  if (tries->charged) give_back(place, name);
  *tries = {.has_been_right = true, .epoch = tries->epoch};
}

void SignInLimits::undo(const std::string& place, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Tries* tries = find(place, name);
  if (tries == nullptr) return;
  if (tries->charged) give_back(place, name);
  tries->charged = false;
  if (tries->wrong > 0) --tries->wrong;
  if (tries->wrong < kFreeTries) tries->not_before_ms = 0;
}

void SignInLimits::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ++epochs_.at(name);
  names_.erase(name);
}

}  // namespace mifeng::people
