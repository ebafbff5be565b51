#include "mifeng/deployments/refused_grants.h"

#include "mifeng/trust/text.h"

namespace mifeng::deployments {
namespace {

constexpr UnixMillis kKept = 10 * 60 * 1000;
constexpr std::size_t kMax = 4096;

}  // namespace

void RefusedGrants::note(const std::string& cluster, const std::string& deployment, const Error& why, UnixMillis now) {
  const std::lock_guard lock(mutex_);
  if (last_.size() >= kMax) std::erase_if(last_, [&](const auto& one) { return one.second.at_ms + kKept <= now; });
  if (last_.size() >= kMax) last_.clear();
  last_[cluster + "/" + deployment] = {
      .at_ms = now, .reason = std::string(why.reason()), .message = trust::clean_text(why.message(), 500)};
}

std::optional<RefusedGrants::Refused> RefusedGrants::find(const std::string& cluster, const std::string& deployment,
                                                          UnixMillis now) const {
  const std::lock_guard lock(mutex_);
  const auto found = last_.find(cluster + "/" + deployment);
  if (found == last_.end() || found->second.at_ms + kKept <= now) return std::nullopt;
  return found->second;
}

}  // namespace mifeng::deployments
