#include "mifeng/kubernetes/joining.h"

#include <array>

#include "admission.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"
#include "objects.h"
#include "rights.h"

namespace mifeng::kubernetes {
namespace {

using namespace std::chrono_literals;
using cluster::text_at;
using json::Array;
using json::Object;
using net::Task;

constexpr const char* kAccount = "mifeng";
constexpr const char* kTokenSecret = "mifeng-token";
constexpr const char* kEnforce = "pod-security.kubernetes.io/enforce";
constexpr std::string_view kLabelCluster = "mifeng.io/cluster";  // its id on its platform
constexpr std::size_t kNodeAddressesMax = 16;                    // that a gateway dials
constexpr auto kSeenWithin = 20s;                                // until what was made is in force
constexpr auto kPause = 200ms;

std::string space_target(const std::string& name_space) { return "/api/v1/namespaces/" + name_space; }
std::string in_space(const std::string& name_space, const char* plural, const std::string& name) {
  return space_target(name_space) + "/" + plural + "/" + name;
}
std::string rbac_in_space(const std::string& name_space, const char* plural) {
  return std::string("/apis/rbac.authorization.k8s.io/v1/namespaces/") + name_space + "/" + plural + "/" + kAccount;
}
std::string rbac_target(const char* plural, const std::string& name) {
  return std::string("/apis/rbac.authorization.k8s.io/v1/") + plural + "/" + name;
}

Error unknown_login(const Answer& answer) {
  return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig",
               "The cluster does not know the login of this kubeconfig, or not any more: " + answer.message);
}

Error refused(const Answer& answer, const std::string& doing) {
  return answer.status == 401 ? unknown_login(answer) : error_of(answer, doing);
}

Object labels_of(const Place& place) {
  return {{std::string(kManagedBy), "mifeng"},
          {std::string(kLabelInstallation), place.installation},
          {std::string(kLabelCluster), place.cluster}};
}

Object metadata_of(const Place& place, const std::string& name, bool in_namespace) {
  Object metadata{{"name", name}, {"labels", labels_of(place)}};
  if (in_namespace) metadata.set("namespace", place.name_space);
  return metadata;
}

std::string manager_of(const Place& place) { return "mifeng-cluster-" + place.installation.substr(0, 8); }

// The models' own. What it names as pull secrets every pod of it has, so another login needs no other pods.
Object model_account(const Place& place, bool has_login) {
  Object account{{"apiVersion", "v1"},
                 {"kind", "ServiceAccount"},
                 {"metadata", metadata_of(place, kModelAccount, true)},
                 {"automountServiceAccountToken", false}};
  if (has_login) account.set("imagePullSecrets", Array{Object{{"name", kPullSecret}}});
  return account;
}

Object pull_secret(const Place& place, const std::string& registry, const RegistryLogin& login) {
  const std::string_view password = as_text(login.password.reveal_for_output());
  std::string pair = login.user + ":" + std::string(password);
  Object entry{{"username", login.user}, {"password", std::string(password)}, {"auth", to_base64(as_bytes(pair))}};
  wipe(pair.data(), pair.size());
  Object auths;
  auths.set(registry.substr(0, registry.find('/')), std::move(entry));
  std::string config = json::serialize(Object{{"auths", std::move(auths)}});
  Object secret{{"apiVersion", "v1"},
                {"kind", "Secret"},
                {"type", "kubernetes.io/dockerconfigjson"},
                {"metadata", metadata_of(place, kPullSecret, true)},
                {"data", Object{{".dockerconfigjson", to_base64(as_bytes(config))}}}};
  wipe(config.data(), config.size());
  return secret;
}

// What goes with its owner: Kubernetes itself sees to that.
Object owned_by(Object metadata, const char* api_version, const char* kind, const Object& owner) {
  metadata.set("ownerReferences", Array{Object{{"apiVersion", api_version},
                                               {"kind", kind},
                                               {"name", text_at(owner, "metadata", "name")},
                                               {"uid", text_at(owner, "metadata", "uid")}}});
  return metadata;
}

std::string rights_text(const std::vector<Right>& rights) {
  std::string text;
  for (const Right& right : rights) text += (text.empty() ? "" : ", ") + right.text();
  return text;
}

// One addition of a cluster, with the operator's login.
class Joining {
 public:
  Joining(const ApiServer& api, const Login& given, const JoinOptions& options,
          const std::optional<RegistryLogin>& registry_login)
      : api_(api), given_(given), options_(options), place_(options.place), registry_login_(registry_login) {}

