// Which unit shows a token, and is it what was rendered?
#include <algorithm>

#include "kubernetes_engine.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"
#include "pod_drift.h"
#include "token_keys.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;

constexpr int kStatusTries = 20;  // the status follows what runs
constexpr std::chrono::milliseconds kStatusPause{500};
constexpr int kLogLines = 2000;
constexpr std::size_t kLogBytesMax =
    16 << 20;  // the server counts from the first of these lines: the newest must not be cut off
const std::string kRequestLine = "mifeng-request ";  // spec/grant.md, The guards' door

Error denied(const char* reason, const std::string& message) {
  return Error(ErrorCode::kPermissionDenied, reason, message);
}

const json::Array* list_at(const json::Object& object, std::string_view first, std::string_view second) {
  const json::Value* value = cluster::at(object, first, second);
  return value == nullptr ? nullptr : value->if_array();
}

// The first of a list of texts in a TokenReview's "extra".
std::string extra(const json::Object& review, std::string_view name) {
  const auto texts = cluster::texts_at(review, "status", "user", "extra", name);
  return texts.size() == 1 ? texts[0] : std::string();
}

std::string_view digest_of(std::string_view image) {
  const std::size_t at = image.rfind("sha256:");
  return at == std::string_view::npos ? std::string_view() : image.substr(at);
}

const json::Object* controller_of(const json::Object& object) {
  const json::Array* owners = list_at(object, "metadata", "ownerReferences");
  if (owners == nullptr) return nullptr;
  for (const json::Value& one : *owners)
    if (const json::Object* owner = one.if_object(); owner != nullptr && cluster::bool_at(*owner, "controller"))
      return owner;
  return nullptr;
}

// Whether what runs in each container is the image that the spec names; nothing where the status does not say yet.
std::optional<bool> runs_its_images(const json::Object& pod) {
  std::map<std::string, std::string> wanted;
  for (const char* list : {"initContainers", "containers"})
    if (const json::Array* containers = list_at(pod, "spec", list))
      for (const json::Value& one : *containers)
        if (const json::Object* container = one.if_object())
          wanted[text_at(*container, "name")] = std::string(digest_of(text_at(*container, "image")));
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const json::Array* statuses = list_at(pod, "status", list);
    if (statuses == nullptr) continue;
    for (const json::Value& one : *statuses) {
      const json::Object* status = one.if_object();
      if (status == nullptr) continue;
      const std::string id = text_at(*status, "imageID");
      if (id.empty()) return std::nullopt;
      const auto expected = wanted.find(text_at(*status, "name"));
      if (expected == wanted.end() || expected->second.empty() || digest_of(id) != expected->second) return false;
      wanted.erase(expected);
    }
  }
  return wanted.empty() ? std::optional(true) : std::nullopt;
}

// When the guard's container began to run, as long as it does.
std::optional<UnixMillis> guard_started(const json::Object& pod) {
  const json::Array* statuses = list_at(pod, "status", "containerStatuses");
  if (statuses == nullptr) return std::nullopt;
  for (const json::Value& one : *statuses)
    if (const json::Object* status = one.if_object(); status != nullptr && text_at(*status, "name") == kGuardContainer)
      return time_of(text_at(*status, "state", "running", "startedAt"));
  return std::nullopt;
}

}  // namespace

Task<json::Object> KubernetesEngine::read_object(std::string target, std::string what) {
  auto answer = co_await api_->call("GET", std::move(target));
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return denied("not-ours", "there is no " + what);
  if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "look at " + what);
  co_return *answer->object();
}

// Whoever may make tokens can have one for a pod that is not his; its log he cannot write.
Task<void> KubernetesEngine::check_log(std::string pod, std::string request_sm3) {
  auto opened = co_await api_->open(
      "/api/v1/namespaces/" + options_.name_space + "/pods/" + pod + "/log?container=" + kGuardContainer +
          "&tailLines=" + std::to_string(kLogLines) + "&limitBytes=" + std::to_string(kLogBytesMax),
      std::chrono::seconds(30));
  if (!opened) co_return opened.error();
  LineReader reader(1 << 20);
  for (;;) {
    auto piece = co_await (*opened)->read();
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    std::vector<std::string> lines;
    if (!reader.feed(*piece, lines)) break;
    for (const std::string& line : lines)
      if (line == kRequestLine + request_sm3) co_return ok();
  }
  co_return denied("not-in-log", "the guard of the pod " + pod + " did not print this request");
}

