#include <charconv>

#include "operation.h"

namespace mifeng::rest {

Reply reply(const json::Value& value, int status) {
  Reply answer{status, json::serialize(value), "application/json", {}};
  const json::Value* etag = value.if_object() == nullptr ? nullptr : value.if_object()->find("etag");
  if (etag == nullptr || etag->if_string() == nullptr) return answer;
  return with_etag(std::move(answer), *etag->if_string());
}
Reply with_etag(Reply&& answer, const std::string& etag) {
  answer.headers.add("ETag", "\"" + etag + "\"");
  return std::move(answer);
}
Reply no_content() { return Reply{204, {}, {}, {}}; }
Reply reply_text(std::string text, std::string content_type) {
  return Reply{200, std::move(text), std::move(content_type), {}};
}

std::string Call::text(std::string_view name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

Result<std::int64_t> Call::integer(std::string_view name, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> absent) const {
  const Error bad(
      ErrorCode::kInvalidArgument, "bad-query",
      std::string(name) + " must be an integer from " + std::to_string(min) + " to " + std::to_string(max) + ".");
  const auto found = query.find(name);
  if (found == query.end()) {
    if (absent) return *absent;
    return bad;
  }
  std::int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto read = std::from_chars(found->second.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < min || number > max) return bad;
  return number;
}

Result<bool> Call::boolean(std::string_view name, bool absent) const {
  const auto found = query.find(name);
  if (found == query.end()) return absent;
  if (found->second == "true") return true;
  if (found->second == "false") return false;
  return Error(ErrorCode::kInvalidArgument, "bad-query", std::string(name) + " must be true or false.");
}

Result<trust::PageRequest> Call::page() const {
  trust::PageRequest request;
  MIFENG_TRY(request.page, integer("page", 1, 1'000'000, 1));
  MIFENG_TRY(request.page_size, integer("page_size", 1, 200, 50));
  return request;
}

Result<std::string> Call::header(std::string_view name, std::size_t max) const {
  const std::string* value = headers.find(name);
  if (value != nullptr && headers.count(name) == 1 && !value->empty() && value->size() <= max) return *value;
  return Error(
      ErrorCode::kInvalidArgument, "missing-header",
      "The header field " + std::string(name) + " must be there once, with at most " + std::to_string(max) + " bytes.");
}

}  // namespace mifeng::rest
