#include "commands/deployment_steps.h"

#include <charconv>
#include <chrono>
#include <thread>

#include "cli/language.h"
#include "commands/things.h"
#include "mifeng/client/answer.h"

namespace mifeng::cli {
namespace {

// The name and value of "NAME=VALUE"; both empty where it is not that.
std::pair<std::string, std::string> parts_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return {};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<json::Object> quantities(const std::string& flag, const std::vector<std::string>& given) {
  json::Object object;
  for (const std::string& text : given) {
    const auto [name, value] = parts_of(text);
    if (name.empty() || value.empty())
      return Error(ErrorCode::kInvalidArgument, "bad-quantity",
                   say("{} takes RESOURCE=AMOUNT, such as memory=2Gi, not {}.", {flag, text}));
    object.set(name, value);
  }
  return object;
}

// "a,b,c" as its parts.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const std::size_t end = text.find(separator, from);
    parts.push_back(text.substr(from, end - from));
    if (end == std::string::npos) return parts;
    from = end + 1;
  }
}

// "cache=claim:shared,size=10Gi,class=fast" as the API has it.
Result<json::Value> volume_of(const std::string& text) {
  const Error bad(
      ErrorCode::kInvalidArgument, "bad-volume",
      say("--volume takes NAME=WHERE, such as cache=memory,size=1Gi or cache=claim:shared, not {}.", {text}));
  const auto parts = split(text, ',');
  const auto [name, where] = parts_of(parts[0]);
  json::Object volume{{"name", name}};
  if (name.empty()) return bad;
  if (where == "disk" || where == "memory") {
    volume.set("medium", where);
  } else if (where.starts_with("claim:") && where != "claim:") {
    volume.set("claim", where.substr(where.find(':') + 1));
  } else {
    return bad;
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto [key, value] = parts_of(parts[i]);
    const std::string member = key == "class" ? "storage_class" : key;
    if ((key != "size" && key != "class") || value.empty() || volume.find(member) != nullptr) return bad;
    volume.set(member, value);
  }
  return json::Value(std::move(volume));
}

// "dedicated=lab:NoExecute,seconds=60" as the API has it.
Result<json::Value> toleration_of(const std::string& text) {
  const Error bad(ErrorCode::kInvalidArgument, "bad-toleration",
                  say("--toleration takes KEY[=VALUE][:EFFECT], such as nvidia.com/gpu or "
                      "dedicated=lab:NoExecute,seconds=60, not {}.",
                      {text}));
  const auto parts = split(text, ',');
  const std::size_t colon = parts[0].find(':');
  const std::string taint = parts[0].substr(0, colon);
  const std::size_t equals = taint.find('=');
  if (taint.empty() || equals == 0 || parts.size() > 2) return bad;
  json::Object toleration{{"key", taint.substr(0, equals)}};
  if (equals != std::string::npos) toleration.set("value", taint.substr(equals + 1));
  if (colon != std::string::npos) {
    const std::string effect = parts[0].substr(colon + 1);
    if (effect.empty()) return bad;
    toleration.set("effect", effect);
  }
  if (parts.size() == 2) {
    const auto [key, value] = parts_of(parts[1]);
    std::int64_t seconds = 0;
    const char* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, seconds);
    if (key != "seconds" || read.ec != std::errc() || read.ptr != end) return bad;
    toleration.set("seconds", seconds);
  }
  return json::Value(std::move(toleration));
}

// Sets `member` to what `each` makes of the texts, where there are any.
Result<void> set_list(json::Object& body, const char* member, const std::vector<std::string>& texts,
                      Result<json::Value> (*each)(const std::string& text)) {
  json::Array list;
  for (const std::string& text : texts) {
    MIFENG_TRY(auto one, each(text));
    list.push_back(std::move(one));
  }
  if (!list.empty()) body.set(member, std::move(list));
  return ok();
}

std::string how(const std::string& strategy) {
  if (strategy == "surge") return tr("a new unit runs before an old one goes");
  if (strategy == "in-place") return tr("an old unit goes first, the others serve meanwhile");
  return tr("the only unit goes first, and calls fail meanwhile");
}

// On one line.
std::string shown(const json::Value& value) {
  const std::string* text = value.if_string();
  return text != nullptr && text->find('\n') == std::string::npos ? *text : json::serialize(value);
}

}  // namespace

std::string shown_changes(const json::Value& plan) {
  std::string out;
  for (const json::Value& change : client::list_of(plan, "changes")) {
    const json::Value* before = client::member_of(change, "before");
    const json::Value* after = client::member_of(change, "after");
    if (before == nullptr || after == nullptr) continue;
    const std::string field = text_of(change, "field");
    if (before->is_null()) {
      out += "  + " + field + ": " + shown(*after) + "\n";
    } else if (after->is_null()) {
      out += "  - " + field + ": " + shown(*before) + "\n";
    } else {
      out += "  ~ " + field + ": " + shown(*before) + " -> " + shown(*after) + "\n";
    }
  }
  return out;
}

namespace {

Result<void> print_plan(const json::Value& plan, const std::string& format, Console& console) {
  if (format == "json") return console.print(json::serialize_pretty(plan));
  if (format == "yaml") return console.print(to_yaml(plan));
  if (format == "name") return console.print(text_of(plan, "deployment_id") + "\n");
  std::string out = say("{}: revision {} ({}) to {}; {}",
                        {text_of(plan, "deployment_id"), text_of(plan, "from_revision"), text_of(plan, "from_version"),
                         text_of(plan, "to_version"), how(text_of(plan, "strategy"))}) +
                    "\n";
  const std::string changes = shown_changes(plan);
  out += changes.empty() ? "  " + tr("nothing would be replaced") + "\n" : changes;
  MIFENG_CHECK(console.print(out));
  for (const json::Value& warning : client::list_of(plan, "warnings"))
    if (const std::string* text = warning.if_string()) console.warning(tr_phrase(*text));
  return ok();
}

}  // namespace