// Where we may not ask for a TokenReview. What that says besides, that the pod is there, prove() sees itself; that the
// account was not made anew since, we look at here.
Task<KubernetesEngine::TokenOwner> KubernetesEngine::check_by_published_keys(const cluster::TokenEvidence& shown) {
  auto about = co_await api_->call("GET", "/.well-known/openid-configuration");
  if (!about) co_return about.error();
  if (!about->success() || about->object() == nullptr) co_return error_of(*about, "ask who issues tokens");
  auto keys = co_await api_->call("GET", "/openid/v1/jwks");
  if (!keys) co_return keys.error();
  if (!keys->success() || keys->object() == nullptr) co_return error_of(*keys, "ask by which keys tokens are signed");
  auto claims = read_token(shown.token, *keys->object());
  if (!claims) co_return claims.error();
  MIFENG_CO_CHECK(check_token(*claims, text_at(*about->object(), "issuer"), shown.audience, clock_.now_ms()));
  MIFENG_CO_CHECK(check_user(claims->user));
  auto account = co_await read_object(target_of(Kind::kServiceAccount, options_.name_space, kModelAccount),
                                      std::string("service account ") + kModelAccount);
  if (!account) co_return account.error();
  if (claims->account_uid != text_at(*account, "metadata", "uid"))
    co_return denied("token-refused", "the token is of a service account that is not there any more");
  co_return owner_of(std::move(claims->pod), std::move(claims->pod_uid));
}

// The account that the models' pods have, and no other has.
Result<void> KubernetesEngine::check_user(const std::string& user) const {
  if (user == "system:serviceaccount:" + options_.name_space + ":" + kModelAccount) return ok();
  return denied("other-account", "the token is of " + user);
}

Result<KubernetesEngine::TokenOwner> KubernetesEngine::owner_of(std::string pod, std::string uid) {
  // It stands in a path below.
  const bool plain = !pod.empty() && pod.size() <= 253 &&
                     pod.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
  if (!plain || uid.empty()) return denied("no-pod", "the token is bound to no pod");
  return TokenOwner{std::move(pod), std::move(uid)};
}

Task<KubernetesEngine::TokenOwner> KubernetesEngine::review(const cluster::TokenEvidence& shown) {
  json::Object asked{{"apiVersion", "authentication.k8s.io/v1"},
                     {"kind", "TokenReview"},
                     {"spec", json::Object{{"token", shown.token}, {"audiences", json::Array{shown.audience}}}}};
  auto answer = co_await api_->call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", std::move(asked));
  if (!answer) co_return answer.error();
  if (answer->status == 403) co_return co_await check_by_published_keys(shown);
  if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "have a token reviewed");
  const json::Object& reviewed = *answer->object();
  const auto audiences = cluster::texts_at(reviewed, "status", "audiences");
  if (!cluster::bool_at(reviewed, "status", "authenticated") ||
      std::find(audiences.begin(), audiences.end(), shown.audience) == audiences.end())
    co_return denied("token-refused", "the cluster does not take the token: " + text_at(reviewed, "status", "error"));
  MIFENG_CO_CHECK(check_user(text_at(reviewed, "status", "user", "username")));
  co_return owner_of(extra(reviewed, "authentication.kubernetes.io/pod-name"),
                     extra(reviewed, "authentication.kubernetes.io/pod-uid"));
}

