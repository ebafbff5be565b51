// What is remembered under names that strangers choose: of the last so many of them.
#pragma once

#include <cstddef>
#include <iterator>
#include <list>
#include <map>
#include <string>
#include <utility>

namespace mifeng {

// For a further name the one that was not asked for longest is forgotten: so whatever is counted here never refuses
// somebody because others were many. Not thread-safe.
template <typename T>
class Recent {
 public:
  explicit Recent(std::size_t names_max) : max_(names_max) {}
  Recent(const Recent&) = delete;  // its map points into its list
  Recent& operator=(const Recent&) = delete;

  // Made where it is not there. Valid until the next call of at().
  T& at(const std::string& name) {
    if (T* found = find(name)) return *found;
    if (order_.size() >= max_) {
      places_.erase(order_.front().first);
      order_.pop_front();
    }
    order_.emplace_back(name, T{});
    places_[name] = std::prev(order_.end());
    return order_.back().second;
  }
  // nullptr where it is not there.
  T* find(const std::string& name) {
    const auto found = places_.find(name);
    if (found == places_.end()) return nullptr;
    order_.splice(order_.end(), order_, found->second);
    return &found->second->second;
  }
  void erase(const std::string& name) {
    const auto found = places_.find(name);
    if (found == places_.end()) return;
    order_.erase(found->second);
    places_.erase(found);
  }
  std::size_t size() const { return order_.size(); }

 private:
  using Order = std::list<std::pair<std::string, T>>;  // the one not asked for longest first
  std::size_t max_;
  Order order_;
  std::map<std::string, typename Order::iterator> places_;
};

}  // namespace mifeng
