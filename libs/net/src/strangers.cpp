#include "strangers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace mifeng::net {

std::optional<Strangers::Id> Strangers::add(Id id, const std::string& from) {
  if (limits_.all == 0) return std::nullopt;
  const bool source_is_full = waiting_.contains(from) && waiting_[from].size() >= limits_.of_one_source;
  std::optional<Id> goes;
  if (source_is_full) {
    goes = waiting_[from].front();
  } else if (sources_.size() >= limits_.all) {
    const auto most = std::max_element(waiting_.begin(), waiting_.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    goes = most->second.front();
  }
  if (goes) remove(*goes);
  waiting_[from].push_back(id);
  sources_[id] = from;
  return goes;
}

void Strangers::remove(Id id) {
  const auto source = sources_.find(id);
  if (source == sources_.end()) return;
  const auto waiting = waiting_.find(source->second);
  std::erase(waiting->second, id);
  if (waiting->second.empty()) waiting_.erase(waiting);
  sources_.erase(source);
}

std::string one_source(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with('[')) return address.substr(0, colon);
  const std::string text = address.substr(1, address.find(']') - 1);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  char shown[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    ::inet_ntop(AF_INET, &v6.s6_addr[12], shown, sizeof shown);
    return shown;
  }
  std::memset(&v6.s6_addr[8], 0, 8);
  ::inet_ntop(AF_INET6, &v6, shown, sizeof shown);
  return std::string(shown) + "/64";
}

}  // namespace mifeng::net