// The replica set that made the pod is one of the deployment that we made.
Task<void> KubernetesEngine::check_owners(const json::Object& pod, std::string deployment) {
  const json::Object* set = controller_of(pod);
  if (set == nullptr || text_at(*set, "kind") != "ReplicaSet" || text_at(*set, "apiVersion") != "apps/v1")
    co_return denied("not-ours", "no replica set made the pod");
  const std::string set_uid = text_at(*set, "uid");
  auto found = co_await read_object(
      "/apis/apps/v1/namespaces/" + options_.name_space + "/replicasets/" + net::percent_encode(text_at(*set, "name")),
      "replica set of the pod");
  if (!found) co_return found.error();
  const json::Object* owner = controller_of(*found);
  if (text_at(*found, "metadata", "uid") != set_uid || owner == nullptr || text_at(*owner, "kind") != "Deployment" ||
      text_at(*owner, "name") != object_name(deployment))
    co_return denied("not-ours", "the pod's replica set is not of the deployment " + deployment);
  const std::string deployment_uid = text_at(*owner, "uid");
  auto made = co_await read_object(target_of(Kind::kDeployment, options_.name_space, object_name(deployment)),
                                   "deployment of the pod");
  if (!made) co_return made.error();
  if (text_at(*made, "metadata", "uid") != deployment_uid ||
      text_at(*made, "metadata", "labels", kLabelInstallation) != options_.installation)
    co_return denied("not-ours", "the deployment " + deployment + " was not made by this installation");
  co_return ok();
}

Task<cluster::Proof> KubernetesEngine::prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) {
  const auto* shown = std::get_if<cluster::TokenEvidence>(&evidence);
  if (shown == nullptr)
    co_return Error(ErrorCode::kInvalidArgument, "not-supported", "on Kubernetes a unit proves itself by its token");
  auto owner = co_await review(*shown);
  if (!owner) co_return owner.error();
  // Read from the API server and not from the view, which may be a moment old.
  const std::string target = "/api/v1/namespaces/" + options_.name_space + "/pods/" + owner->pod;
  json::Object pod;
  for (int tried = 1;; ++tried) {
    auto read = co_await read_object(target, "pod " + owner->pod);
    if (!read) co_return read.error();
    pod = std::move(*read);
    if (text_at(pod, "metadata", "uid") != owner->uid) co_return denied("not-ours", "the token's pod is gone");
    if (text_at(pod, "metadata", "labels", kLabelInstallation) != options_.installation)
      co_return denied("not-ours", "the pod has other labels than ours");
    if (cluster::at(pod, "metadata", "deletionTimestamp") != nullptr)
      co_return denied("not-running", "the pod " + owner->pod + " is being deleted");
    const auto runs = runs_its_images(pod);
    if (runs && !*runs) co_return denied("drifted", "the pod runs another image than its spec names");
    if (runs && guard_started(pod)) break;
    if (tried == kStatusTries) co_return denied("not-running", "the pod's status does not say what runs in it");
    co_await net::sleep_for(kStatusPause);
  }
  if (const std::string change = view_.change_of(owner->uid); !change.empty()) co_return denied("drifted", change);
  const PodSeen seen = pod_in(pod);
  const auto candidate = std::find_if(candidates.begin(), candidates.end(), [&](const cluster::Workload& one) {
    return one.deployment == seen.deployment && one.revision == seen.unit.revision;
  });
  if (candidate == candidates.end())
    co_return denied("no-such-revision", "the revision " + std::to_string(seen.unit.revision) + " of " +
                                             seen.deployment + " is not wanted");
  const json::Value* spec = pod.find("spec");
  if (spec == nullptr || spec->if_object() == nullptr) co_return denied("drifted", "the pod has no spec");
  if (const auto drift = find_pod_drift(render_pod_spec(options_, *candidate), *spec->if_object()))
    co_return denied("drifted", *drift);
  auto made = co_await check_owners(pod, seen.deployment);
  if (!made) co_return made.error();
  auto printed = co_await check_log(owner->pod, shown->request_sm3);
  if (!printed) co_return printed.error();
  co_return cluster::Proof{.unit = seen.name,
                           .engine_id = seen.uid,
                           .deployment = seen.deployment,
                           .revision = seen.unit.revision,
                           .started_at_ms = *guard_started(pod)};
}

}  // namespace mifeng::kubernetes
