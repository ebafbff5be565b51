#include "mifeng/trust/version.h"

#include <algorithm>
#include <type_traits>

#include "mifeng/trust/rows.h"

namespace mifeng::trust {
namespace {

constexpr std::size_t kVersionDigits = 32;
constexpr std::size_t kIfMatchMax = 1024;
constexpr std::size_t kSeenMax = 16;

// One way only to read it back: a member's name has no '=', and the length stands before what may hold anything.
void append(std::string& text, std::string_view name, const std::string& value) {
  text.append(name).append("=").append(std::to_string(value.size())).append(":").append(value);
}

// All members but the quiet ones: a column that is added later counts without anybody naming it.
template <typename Row>
void append_row(std::string& text, const Row& row, const std::vector<std::string_view>& quiet) {
  for_each_member(row, [&](std::string_view name, const auto& value) {
    if (std::ranges::find(quiet, name) != quiet.end()) return;
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::string>) {
      append(text, name, value);
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
      append(text, name, std::to_string(value));
    } else {
      append(text, name, std::string(to_string(value)));
    }
  });
}

std::string digest(const std::string& text) { return sm3_hex(text).substr(0, kVersionDigits); }

template <typename Row>
std::string version_without(const Row& row, const std::vector<std::string_view>& quiet) {
  std::string text;
  append_row(text, row, quiet);
  return digest(text);
}

template <typename Row>
std::string version_of_all(const std::vector<Row>& rows) {
  std::string text = std::to_string(rows.size()) + " rows ";  // so that an empty list has a version as well
  for (const Row& row : rows) append_row(text, row, {});
  return digest(text);
}

}  // namespace

// A restart changes nothing of what is wanted: two who restart do not get into each other's way.
std::string version_of(const store::DeploymentRow& row) {
  return version_without(row, {"state", "reason", "reason_code", "remedy", "update_started_ms", "unready_since_ms",
                               "update_failed", "told_change", "opens_route", "restart_wanted", "changed_ms"});
}

std::string version_of(const store::RouteRow& row) { return version_without(row, {"changed_ms"}); }
std::string version_of(const store::CallerRow& row) { return version_without(row, {}); }
std::string version_of(const store::VendorRow& row) { return version_without(row, {}); }

std::string version_of(const store::ClusterRow& row) {
  return version_without(row, {"address", "state", "reason", "version", "may", "sweep_held", "changed_ms"});
}

std::string version_of(std::vector<store::PortRangeRow> rows) {
  std::ranges::sort(rows, {}, &store::PortRangeRow::first_port);
  return version_of_all(rows);
}

std::string version_of(std::vector<store::ReservedPortRow> rows) {
  std::ranges::sort(rows, {}, &store::ReservedPortRow::port);
  return version_of_all(rows);
}

Result<void> expect_version(const Actor& actor, const std::string& version) {
  if (actor.seen.empty() || std::ranges::find(actor.seen, version) != actor.seen.end()) return ok();
  return Error(
      ErrorCode::kConflict, "changed-meanwhile",
      "Somebody else has changed this since you looked at it, so nothing was done. Look at what it is now, and "
      "decide again.");
}

Result<std::vector<std::string>> parse_if_match(std::string_view field) {
  const Error bad(ErrorCode::kInvalidArgument, "bad-if-match",
                  "If-Match: * or what the field ETag of an answer said, with its quotation marks; several are "
                  "separated by commas.");
  const auto skip_spaces = [&] {
    while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
  };
  if (field.size() > kIfMatchMax) return bad;
  std::vector<std::string> seen;
  skip_spaces();
  if (field.starts_with('*')) {
    field.remove_prefix(1);
    skip_spaces();
    if (!field.empty()) return bad;
    return seen;
  }
  for (;;) {
    skip_spaces();
    // RFC 9110, 13.1.1: a weak one never matches, but it is one.
    const bool weak = field.starts_with("W/");
    if (weak) field.remove_prefix(2);
    if (!field.starts_with('"')) return bad;
    const std::size_t end = field.find('"', 1);
    if (end == std::string_view::npos || seen.size() == kSeenMax) return bad;
    seen.emplace_back(weak ? std::string_view("W/") : field.substr(1, end - 1));
    field.remove_prefix(end + 1);
    skip_spaces();
    if (field.empty()) return seen;
    if (!field.starts_with(',')) return bad;
    field.remove_prefix(1);
  }
}

}  // namespace mifeng::trust