  Task<Joined> run() {
    auto version = co_await api_.call("GET", "/version");
    if (!version) co_return version.error();
    if (!version->success() || version->object() == nullptr) co_return refused(*version, "ask for the version");
    Joined joined;
    joined.version = "kubernetes " + text_at(*version->object(), "gitVersion");
    auto looked = co_await look_at_namespace();
    if (!looked) co_return looked.error();
    auto may = co_await check_rights();
    if (!may) co_return may.error();
    auto login = co_await make();
    if (!login) {
      const Error why = login.error();
      co_await take_back();
      co_return why;
    }
    joined.membership.login = std::move(*login);
    joined.membership.made_account = !options_.as_given;
    joined.membership.made_namespace = made_namespace_;
    joined.node_addresses = std::move(node_addresses_);
    co_return joined;
  }

 private:
  std::string manager() const { return manager_of(place_); }

  Task<Object> apply(std::string target, Object object, std::string what, bool force = true) {
    auto applied = co_await api_.apply(std::move(target), manager(), std::move(object), force);
    if (!applied) co_return applied.error();
    if (!applied->success() || applied->object() == nullptr) co_return refused(*applied, "make " + what);
    co_return *applied->object();
  }

  // Whose it is, if anybody's.
  Result<void> check_owner(const Object& object) const {
    const std::string installation = text_at(object, "metadata", "labels", kLabelInstallation);
    const std::string cluster = text_at(object, "metadata", "labels", kLabelCluster);
    if (!installation.empty() && installation != place_.installation)
      return Error(ErrorCode::kConflict, "namespace-taken",
                   "The namespace " + place_.name_space +
                       " of this cluster belongs to another installation of Mifeng (" + installation.substr(0, 8) +
                       "). Name another one with --namespace.");
    if (!cluster.empty() && cluster != place_.cluster && options_.has_cluster && options_.has_cluster(cluster))
      return Error(ErrorCode::kConflict, "namespace-taken",
                   "The namespace " + place_.name_space + " of this cluster is the cluster " + cluster +
                       " of this platform already. Name another one with --namespace.");
    return ok();
  }

  Task<void> look_at_namespace() {
    auto space = co_await api_.call("GET", space_target(place_.name_space));
    if (!space) co_return space.error();
    if (space->status == 401) co_return unknown_login(*space);
    // Who may not look at it may work in it all the same.
    if (space->status == 404) has_namespace_ = false;
    if (space->success() && space->object() != nullptr) {
      const Object& object = *space->object();
      if (cluster::at(object, "metadata", "deletionTimestamp") != nullptr)
        co_return Error(ErrorCode::kConflict, "namespace-ending",
                        "The namespace " + place_.name_space + " is being deleted; try again once it is gone.");
      MIFENG_CO_CHECK(check_owner(object));
      made_namespace_ =
          !options_.as_given && text_at(object, "metadata", "labels", kLabelInstallation) == place_.installation;
    }
    if (!has_namespace_) co_return ok();
    auto account = co_await api_.call("GET", in_space(place_.name_space, "serviceaccounts", kModelAccount));
    if (!account) co_return account.error();
    if (account->success() && account->object() != nullptr) MIFENG_CO_CHECK(check_owner(*account->object()));
    co_return ok();
  }

  std::vector<Right> wanted() const {
    if (options_.as_given) return rights_of(namespace_role(place_.name_space), place_.name_space);
    const auto in = [&](const char* group, const char* resource, const char* name) {
      return std::vector<Right>{{"create", group, resource, "", name, place_.name_space},
                                {"patch", group, resource, "", name, place_.name_space}};
    };
    constexpr const char* kRbac = "rbac.authorization.k8s.io";
    const std::string role = cluster_role_name(place_.name_space);
    std::vector<Right> rights;
    const auto add = [&](std::vector<Right> more) { rights.insert(rights.end(), more.begin(), more.end()); };
    if (!has_namespace_)
      for (const char* verb : {"create", "patch"}) rights.push_back({verb, "", "namespaces", "", "", ""});
    add(in("", "serviceaccounts", ""));
    add(in("", "secrets", ""));
    rights.push_back({"get", "", "secrets", "", kTokenSecret, place_.name_space});
    add(in(kRbac, "roles", ""));
    add(in(kRbac, "rolebindings", ""));
    for (const char* resource : {"clusterroles", "clusterrolebindings"})
      for (const char* verb : {"create", "patch"}) rights.push_back({verb, kRbac, resource, "", role, ""});
    return rights;
  }

