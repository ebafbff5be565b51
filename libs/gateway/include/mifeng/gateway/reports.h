// What a gateway tells the platform every 10 seconds, and keeps while the platform is away (spec/grant.md, report).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/proxy/key_socket.h"

namespace mifeng::gateway {

class Reports {
 public:
  static constexpr std::size_t kBacklogMax = 360;  // an hour, where each period is one report
  // Of one report; more make several. Below kMessageSizeMax by what sealing adds.
  static constexpr std::size_t kRowBytesMax = 48 << 10;

  Reports(std::string gateway, const Clock& clock)
      : gateway_(std::move(gateway)), clock_(clock), from_ms_(clock.now_ms()) {}

  void add(const proxy::Counts& counts);
  // Something that the keyholder refused itself: no deployment, no instance.
  void add_refusal(const std::string& refusal_class);
  // What is wrong from now on, or nothing: it stands in each report, and is told once where nothing else is.
  void set_trouble(std::optional<messages::GatewayTrouble> trouble);
  // Ends the period: what was counted becomes reports, under the serial in force. The oldest go where there are too
  // many, and the next report says how many.
  void close_period(std::uint64_t serial);

  // The oldest that was not delivered; nullptr where there is none.
  const messages::Report* front() const { return backlog_.empty() ? nullptr : &backlog_.front(); }
  void delivered() { backlog_.pop_front(); }
  std::size_t waiting() const { return backlog_.size(); }

 private:
  messages::Report begin(std::uint64_t serial, UnixMillis now_ms);

  std::string gateway_;
  const Clock& clock_;
  UnixMillis from_ms_;
  std::uint64_t counter_ = 0;
  std::uint64_t dropped_ = 0;
  std::optional<messages::GatewayTrouble> trouble_;
  bool trouble_is_news_ = true;  // the platform may remember one from before this start
  std::map<std::pair<std::string, std::string>, messages::ReportRow> rows_;  // by deployment and instance
  std::deque<messages::Report> backlog_;
};

}  // namespace mifeng::gateway
