#include "examples.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "mifeng/base/guard_words.h"
#include "mifeng/base/phrase.h"
#include "mifeng/client/answer.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/os/file.h"
#include "tool.h"

namespace mifeng::stack {
namespace {

using client::list_of;
using client::required_object;
using client::required_text;
using client::text_of;

using Steady = std::chrono::steady_clock;
constexpr std::size_t kYamlMax = 256 * 1024;
constexpr std::size_t kCallsMax = 64 << 20;
constexpr int kRevisionsMax = 1000;
constexpr std::chrono::minutes kPackTimeout{30};
constexpr std::chrono::minutes kReadyTimeout{3};
constexpr std::chrono::seconds kEndingMax{15};  // in which a model that has ended is started a few times more

std::int64_t ms_since(Steady::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - then).count();
}

Result<manifest::ModelProject> read_project(const std::filesystem::path& project) {
  MIFENG_TRY(const std::string yaml, read_text_file(project / "mifeng.yaml", kYamlMax));
  return manifest::parse_model_project(yaml, (project / "mifeng.yaml").string());
}

// A copy of the project under another version, for an example that changed after its version was accepted.
Result<std::filesystem::path> project_with_version(ExampleContext& context, const std::filesystem::path& project,
                                                   const std::string& version) {
  const std::filesystem::path copy = context.data / "work" / (project.filename().string() + "-" + version);
  std::error_code error;
  std::filesystem::remove_all(copy, error);
  std::filesystem::copy(project, copy, std::filesystem::copy_options::recursive, error);
  if (error) return errno_error(error.value(), "copy " + project.string());
  MIFENG_TRY(manifest::ModelProject model, read_project(project));
  model.model.version = version;
  const std::filesystem::path deployment = project / model.deployment;
  MIFENG_TRY(const std::string yaml, read_text_file(deployment, kYamlMax));
  MIFENG_TRY(manifest::DeploymentConfig config,
             manifest::parse_deployment_config(yaml, deployment.string(), manifest::ConfigKind::kProject));
  config.model_version = version;
  MIFENG_CHECK(write_file_atomic(copy / "mifeng.yaml", as_bytes(manifest::to_yaml(model))));
  MIFENG_CHECK(write_file_atomic(copy / model.deployment, as_bytes(manifest::to_yaml(config))));
  return copy;
}

// The project in the data folder, as new as it is now; what an earlier packing left in the copy stays.
Result<std::filesystem::path> copy_of(ExampleContext& context, const std::filesystem::path& project) {
  const std::filesystem::path copy = context.data / "work" / project.filename();
  std::error_code error;
  std::filesystem::copy(project, copy,
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing,
                        error);
  if (error) return errno_error(error.value(), "copy " + project.string());
  return copy;
}

// What is handed to somebody else, and comes back: a folder of his in the data folder, which he can go through.
Result<std::filesystem::path> give_to(const PackAs& who, ExampleContext& context) {
  const std::filesystem::path folder = context.data / "packing";
  std::error_code error;
  std::filesystem::remove_all(folder, error);  // what was his is not written into
  std::filesystem::create_directories(folder, error);
  for (const std::filesystem::path& file : {context.card, context.vendor_key}) {
    const std::filesystem::path copy = folder / file.filename();
    std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing, error);
    if (error) return errno_error(error.value(), "copy " + file.string());
    if (::chmod(copy.c_str(), 0600) != 0 || ::chown(copy.c_str(), who.user, who.group) != 0)
      return errno_error(errno, "give away " + copy.string());
  }
  if (::chmod(folder.c_str(), 0700) != 0 || ::chown(folder.c_str(), who.user, who.group) != 0)
    return errno_error(errno, "give away " + folder.string());
  return folder;
}

// In the child, before exec: system calls alone. A change of user takes the parent's death signal away.
int become(const PackAs& who) {
  if (::setgroups(who.groups.size(), who.groups.data()) != 0) return errno;
  if (::setresgid(who.group, who.group, who.group) != 0) return errno;
  if (::setresuid(who.user, who.user, who.user) != 0) return errno;
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ? errno : 0;
}

