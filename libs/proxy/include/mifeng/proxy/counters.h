// What a worker counts between two messages to its keyholder.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "mifeng/proxy/key_socket.h"

namespace mifeng::proxy {

class Counters {
 public:
  void call(std::string_view deployment, std::string_view instance) { ++row(deployment, instance).calls; }
  void error(std::string_view deployment, std::string_view instance) { ++row(deployment, instance).errors; }
  // A class of sealed-format.md or of key-socket.md. Past 64 classes in one row they are counted as "other".
  void refusal(std::string_view deployment, std::string_view instance, std::string_view reason);

  bool empty() const { return rows_.empty(); }
  // Everything counted since the last take().
  Counts take();

 private:
  CountRow& row(std::string_view deployment, std::string_view instance);
  std::map<std::pair<std::string, std::string>, CountRow> rows_;
};

}  // namespace mifeng::proxy