  Task<void> check_rights() {
    if (!has_namespace_ && options_.as_given)
      co_return Error(ErrorCode::kInvalidArgument, "no-namespace",
                      "The cluster has no namespace " + place_.name_space +
                          ". A login that is given as it is belongs to one that is there already.");
    std::vector<Right> rights = wanted();
    auto missing = co_await missing_rights(api_, std::move(rights));
    if (!missing) co_return missing.error();
    if (missing->empty()) co_return ok();
    const std::string lacks = "The login of this kubeconfig may not: " + rights_text(*missing) + ".";
    if (options_.as_given)
      co_return Error(ErrorCode::kInvalidArgument, "too-few-rights",
                      lacks + " The role that it needs is deploy/kubernetes/role-namespace.yaml.");
    co_return Error(ErrorCode::kInvalidArgument, "too-few-rights",
                    lacks +
                        " Give the kubeconfig of somebody who may; or have an account made in the namespace with the "
                        "role in deploy/kubernetes/role-namespace.yaml, and give its kubeconfig with --as-given.");
  }

  Task<Login> make() {
    auto marked = co_await take_namespace();
    if (!marked) co_return marked.error();
    Login login = copy_of(given_);
    if (!options_.as_given) {
      auto token = co_await make_account();
      if (!token) co_return token.error();
      login.client_certificate_pem.clear();
      login.client_key_pem = {};
      login.token = std::move(*token);
    }
    login.default_namespace = place_.name_space;
    if (registry_login_) {
      auto made = co_await make_pull_secret();
      if (!made) co_return made.error();
    }
    auto own = ApiServer::create(copy_of(login));
    if (!own) co_return own.error();
    auto works = co_await wait_until_it_works(**own);
    if (!works) co_return works.error();
    auto nodes = co_await read_node_addresses(**own);
    if (!nodes) co_return nodes.error();
    auto policy = co_await install_policy(**own, place_.name_space);
    if (!policy) co_return policy.error();
    co_return login;
  }

  static Login copy_of(const Login& login) {
    Login copy;
    copy.server = login.server;
    copy.ca_pem = login.ca_pem;
    copy.tls_server_name = login.tls_server_name;
    copy.proxy_url = login.proxy_url;
    copy.default_namespace = login.default_namespace;
    copy.client_certificate_pem = login.client_certificate_pem;
    copy.client_key_pem = login.client_key_pem.clone();
    copy.token = login.token.clone();
    return copy;
  }