Result<void> pack(ExampleContext& context, const std::filesystem::path& project, const std::filesystem::path& output) {
  std::filesystem::path card = context.card, key = context.vendor_key, made = output;
  ChildOptions child;
  if (context.pack_as) {
    MIFENG_TRY(const std::filesystem::path folder, give_to(*context.pack_as, context));
    card = folder / card.filename();
    key = folder / key.filename();
    made = folder / output.filename();
    child.argv = {"env", "HOME=" + context.pack_as->home};
    child.last_step = [who = *context.pack_as] { return become(who); };
  }
  child.argv.insert(child.argv.end(),
                    {(context.options.programs / "mifeng").string(), "pack", project.string(), "--for", card.string(),
                     "--key", key.string(), "--packs", context.options.packs.string(), "--cache",
                     context.options.cache.string(), "--output-file", made.string()});
  MIFENG_CHECK(run_tool(std::move(child), kPackTimeout, context.stop,
                        [&](std::string_view line) { context.listener.line("    " + std::string(line)); }));
  if (made == output) return ok();
  std::error_code error;
  std::filesystem::rename(made, output, error);
  if (error) return errno_error(error.value(), "take back " + made.string());
  return ok();
}

// Every member of `expected` is in `is`; lists have the same length; numbers are as near as their digits tell.
bool agrees(const json::Value& is, const json::Value& expected) {
  const auto number = [](const json::Value& value) -> std::optional<double> {
    if (value.if_double() != nullptr) return *value.if_double();
    if (value.if_int64() != nullptr) return static_cast<double>(*value.if_int64());
    if (value.if_uint64() != nullptr) return static_cast<double>(*value.if_uint64());
    return std::nullopt;
  };
  if (const auto wanted = number(expected)) {
    const auto got = number(is);
    return got && std::abs(*got - *wanted) <= 1e-9 * std::max(1.0, std::abs(*wanted));
  }
  if (const json::Array* wanted = expected.if_array()) {
    const json::Array* got = is.if_array();
    return got != nullptr && got->size() == wanted->size() &&
           std::equal(got->begin(), got->end(), wanted->begin(), agrees);
  }
  if (const json::Object* wanted = expected.if_object()) {
    const json::Object* got = is.if_object();
    return got != nullptr && std::all_of(wanted->begin(), wanted->end(), [&](const json::Object::Member& member) {
             const json::Value* value = got->find(member.first);
             return value != nullptr && agrees(*value, member.second);
           });
  }
  return is == expected;
}

}  // namespace

Result<std::vector<Call>> read_calls(const std::filesystem::path& project) {
  std::filesystem::path path = project / "calls.jsonl";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) path = project / "build/calls.jsonl";
  MIFENG_TRY(const std::string text, read_text_file(path, kCallsMax));
  std::vector<Call> calls;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string line = text.substr(from, end - from);
    from = end + 1;
    ++number;
    if (line.empty()) continue;
    auto object = json::parse_object(line);
    if (!object) return object.error().with_context(path.string() + ":" + std::to_string(number));
    Call call;
    if (const json::Value* method = object->find("method"); method != nullptr && method->if_string() != nullptr)
      call.method = *method->if_string();
    const json::Value* target = object->find("path");
    const json::Value* answer = object->find("answer");
    if (target == nullptr || target->if_string() == nullptr || answer == nullptr)
      return Error(ErrorCode::kInvalidArgument, "bad-calls",
                   path.string() + ":" + std::to_string(number) + ": a call needs a path and an answer");
    call.target = *target->if_string();
    call.answer = *answer;
    if (const json::Value* body = object->find("request"); body != nullptr) call.body = json::serialize(*body);
    calls.push_back(std::move(call));
  }
  if (calls.empty()) return Error(ErrorCode::kInvalidArgument, "no-calls", path.string() + " holds no call");
  return calls;
}

