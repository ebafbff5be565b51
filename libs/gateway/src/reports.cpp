#include "mifeng/gateway/reports.h"

#include <algorithm>

namespace mifeng::gateway {

namespace {

constexpr std::size_t kClassesMax = 64;  // of one row, spec/grant.md

// At least what a row takes in the message: names of fields, quotes, and numbers of 20 digits.
std::size_t size_of(const messages::ReportRow& row) {
  std::size_t size = 120 + row.deployment.size() + row.instance.size();
  for (const auto& [name, count] : row.refusals) size += 26 + name.size();
  return size;
}

void add_count(std::map<std::string, std::uint64_t>& refusals, const std::string& name, std::uint64_t count) {
  if (refusals.size() >= kClassesMax && !refusals.contains(name)) return;
  refusals[name] += count;
}

}  // namespace

void Reports::add(const proxy::Counts& counts) {
  for (const proxy::CountRow& row : counts.rows) {
    messages::ReportRow& sum = rows_[{row.deployment, row.instance}];
    sum.deployment = row.deployment;
    sum.instance = row.instance;
    sum.calls += row.calls;
    sum.errors += row.errors;
    for (const auto& [name, count] : row.refusals) add_count(sum.refusals, name, count);
  }
}

void Reports::add_refusal(const std::string& refusal_class) { add_count(rows_[{"", ""}].refusals, refusal_class, 1); }

void Reports::set_trouble(std::optional<messages::GatewayTrouble> trouble) {
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  trouble_is_news_ = true;
}

messages::Report Reports::begin(std::uint64_t serial, UnixMillis now_ms) {
  // Rises over restarts too, without being stored: no gateway sends more than one report a millisecond.
  counter_ = std::max(counter_ + 1, static_cast<std::uint64_t>(std::max<UnixMillis>(now_ms, 1)));
  messages::Report report;
  report.gateway = gateway_;
  report.serial = serial;
  report.counter = counter_;
  report.from_ms = std::min(from_ms_, now_ms);
  report.to_ms = now_ms;
  report.trouble = trouble_;
  trouble_is_news_ = false;
  return report;
}

void Reports::close_period(std::uint64_t serial) {
  const UnixMillis now_ms = clock_.now_ms();
  if (dropped_ > 0 && !rows_.empty()) {
    add_count(rows_[{"", ""}].refusals, "reports-dropped", dropped_);
    dropped_ = 0;
  }
  auto row = rows_.begin();
  while (row != rows_.end()) {
    messages::Report report = begin(serial, now_ms);
    for (std::size_t size = 0; row != rows_.end(); ++row) {
      size += size_of(row->second);
      if (size > kRowBytesMax && !report.rows.empty()) break;
      report.rows.push_back(std::move(row->second));
    }
    backlog_.push_back(std::move(report));
  }
  if (trouble_is_news_) backlog_.push_back(begin(serial, now_ms));
  rows_.clear();
  from_ms_ = now_ms;
  while (backlog_.size() > kBacklogMax) {
    backlog_.pop_front();
    ++dropped_;
  }
}

}  // namespace mifeng::gateway