  // The namespace, and on the models' account the mark that says whose it is. Who has the mark has it: the same label
  // with another value is refused by the API server, so that of two platforms at the same time one loses.
  Task<void> take_namespace() {
    if (!has_namespace_) {
      Object metadata = metadata_of(place_, place_.name_space, false);
      Object labels = labels_of(place_);
      labels.set(kEnforce, "restricted");
      metadata.set("labels", std::move(labels));
      Object space{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", std::move(metadata)}};
      auto made =
          co_await apply(space_target(place_.name_space), std::move(space), "the namespace " + place_.name_space);
      if (!made) co_return made.error();
      made_namespace_ = begun_namespace_ = true;
      namespace_ = std::move(*made);
    } else if (made_namespace_) {
      auto there = co_await api_.call("GET", space_target(place_.name_space));
      if (!there) co_return there.error();
      if (there->object() != nullptr) namespace_ = *there->object();
    }
    Object account = model_account(place_, registry_login_.has_value());
    const std::string target = in_space(place_.name_space, "serviceaccounts", kModelAccount);
    auto marked = co_await api_.apply(target, manager(), std::move(account), false);
    if (!marked) co_return marked.error();
    if (marked->status == 409)
      co_return Error(ErrorCode::kConflict, "namespace-taken",
                      "The namespace " + place_.name_space +
                          " of this cluster was taken by another installation of Mifeng at this moment.");
    if (!marked->success()) co_return refused(*marked, std::string("make the service account ") + kModelAccount);
    begun_ = true;
    begun_model_account_ = marked->status == 201;
    co_return ok();
  }

  // Gives the account's token.
  Task<SecretBytes> make_account() {
    const std::string& space = place_.name_space;
    Object account{{"apiVersion", "v1"},
                   {"kind", "ServiceAccount"},
                   {"metadata", metadata_of(place_, kAccount, true)},
                   {"automountServiceAccountToken", false}};
    auto owner = co_await apply(in_space(space, "serviceaccounts", kAccount), std::move(account),
                                std::string("the service account ") + kAccount);
    if (!owner) co_return owner.error();
    Object role = namespace_role(space);
    role.set("metadata", owned_by(metadata_of(place_, kAccount, true), "v1", "ServiceAccount", *owner));
    auto made = co_await apply(rbac_in_space(space, "roles"), std::move(role), "the role");
    if (!made) co_return made.error();
    Object binding = binding_of("RoleBinding", "Role", kAccount);
    binding.set("metadata", owned_by(metadata_of(place_, kAccount, true), "v1", "ServiceAccount", *owner));
    made = co_await apply(rbac_in_space(space, "rolebindings"), std::move(binding), "the role binding");
    if (!made) co_return made.error();

    const std::string name = cluster_role_name(space);
    Object wide = cluster_role(space, made_namespace_);
    Object metadata = metadata_of(place_, name, false);
    wide.set("metadata", made_namespace_ ? owned_by(std::move(metadata), "v1", "Namespace", namespace_) : metadata);
    made = co_await apply(rbac_target("clusterroles", name), std::move(wide), "the cluster role " + name);
    if (!made) co_return made.error();
    Object wide_binding = binding_of("ClusterRoleBinding", "ClusterRole", name);
    wide_binding.set("metadata",
                     owned_by(metadata_of(place_, name, false), "rbac.authorization.k8s.io/v1", "ClusterRole", *made));
    made = co_await apply(rbac_target("clusterrolebindings", name), std::move(wide_binding),
                          "the cluster role binding " + name);
    if (!made) co_return made.error();

    Object token_metadata = owned_by(metadata_of(place_, kTokenSecret, true), "v1", "ServiceAccount", *owner);
    token_metadata.set("annotations", Object{{"kubernetes.io/service-account.name", kAccount}});
    Object secret{{"apiVersion", "v1"},
                  {"kind", "Secret"},
                  {"type", "kubernetes.io/service-account-token"},
                  {"metadata", std::move(token_metadata)}};
    made = co_await apply(in_space(space, "secrets", kTokenSecret), std::move(secret), "the account's token");
    if (!made) co_return made.error();
    co_return co_await read_token();
  }

  Object binding_of(const char* kind, const char* role_kind, const std::string& role) const {
    return {
        {"apiVersion", "rbac.authorization.k8s.io/v1"},
        {"kind", kind},
        {"roleRef", Object{{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", role_kind}, {"name", role}}},
        {"subjects", Array{Object{{"kind", "ServiceAccount"}, {"name", kAccount}, {"namespace", place_.name_space}}}}};
  }

  // A controller fills the Secret in.
  Task<SecretBytes> read_token() {
    const auto until = std::chrono::steady_clock::now() + kSeenWithin;
    for (;;) {
      auto secret = co_await api_.call("GET", in_space(place_.name_space, "secrets", kTokenSecret));
      if (!secret) co_return secret.error();
      if (!secret->success() || secret->object() == nullptr) co_return refused(*secret, "read the account's token");
      std::string text = text_at(*secret->object(), "data", "token");
      if (!text.empty()) {
        auto bytes = from_base64(text);
        wipe(text.data(), text.size());
        if (!bytes || bytes->empty())
          co_return Error(ErrorCode::kInternal, "bad-api-answer", "the account's token is not base64");
        SecretBytes token(*bytes);
        wipe(bytes->data(), bytes->size());
        co_return token;
      }
      if (std::chrono::steady_clock::now() > until)
        co_return Error(ErrorCode::kTimeout, "api-slow",
                        "the cluster made no token for the service account mifeng; its token controller may not run");
      co_await net::sleep_for(kPause);
    }
  }

  Task<void> make_pull_secret() {
    Object secret = pull_secret(place_, options_.registry, *registry_login_);
    auto made =
        co_await apply(in_space(place_.name_space, "secrets", kPullSecret), std::move(secret), "the pull secret");
    if (!made) co_return made.error();
    co_return ok();
  }

  // Roles and tokens are in force a moment after they were made.
  Task<void> wait_until_it_works(const ApiServer& own) {
    const std::string target = target_of(Kind::kDeployment, place_.name_space) + "?limit=1";
    const auto until = std::chrono::steady_clock::now() + kSeenWithin;
    for (;;) {
      auto answer = co_await own.call("GET", target);
      if (!answer) co_return answer.error();
      if (answer->success()) co_return ok();
      if (std::chrono::steady_clock::now() > until) co_return error_of(*answer, "work with the account that was made");
      co_await net::sleep_for(kPause);
    }
  }

  Task<void> read_node_addresses(const ApiServer& own) {
    auto answer = co_await own.call("GET", "/api/v1/nodes?limit=500");
    if (!answer) co_return answer.error();
    if (answer->status == 403) co_return ok();  // then somebody has to say them
    if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "list the nodes");
    const json::Value* items = answer->object()->find("items");
    const Array* nodes = items == nullptr ? nullptr : items->if_array();
    if (nodes == nullptr) co_return ok();
    for (const json::Value& one : *nodes) {
      const Object* node = one.if_object();
      const json::Value* value = node == nullptr ? nullptr : cluster::at(*node, "status", "addresses");
      const Array* addresses = value == nullptr ? nullptr : value->if_array();
      if (addresses == nullptr) continue;
      bool has_v4 = false, has_v6 = false;
      for (const json::Value& each : *addresses) {
        const Object* address = each.if_object();
        if (address == nullptr || text_at(*address, "type") != "InternalIP") continue;
        const std::string text = text_at(*address, "address");
        bool& has = text.find(':') == std::string::npos ? has_v4 : has_v6;
        if (!std::exchange(has, true) && node_addresses_.size() < kNodeAddressesMax) node_addresses_.push_back(text);
      }
    }
    co_return ok();
  }

  // Of what this addition has begun. What cannot be removed is found by the next one.
  Task<void> take_back() {
    if (!begun_ && !begun_namespace_) co_return ok();
    (void)co_await remove_policy(api_, place_.name_space);
    std::vector<std::string> targets;
    if (!options_.as_given) targets.push_back(rbac_target("clusterroles", cluster_role_name(place_.name_space)));
    if (registry_login_) targets.push_back(in_space(place_.name_space, "secrets", kPullSecret));
    if (begun_model_account_) targets.push_back(in_space(place_.name_space, "serviceaccounts", kModelAccount));
    if (!options_.as_given) targets.push_back(in_space(place_.name_space, "serviceaccounts", kAccount));
    if (begun_namespace_) targets.push_back(space_target(place_.name_space));
    for (const std::string& target : targets) (void)co_await api_.call("DELETE", target);
    co_return ok();
  }

  const ApiServer& api_;
  const Login& given_;
  const JoinOptions& options_;
  const Place& place_;
  const std::optional<RegistryLogin>& registry_login_;
  bool has_namespace_ = true;
  bool made_namespace_ = false;   // by this addition, or by one before
  bool begun_namespace_ = false;  // by this one
  bool begun_model_account_ = false;
  bool begun_ = false;
  Object namespace_;
  std::vector<std::string> node_addresses_;
};

// Whether pods run in the namespace, or volumes are kept.
Task<std::string> what_is_left(const ApiServer& api, std::string name_space) {
  static constexpr std::array kKinds{"pods", "persistentvolumeclaims"};
  for (const char* plural : kKinds) {
    auto answer = co_await api.call("GET", space_target(name_space) + "/" + plural + "?limit=1");
    if (!answer) co_return answer.error();
    if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, std::string("list ") + plural);
    const json::Value* items = answer->object()->find("items");
    if (items != nullptr && items->if_array() != nullptr && !items->if_array()->empty()) co_return std::string(plural);
  }
  co_return std::string();
}

Task<void> remove_at(const ApiServer& api, std::string target) {
  auto answer = co_await api.call("DELETE", target);
  if (!answer) co_return answer.error();
  if (answer->success() || answer->status == 404) co_return ok();
  co_return error_of(*answer, "delete " + target.substr(target.rfind('/') + 1));
}

Task<std::string> leave_with(const ApiServer& api, const Membership& membership, const Place& place) {
  const std::string& space = place.name_space;
  std::string kept;
  bool remove_namespace = membership.made_namespace;
  if (remove_namespace) {
    auto left = co_await what_is_left(api, space);
    if (!left) co_return left.error();
    remove_namespace = left->empty();
    if (!remove_namespace) kept = phrase("the namespace {} stays, since it has {}", space, *left);
  }
  auto removed = co_await remove_policy(api, space);
  if (!removed) co_return removed.error();
  std::vector<std::string> targets;
  if (membership.registry_login) targets.push_back(in_space(space, "secrets", kPullSecret));
  targets.push_back(in_space(space, "serviceaccounts", kModelAccount));
  if (remove_namespace) {
    targets.push_back(space_target(space));  // all that is ours goes with it
  } else if (membership.made_account) {
    // Its binding goes with the role, and the account's own role, binding and token with the account.
    targets.push_back(rbac_target("clusterroles", cluster_role_name(space)));
    targets.push_back(in_space(space, "serviceaccounts", kAccount));
  }
  for (const std::string& target : targets) {
    removed = co_await remove_at(api, target);
    if (!removed) co_return removed.error();
  }
  co_return kept;
}

Task<void> set_login_with(const ApiServer& api, const Membership& membership, const Place& place,
                          const std::string& registry) {
  Object secret = pull_secret(place, registry, *membership.registry_login);
  auto made = co_await api.apply(in_space(place.name_space, "secrets", kPullSecret), manager_of(place),
                                 std::move(secret), true);
  if (!made) co_return made.error();
  if (!made->success()) co_return refused(*made, "make the pull secret");
  Object account = model_account(place, true);
  made = co_await api.apply(in_space(place.name_space, "serviceaccounts", kModelAccount), manager_of(place),
                            std::move(account), true);
  if (!made) co_return made.error();
  if (!made->success()) co_return refused(*made, "name the pull secret in the models' account");
  co_return ok();
}

}  // namespace

Result<Joined> join(Login login, const JoinOptions& options, std::optional<RegistryLogin> registry_login) {
  const Login given = std::move(login);
  Login used;
  MIFENG_TRY(used, read_login(serialize(given).reveal_for_parsing()));
  MIFENG_TRY(const auto api, ApiServer::create(std::move(used)));
  Joining joining(*api, given, options, registry_login);
  auto joined = net::run_to_result<Joined>([&] { return joining.run(); });
  if (joined) joined->membership.registry_login = std::move(registry_login);
  return joined;
}

Result<void> set_pull_login(const Membership& membership, const Place& place, const std::string& registry) {
  if (!membership.registry_login) return ok();
  MIFENG_TRY(auto login, read_login(serialize(membership.login).reveal_for_parsing()));
  MIFENG_TRY(const auto api, ApiServer::create(std::move(login)));
  return net::run_to_result<void>([&] { return set_login_with(*api, membership, place, registry); });
}

Result<std::string> leave(const Membership& membership, const Place& place) {
  MIFENG_TRY(auto login, read_login(serialize(membership.login).reveal_for_parsing()));
  MIFENG_TRY(const auto api, ApiServer::create(std::move(login)));
  return net::run_to_result<std::string>([&] { return leave_with(*api, membership, place); });
}

Result<void> protect(const Membership& membership, const Place& place) {
  MIFENG_TRY(auto login, read_login(serialize(membership.login).reveal_for_parsing()));
  MIFENG_TRY(const auto api, ApiServer::create(std::move(login)));
  MIFENG_CHECK(net::run_to_result<PolicyState>([&] { return install_policy(*api, place.name_space); }));
  return ok();
}

}  // namespace mifeng::kubernetes
