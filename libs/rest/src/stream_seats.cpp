#include "stream_seats.h"

namespace mifeng::rest {

Result<std::shared_ptr<void>> StreamSeats::take(const std::string& person) {
  const std::lock_guard lock(mutex_);
  if (all_ >= limits_.all)
    return Error(ErrorCode::kResourceExhausted, "too-many-streams",
                 "Too many streams are open on this platform. Try again later.");
  const auto mine = taken_.find(person);
  if (mine != taken_.end() && mine->second >= limits_.of_one_person)
    return Error(ErrorCode::kResourceExhausted, "too-many-streams",
                 "You have too many streams open: close some browsers, or logs that you follow.");
  ++all_;
  ++taken_[person];
  return std::shared_ptr<void>(nullptr, [this, person](void*) { give_back(person); });
}

void StreamSeats::give_back(const std::string& person) {
  const std::lock_guard lock(mutex_);
  --all_;
  const auto mine = taken_.find(person);
  if (--mine->second == 0) taken_.erase(mine);
}

}  // namespace mifeng::rest