namespace {

Result<net::ClientResponse> send(const ExampleContext& context, const std::string& prefix, const Call& call) {
  MIFENG_TRY(net::ParsedUrl url, net::parse_url(context.gateway_url));
  if (url.options.tls) url.options.tls->ca_file = context.gateway_ca;
  url.options.connect_timeout = std::chrono::seconds(5);
  url.options.idle_timeout = std::chrono::seconds(30);
  MIFENG_TRY(const net::HttpClient client, net::HttpClient::create(std::move(url.options)));
  net::ClientRequest request(call.method, url.base_path + prefix + call.target);
  request.headers.set("Authorization", "Bearer " + context.caller_key);
  if (call.body) {
    request.body = *call.body;
    request.headers.set("Content-Type", "application/json");
  }
  return client.send_now(std::move(request));
}

}  // namespace

std::string difference(const Result<net::ClientResponse>& response, const Call& call) {
  const std::string which = call.method + " " + call.target + ": ";
  if (!response) return which + response.error().message();
  if (response->status != 200)
    return which + "status " + std::to_string(response->status) + " " + response->body.substr(0, 200);
  json::ParseLimits limits;
  limits.bytes = 16 << 20;
  const auto answer = json::parse(response->body, limits);
  if (!answer) return which + "the answer is not JSON: " + response->body.substr(0, 200);
  if (call.answer && !agrees(*answer, *call.answer))
    return which + "answered " + response->body.substr(0, 200) + " and not " +
           json::serialize(*call.answer).substr(0, 200);
  return {};
}

Result<std::vector<std::filesystem::path>> find_examples(const UpOptions& options) {
  std::vector<std::filesystem::path> found;
  if (options.examples.empty()) return found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options.examples, error)) {
    const std::string name = entry.path().filename();
    const bool wanted =
        options.only.empty() || std::find(options.only.begin(), options.only.end(), name) != options.only.end();
    if (wanted && std::filesystem::exists(entry.path() / "mifeng.yaml", error)) found.push_back(entry.path());
  }
  if (error) return errno_error(error.value(), "look into " + options.examples.string());
  std::sort(found.begin(), found.end());
  for (const std::string& name : options.only) {
    if (std::none_of(found.begin(), found.end(), [&](const auto& path) { return path.filename() == name; }))
      return Error(ErrorCode::kNotFound, "no-such-example",
                   "there is no example " + name + " in " + options.examples.string());
  }
  return found;
}

Result<void> ensure_vendor(ExampleContext& context, const manifest::Vendor& vendor) {
  std::error_code error;
  if (!std::filesystem::exists(context.vendor_key, error)) {
    MIFENG_TRY(const crypto::Sm2PrivateKey made, crypto::Sm2PrivateKey::generate());
    MIFENG_TRY(const SecretBytes pem, made.to_pem());
    MIFENG_CHECK(write_file_atomic(context.vendor_key, pem.reveal_for_output(), 0600));
  }
  MIFENG_TRY(const SecretBytes pem, read_secret_file(context.vendor_key, 64 << 10));
  MIFENG_TRY(const crypto::Sm2PrivateKey key, crypto::Sm2PrivateKey::from_pem(pem));
  MIFENG_TRY(const std::string public_pem, key.public_key().to_pem());
  const std::string fingerprint = key.public_key().fingerprint();

  auto known = context.api.get("/vendors/" + vendor.id);
  if (!known && known.error().code() == ErrorCode::kNotFound) {
    const json::Object input{{"id", vendor.id},
                             {"name", vendor.name},
                             {"address", vendor.address},
                             {"telephone", vendor.telephone},
                             {"business", vendor.business}};
    known = context.api.send("POST", "/vendors", input);
  }
  if (!known) return std::move(known).error();
  if (text_of(*known, "confirmed") == "true" && text_of(*known, "fingerprint") == fingerprint) return ok();
  MIFENG_CHECK(context.api.send("PUT", "/vendors/" + vendor.id + "/key", json::Object{{"public_key_pem", public_pem}}));
  // The fingerprint is of the key in our own file, so it is compared with what arrived.
  MIFENG_CHECK(context.api.send("POST", "/vendors/" + vendor.id + "/key/confirmation",
                                json::Object{{"fingerprint", fingerprint}}));
  return ok();
}