const std::vector<Column>& deployment_columns() {
  static const std::vector<Column> kColumns{{"ID", "id"},
                                            {"NAME", "name", Shown::kWide},
                                            {"CLUSTER", "cluster", Shown::kWide},
                                            {"MODEL", "model"},
                                            {"VERSION", "version"},
                                            {"REVISION", "revision"},
                                            {"READY", "ready/replicas"},
                                            {"STATE", "state"},
                                            {"GRADE", "grade"},
                                            {"PORT", "port", Shown::kWide},
                                            {"PREFIX", "prefix"},
                                            {"BY", "created_by", Shown::kWide},
                                            {"AGE", "age:created_ms"},
                                            {"REASON", "reason"},
                                            {"CODE", "reason_code", Shown::kWide},
                                            {"REMEDY", "remedy", Shown::kWide}};
  return kColumns;
}

Result<void> print_deployment(const PlatformClient& client, json::Value deployment, const std::string& format,
                              Console& console) {
  if (format == "table" || format == "wide") add_places(client, deployment);
  return print_objects(console, deployment, format, deployment_columns());
}

namespace {

// Why it is not ready, with what a person has to do about it where the platform knows.
std::string why_not(const json::Value& deployment) {
  const std::string reason = text_of(deployment, "reason");
  const std::string remedy = text_of(deployment, "remedy");
  return remedy.empty() ? reason : say("{}. What to do: {}.", {tr_phrase(reason), tr_phrase(remedy)});
}

}  // namespace

Result<json::Value> wait_ready(const PlatformClient& client, const std::string& id, std::int64_t seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    MIFENG_TRY(auto deployment, client.get("/deployments/" + id));
    const std::string state = text_of(deployment, "state");
    if (state == "ready") return deployment;
    if (state == "failed" || text_of(deployment, "update_failed") == "true")
      return Error(ErrorCode::kInternal, "deployment-failed", why_not(deployment));
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(ErrorCode::kTimeout, "not-ready",
                   say("{} is {} after {} s. {}",
                       {id, tr_word(state), std::to_string(seconds), tr_phrase(why_not(deployment))}));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

void add_overlay_flags(Command& command, OverlayFlags& flags) {
  command.texts("--env", flags.env, "NAME=VALUE; again for more. What is given replaces all that an update finds set")
      .texts("--request", flags.requests, "RESOURCE=AMOUNT that a unit is sure of, such as cpu=500m; in the same way")
      .texts("--limit", flags.limits, "RESOURCE=AMOUNT that a unit may use, such as memory=2Gi; in the same way")
      .texts(
          "--volume", flags.volumes,
          "NAME=WHERE[,size=AMOUNT][,class=CLASS]: a volume of the config's on disk, in memory or on claim:CLAIM; in "
          "the same way")
      .texts("--toleration", flags.tolerations,
             "KEY[=VALUE][:EFFECT][,seconds=N]: a taint of Kubernetes' nodes that does not keep units away; in the "
             "same way")
      .flag("--allow-network", flags.allow_network, "let a model that asks for it reach other machines");
}

Result<void> set_overlay(json::Object& body, const OverlayFlags& flags) {
  json::Array env;
  for (const std::string& variable : flags.env) {
    const auto [name, value] = parts_of(variable);
    if (name.empty())
      return Error(ErrorCode::kInvalidArgument, "bad-env", say("--env takes NAME=VALUE, not {}.", {variable}));
    env.push_back(json::Object{{"name", name}, {"value", value}});
  }
  if (!env.empty()) body.set("env", std::move(env));
  if (!flags.requests.empty()) {
    MIFENG_TRY(auto requests, quantities("--request", flags.requests));
    body.set("requests", std::move(requests));
  }
  if (!flags.limits.empty()) {
    MIFENG_TRY(auto limits, quantities("--limit", flags.limits));
    body.set("limits", std::move(limits));
  }
  MIFENG_CHECK(set_list(body, "volumes", flags.volumes, volume_of));
  MIFENG_CHECK(set_list(body, "tolerations", flags.tolerations, toleration_of));
  if (flags.allow_network) body.set("allow_network", true);
  return ok();
}

Result<int> update_deployment(const PlatformClient& client, const UpdateWish& wish, Console& console) {
  const std::string path = "/deployments/" + wish.id;
  const json::Value body = wish.body;
  if (wish.plan) {
    MIFENG_TRY(const auto plan, client.send("POST", path + "/revisions/plan", body));
    MIFENG_CHECK(print_plan(plan, wish.format, console));
    return 0;
  }
  auto updated = client.change("POST", path + "/revisions", wish.seen, body);
  // Another number of replicas is no revision.
  if (!updated && (wish.replicas < 0 || updated.error().reason() != "nothing-changed"))
    return std::move(updated).error();
  json::Value deployment;
  if (updated) deployment = std::move(*updated);
  if (wish.replicas >= 0) {
    const json::Value replicas = json::Object{{"replicas", wish.replicas}};
    // What was seen is now what the update has made of it.
    const json::Value seen = updated ? deployment : json::Value(wish.seen);
    MIFENG_TRY(deployment, client.change("PUT", path + "/replicas", seen, replicas));
  }
  if (wish.wait_seconds > 0) {
    console.message(say("Waiting for {} to be ready.", {wish.id}));
    MIFENG_TRY(deployment, wait_ready(client, wish.id, wish.wait_seconds));
  }
  MIFENG_CHECK(print_deployment(client, deployment, wish.format, console));
  return 0;
}

}  // namespace mifeng::cli
