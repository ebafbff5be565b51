// How a cluster that an operator gives becomes one of ours: an account of our own in one namespace, with the rights of
// the two role files (deploy/kubernetes) and no more. His own login is used for that, once, and kept nowhere.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/kubernetes/login.h"

namespace mifeng::kubernetes {

inline constexpr const char* kPullSecret = "mifeng-registry";

struct RegistryLogin {
  std::string user;
  SecretBytes password;
};

// What is kept of a cluster.
struct Membership {
  Login login;
  std::optional<RegistryLogin> registry_login;  // then the namespace has the Secret kPullSecret, on the models' account
  bool made_account = false;                    // the login is of an account that join() made, and leave() removes
  bool made_namespace = false;                  // the same of the namespace
};
// As text to be wrapped, by the caller, and back.
SecretBytes serialize(const Membership& membership);
Result<Membership> read_membership(ByteView text);

// Whose a cluster's namespace is, and what it is called there.
struct Place {
  std::string installation;  // id: 32 hex digits
  std::string cluster;       // its id on this platform
  std::string name_space;
};

struct JoinOptions {
  Place place;
  std::string registry;   // HOST[:PORT][/PATH] that the registry login is for
  bool as_given = false;  // keep the given login instead of making an account
  // Whether this installation has a cluster of that id now: one that it had once leaves its mark behind.
  std::function<bool(const std::string& id)> has_cluster;
};

struct Joined {
  Membership membership;
  std::string version;                      // "kubernetes v1.33.1"
  std::vector<std::string> node_addresses;  // the first InternalIP of each family of each node, 16 at most
};

// All of these block: a second or two where the API server answers, at most some minutes. Besides the errors of the API
// server (kUnavailable "api-unavailable", kTimeout "api-slow", kVerificationFailed "bad-tls-certificate",
// kInvalidArgument "cluster-refused"):
//
// kInvalidArgument "bad-kubeconfig" (the cluster does not know the login), "too-few-rights" (with each verb and
// resource that is missing), kConflict "namespace-taken" (of another installation, or another cluster of this one),
// "namespace-ending". What was begun and failed is taken back as far as that can be done.
Result<Joined> join(Login login, const JoinOptions& options, std::optional<RegistryLogin> registry_login);

// Makes the pull secret of `membership.registry_login` anew, for `registry` (HOST[:PORT][/PATH]), with the login that
// is kept. Pods that are there go on; each pull uses what the secret holds then.
Result<void> set_pull_login(const Membership& membership, const Place& place, const std::string& registry);

// Removes what join() made: account, role, pull secret, and the namespace where it made that and nothing runs there and
// no volume is left. Gives a sentence about what stayed; empty where nothing did.
Result<std::string> leave(const Membership& membership, const Place& place);

// Makes the admission policy of deploy/kubernetes, or makes it right, as join() does: where the account may, and nobody
// else's pods run in the namespace. examine() says whether it is in force.
Result<void> protect(const Membership& membership, const Place& place);

// What a look at the cluster found. `what` is a thing or a right by Kubernetes' own words, or a phrase; the others are
// phrases.
struct Finding {
  enum class State { kFine, kWarning, kMissing };
  State state = State::kFine;
  std::string what;
  std::string detail;
  std::string remedy;  // what to do, or what is lost; empty where all is fine
};
Result<std::vector<Finding>> examine(const Membership& membership, const Place& place);

}  // namespace mifeng::kubernetes
