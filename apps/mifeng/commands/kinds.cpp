#include "commands/kinds.h"

#include <algorithm>

#include "cli/language.h"
#include "cli/spelling.h"
#include "commands/deployment_steps.h"

namespace mifeng::cli {
namespace {

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds{
      {"models",
       "/models",
       true,
       true,
       true,
       {{"ID", "id"},
        {"VENDOR", "vendor_id"},
        {"NAME", "name"},
        {"VERSION", "version"},
        {"LANGUAGE", "language"},
        {"STATE", "state"},
        {"BY", "submitted_by", Shown::kWide},
        {"AGE", "age:submitted_ms", Shown::kWide},
        {"FUNCTION", "function"}}},
      {"deployments", "/deployments", true, true, true, deployment_columns()},
      {"units",
       "",
       false,
       true,
       false,
       {{"NAME", "name"},
        {"DEPLOYMENT", "deployment", Shown::kWide},
        {"REVISION", "revision"},
        {"STATE", "state"},
        {"RESTARTS", "restarts"},
        {"STARTED", "started_ms"},
        {"INSTANCE", "instance_id"},
        {"REASON", "reason"},
        {"CODE", "reason_code", Shown::kWide},
        {"REMEDY", "remedy", Shown::kWide}},
       "name",
       "units"},
      {"revisions",
       "",
       false,
       true,
       false,
       {{"REVISION", "number"},
        {"VERSION", "version"},
        {"WANTED", "wanted"},
        {"UNITS", "units"},
        {"CAUSE", "cause"},
        {"BY", "created_by"},
        {"CREATED", "created_ms"}},
       "number",
       "revisions"},
      {"events",
       "",
       false,
       true,
       false,
       {{"TIME", "time_ms"},
        {"DEPLOYMENT", "deployment"},
        {"UNIT", "unit"},
        {"ACTION", "action"},
        {"DETAIL", "detail"}},
       "time_ms",
       "events"},
      {"routes",
       "/routes",
       true,
       true,
       true,
       {{"ID", "id"},
        {"PREFIX", "prefix"},
        {"NAME", "name"},
        {"FORWARD", "forward"},
        {"ENABLED", "enabled"},
        {"OPEN", "open"},
        {"CALLERS", "callers", Shown::kWide},
        {"DEPLOYMENT", "deployment_id", Shown::kWide},
        {"AGE", "age:created_ms", Shown::kWide}}},
      {"clusters", "/clusters", false, true, false, cluster_columns()},
      {"ports",
       "/ports",
       false,
       false,
       false,
       {{"PORT", "port"}, {"STATE", "state"}, {"HOLDER", "holder"}, {"UNIT", "unit"}, {"NAME", "port_name"}},
       "port"},
      {"vendors",
       "/vendors",
       true,
       true,
       true,
       {{"ID", "id"},
        {"NAME", "name"},
        {"TELEPHONE", "telephone"},
        {"CONFIRMED", "confirmed"},
        {"FINGERPRINT", "fingerprint"}}},
      {"callers",
       "/callers",
       true,
       true,
       true,
       {{"ID", "id"}, {"NAME", "name"}, {"ENABLED", "enabled"}, {"CREATED", "created_ms"}}},
      {"gateways",
       "/gateways",
       false,
       false,
       true,
       {{"ID", "id"},
        {"STATE", "state"},
        {"CONNECTED", "connected"},
        {"SERIAL", "serial_confirmed"},
        {"SEEN", "last_seen_ms"},
        {"VERSION", "version", Shown::kWide},
        {"AGE", "age:created_ms", Shown::kWide}}},
      {"keys",
       "/keys",
       false,
       false,
       false,
       {{"ID", "id"},
        {"PURPOSE", "purpose"},
        {"STATE", "state"},
        {"NOT BEFORE", "not_before_ms"},
        {"NOT AFTER", "not_after_ms"}}},
      {"instances",
       "/instances",
       true,
       false,
       false,
       {{"ID", "id"},
        {"DEPLOYMENT", "deployment_id"},
        {"REVISION", "revision"},
        {"UNIT", "unit"},
        {"GRANTED", "granted_ms"},
        {"ENDED", "ended_ms"},
        {"CALLS", "calls"}}},
      {"people",
       "/people",
       true,
       true,
       true,
       {{"ID", "id"}, {"NAME", "name"}, {"ROLES", "roles"}, {"VENDOR", "vendor_id"}, {"ENABLED", "enabled"}}},
      {"tokens",
       "/tokens",
       false,
       false,
       true,
       {{"ID", "id"}, {"NAME", "name"}, {"ROLES", "roles"}, {"EXPIRES", "expires_ms"}}},
      {"configs",
       "/configs",
       true,
       false,
       false,
       {{"SM3", "sm3"}, {"ADDRESS", "address"}, {"SIZE", "size"}, {"CREATED", "created_ms"}},
       "sm3"},
      {"images",
       "/images",
       true,
       false,
       false,
       {{"NAME", "name"}, {"DIGEST", "digest"}, {"SIZE", "size"}, {"ADDRESS", "address"}},
       "digest"},
      {"audit",
       "/audit",
       true,
       false,
       false,
       {{"SEQ", "seq"},
        {"TIME", "time_ms"},
        {"ACTOR", "actor"},
        {"ACTION", "action"},
        {"SUBJECT", "subject"},
        {"OUTCOME", "outcome"}},
       "seq"},
  };
  return kKinds;
}

// Plural, singular and short, which is how ids of the kind begin where they have such a beginning. The plural first.
std::vector<std::string> words_of(const std::string& name) {
  static const std::vector<std::vector<std::string>> kWords{{"models", "model", "versions", "version", "mv"},
                                                            {"deployments", "deployment", "deploy", "dep"},
                                                            {"units", "unit"},
                                                            {"revisions", "revision", "rev"},
                                                            {"events", "event", "ev"},
                                                            {"routes", "route", "rt"},
                                                            {"clusters", "cluster", "cl"},
                                                            {"ports", "port", "po"},
                                                            {"vendors", "vendor", "ve"},
                                                            {"callers", "caller", "ca"},
                                                            {"gateways", "gateway", "gw"},
                                                            {"keys", "key"},
                                                            {"instances", "instance", "in"},
                                                            {"people", "person", "pe"},
                                                            {"tokens", "token", "to"},
                                                            {"configs", "config"},
                                                            {"images", "image", "im"}};
  for (const auto& words : kWords)
    if (words.front() == name) return words;
  return {name};
}

}  // namespace