Result<Example> deliver(ExampleContext& context, const std::filesystem::path& given) {
  Example example;
  std::filesystem::path project = given;
  if (context.options.copy_examples) {
    MIFENG_TRY(project, copy_of(context, given));
  }
  example.folder = project.filename();
  MIFENG_TRY(example.model, read_project(project));
  example.prefix = "/" + example.model.model.name;
  MIFENG_CHECK(ensure_vendor(context, example.model.vendor));

  const std::filesystem::path revision_file = context.data / "packages" / (example.folder + ".revision");
  int revision = 1;
  if (const auto text = read_text_file(revision_file, 16)) revision = std::max(1, std::atoi(text->c_str()));
  const std::string first_version = example.model.model.version;
  for (; revision < kRevisionsMax; ++revision) {
    MIFENG_CHECK(context.stop.check());
    example.project = project;
    if (revision > 1) {
      example.model.model.version = first_version + "-" + std::to_string(revision);
      MIFENG_TRY(example.project, project_with_version(context, project, example.model.model.version));
    }
    const std::filesystem::path package =
        context.data / "packages" / (example.folder + "-" + example.model.model.version + ".mfpkg");
    context.listener.message(phrase("packing {} {}", example.folder, example.model.model.version));
    MIFENG_CHECK(pack(context, example.project, package));
    context.listener.message(phrase("submitting {}", package.filename().string()));
    auto submitted = context.api.send_package("/packages", package);
    if (!submitted && submitted.error().code() == ErrorCode::kConflict) continue;
    if (!submitted) return std::move(submitted).error();
    MIFENG_CHECK(write_file_atomic(revision_file, as_bytes(std::to_string(revision) + "\n")));
    MIFENG_TRY(const json::Value version, required_object(*submitted, "version"));
    MIFENG_TRY(example.version_id, required_text(version, "id"));
    MIFENG_TRY(const std::string state, required_text(version, "state"));
    if (state != "accepted")
      MIFENG_CHECK(context.api.send("POST", "/models/" + example.version_id + "/acceptance", json::Object{}));
    return example;
  }
  return Error(ErrorCode::kConflict, "too-many-revisions", "example " + example.folder + " has too many revisions");
}

Result<void> undeploy(ExampleContext& context, const Example& example) {
  const auto removed = context.api.send("DELETE", "/deployments/" + example.deployment_id);
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed.error();
  const auto deadline = Steady::now() + std::chrono::minutes(1);
  for (;;) {
    auto state = context.api.get("/deployments/" + example.deployment_id);
    if (!state && state.error().code() == ErrorCode::kNotFound) return ok();
    if (!state) return std::move(state).error();
    if (Steady::now() > deadline)
      return Error(ErrorCode::kTimeout, "not-removed", "deployment " + example.deployment_id + " does not go away");
    if (context.stop.wait(std::chrono::milliseconds(200))) return context.stop.check();
  }
}

// Whether what runs is a model that ends, and not one that takes its time.
bool model_ends(const std::string& code, const std::string& reason) {
  return code == "exited" || code == "out-of-memory" || reason.find(guard_words::kModelEnded) != std::string::npos;
}

