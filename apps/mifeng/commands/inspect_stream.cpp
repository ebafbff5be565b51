#include "cli/language.h"
#include "commands/file_kinds.h"
#include "commands/inspect.h"
#include "mifeng/json/value.h"
#include "mifeng/sealed/header.h"

namespace mifeng::cli {
namespace {

std::vector<std::string> recipient_ids(const sealed::Header& header) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < header.recipient_count(); ++i) ids.push_back(to_hex(header.recipient(i).key_id));
  return ids;
}

}  // namespace

Result<int> inspect_stream(const InspectRequest& request, Console& console) {
  MIFENG_TRY(const auto header, sealed::Header::parse(request.beginning, {}));
  const std::string kind(sealed::to_string(header.kind()));
  const std::vector<std::string> recipients = recipient_ids(header);
  const std::string signer = header.is_signed() ? to_hex(header.signer_key_id()) : "";
  if (request.format == "json") {
    json::Array ids;
    for (const std::string& id : recipients) ids.emplace_back(id);
    const json::Object object{{"form", "sealed-stream"},
                              {"version", 1},
                              {"kind", kind},
                              {"segmentSize", static_cast<std::int64_t>(header.segment_size())},
                              {"fixedSegments", header.is_fixed()},
                              {"headerSize", static_cast<std::int64_t>(header.size())},
                              {"salt", to_hex(header.salt())},
                              {"recipients", std::move(ids)},
                              {"signer", header.is_signed() ? json::Value(signer) : json::Value(nullptr)}};
    MIFENG_CHECK(console.print(json::serialize(object) + "\n"));
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{tr("form"), tr("sealed stream, version 1 (not verified)")},
                                                {tr("kind"), tr(kind)},
                                                {tr("segments"), say(header.is_fixed() ? "{} bytes, fixed" : "{} bytes",
                                                                     {std::to_string(header.segment_size())})},
                                                {tr("header"), say("{} bytes", {std::to_string(header.size())})},
                                                {tr("salt"), to_hex(header.salt())}};
  for (const std::string& id : recipients) rows.push_back({tr("recipient"), shown_key_id(id)});
  rows.push_back({tr("signer"), header.is_signed() ? shown_key_id(signer) : tr("none: not signed")});
  MIFENG_CHECK(console.table({}, rows));
  return 0;
}

}  // namespace mifeng::cli