Result<const Kind*> find_kind(const std::string& word) {
  std::string all;
  std::vector<std::string> words;
  for (const Kind& kind : kinds()) {
    const std::vector<std::string> known = words_of(kind.name);
    if (std::find(known.begin(), known.end(), word) != known.end()) return &kind;
    all += (all.empty() ? "" : ", ") + kind.name;
    words.insert(words.end(), known.begin(), known.end());
  }
  const std::string meant = nearest(word, words);
  if (meant.empty())
    return Error(ErrorCode::kInvalidArgument, "unknown-kind", say("\"{}\" is none of: {}.", {word, all}));
  return Error(ErrorCode::kInvalidArgument, "unknown-kind",
               say("\"{}\" is no kind of thing here; did you mean {}?", {word, meant}));
}

const std::vector<Column>& cluster_columns() {
  static const std::vector<Column> kColumns{{"ID", "id"},
                                            {"KIND", "kind"},
                                            {"STATE", "state"},
                                            {"VERSION", "version"},
                                            {"NODES", "node_addresses"},
                                            {"DEPLOYMENTS", "deployments"},
                                            {"REASON", "reason"}};
  return kColumns;
}

const std::vector<Column>& version_columns() {
  static const std::vector<Column> kColumns{{"ID", "id"},           {"VENDOR", "vendor_id"}, {"NAME", "name"},
                                            {"VERSION", "version"}, {"STATE", "state"},      {"FUNCTION", "function"}};
  return kColumns;
}

}  // namespace mifeng::cli