Result<void> deploy(ExampleContext& context, Example& example) {
  const std::string& name = example.model.model.name;
  MIFENG_TRY(const json::Value page,
             context.api.get("/deployments?text=" + net::percent_encode(name) + "&page_size=100"));
  for (const json::Value& item : list_of(page, "items")) {
    MIFENG_TRY(const std::string its_name, required_text(item, "name"));
    if (its_name != name) continue;
    MIFENG_TRY(const std::string id, required_text(item, "id"));
    MIFENG_TRY(const std::string version, required_text(item, "version_id"));
    MIFENG_TRY(const std::string state, required_text(item, "state"));
    Example before;
    before.deployment_id = id;
    if (state != "deleting" && version != example.version_id) {
      // A name that another model of the same name has taken is given free below.
      const json::Object request{{"version_id", example.version_id}};
      const auto updated = context.api.send("POST", "/deployments/" + id + "/revisions", request);
      if (!updated && updated.error().reason() != "other-model") return updated.error();
      if (updated) example.deployment_id = id;
    } else if (state != "deleting") {
      example.deployment_id = id;
    }
    if (example.deployment_id.empty()) MIFENG_CHECK(undeploy(context, before));
  }
  if (example.deployment_id.empty()) {
    context.listener.message(phrase("deploying {}", name));
    json::Object request{{"name", name},
                         {"version_id", example.version_id},
                         {"route", json::Object{{"name", name}, {"prefix", example.prefix}}}};
    if (!context.options.cluster.kubeconfig.empty()) request.set("cluster", kKubernetesCluster);
    MIFENG_TRY(const json::Value made, context.api.send("POST", "/deployments", request));
    MIFENG_TRY(example.deployment_id, required_text(made, "id"));
  }
  const auto deadline = Steady::now() + kReadyTimeout;
  std::optional<Steady::time_point> ends_since;
  std::string told;
  for (;;) {
    MIFENG_TRY(const json::Value now, context.api.get("/deployments/" + example.deployment_id));
    MIFENG_TRY(const std::string state, required_text(now, "state"));
    MIFENG_TRY(const std::string reason, required_text(now, "reason"));
    if (state == "ready") return ok();
    if (context.is_impatient && !ends_since && model_ends(text_of(now, "reason_code"), reason))
      ends_since = Steady::now();
    const bool in_vain = ends_since && Steady::now() - *ends_since > kEndingMax;
    if (state == "failed" || in_vain || Steady::now() > deadline)
      return Error(ErrorCode::kUnavailable, "not-deployed",
                   phrase("deployment {} is {}: {}", example.deployment_id, state, reason));
    if (state != told) context.listener.state(name, state, reason);
    told = state;
    if (context.stop.wait(std::chrono::milliseconds(100))) return context.stop.check();
  }
}

Result<net::ClientResponse> first_answer(const ExampleContext& context, const std::string& prefix, const Call& call) {
  const auto deadline = Steady::now() + std::chrono::seconds(20);
  for (;;) {
    auto answer = send(context, prefix, call);
    const bool unknown = !answer || answer->status == 404 || answer->status == 401 || answer->status == 403 ||
                         answer->status > 500;  // 500 is the model's own
    if (!unknown || Steady::now() > deadline) return answer;
    if (context.stop.wait(std::chrono::milliseconds(50))) return context.stop.check().error();
  }
}

Result<CallReport> play_calls(ExampleContext& context, const Example& example) {
  MIFENG_TRY(const std::vector<Call> calls, read_calls(example.project));
  CallReport report;
  report.name = example.model.model.name;
  if (const auto known = first_answer(context, example.prefix, calls[0]); !known && context.stop.signal() != 0)
    return known.error();
  const auto started = Steady::now();
  for (const Call& call : calls) {
    MIFENG_CHECK(context.stop.check());
    const std::string wrong = difference(send(context, example.prefix, call), call);
    ++report.calls;
    if (wrong.empty()) {
      ++report.equal;
    } else if (report.first_difference.empty()) {
      report.first_difference = wrong;
    }
  }
  report.calls_ms = ms_since(started);
  return report;
}

std::string curl_line(const ExampleContext& context, const Example& example) {
  const auto calls = read_calls(example.project);
  std::string line = "curl -H 'Authorization: Bearer " + context.caller_key + "'";
  if (!context.gateway_ca.empty()) line += " --cacert " + context.gateway_ca.string();
  if (!calls) return line + " " + context.gateway_url + example.prefix + "/v2/health/ready";
  const Call& call = calls->front();
  if (call.method != "GET" || call.body) line += " -X " + call.method;
  if (call.body) {
    std::string quoted;
    for (const char c : *call.body) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += " -H 'Content-Type: application/json' -d '" + quoted + "'";
  }
  return line + " " + context.gateway_url + example.prefix + call.target;
}

}  // namespace mifeng::stack
