// mifeng cluster
#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/secret_text.h"
#include "commands/commands.h"
#include "commands/findings.h"
#include "commands/get.h"
#include "commands/kinds.h"
#include "mifeng/kubernetes/resolving.h"

namespace mifeng::cli {
namespace {

struct SetOptions {
  std::string id, name, name_space, registry, guard_url, pull_user, pull_password_file, format;
  std::vector<std::string> nodes;
};

struct AddOptions {
  std::string id, name, kubeconfig, context, name_space, registry, guard_url, pull_user, pull_password_file, format;
  std::vector<std::string> nodes;
  bool as_given = false, no_rehearsal = false;
};

struct RemoveOptions {
  std::string id;
  bool abandon = false;
};

constexpr const char* kNamespace = "models";  // where nobody says another

std::string path_of(const std::string& id) { return "/clusters/" + net::percent_encode(id); }

// His password comes from the file, or is asked for.
Result<void> set_pull_login(json::Object& body, const std::string& user, const std::string& password_file,
                            const std::string& registry, Console& console) {
  if (user.empty() && !password_file.empty())
    return Error(ErrorCode::kInvalidArgument, "usage", tr("--pull-password-file goes with --pull-user."));
  if (user.empty()) return ok();
  MIFENG_TRY(const auto password,
             read_password(console, password_file, say("Password of {} at {}:", {user, registry})));
  body.set("pull_user", user);
  body.set("pull_password", password);
  return ok();
}

// What was not given stays as it is.
Result<int> set(const PlatformFlags& flags, const SetOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto there, client.get(path_of(options.id)));
  const json::Value* nodes = there.if_object() == nullptr ? nullptr : there.if_object()->find("node_addresses");
  json::Object body{
      {"name", options.name.empty() ? text_of(there, "name") : options.name},
      {"default_namespace", options.name_space.empty() ? text_of(there, "default_namespace") : options.name_space}};
  if (!options.nodes.empty()) {
    body.set("node_addresses", json::Array(options.nodes.begin(), options.nodes.end()));
  } else if (nodes != nullptr) {
    body.set("node_addresses", *nodes);
  }
  if (!options.registry.empty()) body.set("registry", options.registry);
  if (!options.guard_url.empty()) body.set("guard_url", options.guard_url);
  const std::string registry = options.registry.empty() ? text_of(there, "registry") : options.registry;
  MIFENG_CHECK(set_pull_login(body, options.pull_user, options.pull_password_file, registry, console));
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto cluster, client.change("PUT", path_of(options.id), there, sent));
  MIFENG_CHECK(print_objects(console, cluster, options.format, cluster_columns()));
  return 0;
}

Result<std::vector<stack::Finding>> rehearse(const PlatformClient& client, const std::string& id, Console& console) {
  console.message(say(
      "Putting guards without models on the nodes of {}; some seconds, or minutes where something is wrong ...", {id}));
  MIFENG_TRY(const auto answer, client.send("POST", path_of(id) + "/rehearsal"));
  return findings_of(answer);
}

// The cluster is there, whatever comes of this; and standard output is the cluster's.
void rehearse_at_the_end(const PlatformClient& client, const std::string& id, Console& console) {
  const auto findings = rehearse(client, id, console);
  if (!findings) return console.error(findings.error());
  std::size_t fine = 0;
  for (const stack::Finding& finding : *findings) {
    if (finding.state == stack::Finding::State::kFine) {
      ++fine;
      continue;
    }
    const std::string remedy = tr_phrase(finding.remedy);
    console.warning(tr_phrase(finding.what) + ": " + tr_phrase(finding.detail) + (remedy.empty() ? "" : "; " + remedy));
  }
  if (fine == findings->size()) console.message(tr("Models will run there: guards started, and were reached."));
}

Result<int> add(const PlatformFlags& flags, const AddOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto kubeconfig, kubernetes::resolve_kubeconfig(options.kubeconfig, options.context));
  if (options.as_given && kubeconfig.from_program)
    return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig",
                 tr("The login of this kubeconfig comes from a program and will expire: it cannot be kept as it is."));
  std::string name_space = options.name_space;
  if (name_space.empty() && kubeconfig.name_space != "default") name_space = kubeconfig.name_space;
  if (name_space.empty()) name_space = kNamespace;
  json::Object body{{"id", options.id},
                    {"name", options.name},
                    {"default_namespace", name_space},
                    {"kubeconfig", as_text(kubeconfig.text.reveal_for_output())},
                    {"registry", options.registry},
                    {"guard_url", options.guard_url},
                    {"as_given", options.as_given},
                    {"node_addresses", json::Array(options.nodes.begin(), options.nodes.end())}};
  MIFENG_CHECK(set_pull_login(body, options.pull_user, options.pull_password_file, options.registry, console));
  console.message(say("Asking the cluster for an account in the namespace {} ...", {name_space}));
  const json::Value sent = std::move(body);
  MIFENG_TRY(const auto cluster, client.send("POST", "/clusters", sent));
  MIFENG_CHECK(print_objects(console, cluster, options.format, cluster_columns()));
  console.message(options.as_given ? tr("The platform keeps the login as it was given.")
                                   : tr("The platform has an account of its own there; it did not keep yours."));
  if (options.registry.empty())
    console.message(
        tr("Its nodes take images from the platform's registry by the name that the platform has for it; "
           "where they know it by another: mifeng cluster set CLUSTER --registry HOST:PORT"));
  console.message(say("What it lacks says: mifeng doctor --cluster {}", {options.id}));
  if (!options.no_rehearsal) rehearse_at_the_end(client, options.id, console);
  return 0;
}

Result<int> remove(const PlatformFlags& flags, const RemoveOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const auto removed, client.send("DELETE", path_of(options.id) + (options.abandon ? "?abandon=true" : "")));
  console.message(say("The cluster {} is removed.", {options.id}));
  if (const std::string stays = text_of(removed, "stays"); !stays.empty()) console.warning(tr_phrase(stays));
  return 0;
}

void add_adding(Command& group) {
  Command command = group.add("add", "Add a Kubernetes cluster, with an account that is made for the platform in it");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<AddOptions>();
  command.text("CLUSTER", options->id, "id that it gets", Need::kRequired)
      .text("--kubeconfig", options->kubeconfig, "file of somebody who may make accounts and roles there",
            Need::kRequired)
      .text("--context", options->context, "of the kubeconfig; else its current one")
      .text("--name", options->name, "for people")
      .text("--namespace", options->name_space, "where its units are made; else the context's, else models")
      .text("--registry", options->registry, "HOST:PORT of the platform's images, as the cluster's nodes see it")
      .texts("--node-address", options->nodes, "where gateways reach its node ports; again for more; else its nodes")
      .text("--guard-url", options->guard_url, "where its guards reach the platform")
      .text("--pull-user", options->pull_user, "user of the registry")
      .text("--pull-password-file", options->pull_password_file, "file with his password; else it is asked for")
      .flag("--as-given", options->as_given, "keep the login of the kubeconfig; nothing is made but what units need")
      .flag("--no-rehearsal", options->no_rehearsal, "do not try it afterwards, as `mifeng cluster rehearse` does");
  add_output_flag(command, options->format);
  command.examples(
      "  mifeng cluster add east --kubeconfig ~/.kube/config --registry registry.example:5000\n\n"
      "A program that the kubeconfig signs in with is run here, once, as kubectl runs it. Who may not make accounts "
      "has\n"
      "one made with deploy/kubernetes/role-namespace.yaml, and gives its kubeconfig with --as-given.");
  command.run([=](Console& console) { return add(*flags, *options, console); });
}

void add_removing(Command& group) {
  Command command = group.add("remove", "Take a Kubernetes cluster out, and what was made in it for the platform");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto options = std::make_shared<RemoveOptions>();
  command.text("CLUSTER", options->id, "its id", Need::kRequired)
      .flag("--abandon", options->abandon, "let go of its deployments: what runs there is not touched");
  command.examples(
      "  mifeng cluster remove east\n"
      "  mifeng cluster remove east --abandon    one that is gone for good");
  command.run([=](Console& console) { return remove(*flags, *options, console); });
}

}  // namespace

void add_cluster(Command& root) {
  Command group = root.add("cluster", "Clusters: where units run");
  group.alias("clusters");
  add_list(group, "clusters", "All clusters", "  mifeng cluster list");

  Command get = group.add("get", "One cluster, with what is free in it");
  auto get_flags = add_platform_flags(get, kLongTimeout);
  auto get_id = std::make_shared<std::string>();
  auto get_format = std::make_shared<std::string>();
  get.text("CLUSTER", *get_id, "its id", Need::kRequired);
  add_output_flag(get, *get_format);
  get.examples("  mifeng cluster get local -o yaml");
  get.run([=](Console& console) { return show_kind(*get_flags, "clusters", *get_id, *get_format, console); });

  add_adding(group);
  add_removing(group);

  Command change = group.add("set", "Set a cluster's name, namespace, node addresses, registry and login there");
  auto set_flags = add_platform_flags(change, kLongTimeout);
  auto options = std::make_shared<SetOptions>();
  change.text("CLUSTER", options->id, "its id", Need::kRequired)
      .text("--name", options->name, "for people")
      .text("--namespace", options->name_space, "where its units are made, in a cluster that has namespaces")
      .texts("--node-address", options->nodes, "where gateways reach its node ports; again for more, replacing all")
      .text("--registry", options->registry, "HOST:PORT of the platform's images, as the cluster's nodes see it")
      .text("--guard-url", options->guard_url, "where its guards reach the platform")
      .text("--pull-user", options->pull_user, "user of the registry; what runs goes on, new pulls use the new login")
      .text("--pull-password-file", options->pull_password_file, "file with his password; else it is asked for");
  add_output_flag(change, options->format);
  change.examples(
      "  mifeng cluster set local --node-address 192.0.2.10\n"
      "  mifeng cluster set east --pull-user 'robot$nodes' --pull-password-file nodes.password");
  change.run([=](Console& console) { return set(*set_flags, *options, console); });

  Command sweep = group.add("sweep", "Let units that the database does not know be removed after all");
  auto sweep_flags = add_platform_flags(sweep, kLongTimeout);
  auto sweep_id = std::make_shared<std::string>();
  auto sweep_format = std::make_shared<std::string>();
  sweep.text("CLUSTER", *sweep_id, "its id", Need::kRequired);
  add_output_flag(sweep, *sweep_format);
  sweep.examples(
      "  mifeng cluster sweep local\n\n"
      "After a backup was restored, units may run that are newer than the database; they stay until this is said.");
  sweep.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*sweep_flags));
    MIFENG_TRY(const auto cluster, client.send("POST", path_of(*sweep_id) + "/sweep"));
    MIFENG_CHECK(print_objects(console, cluster, *sweep_format, cluster_columns()));
    return 0;
  });
  Command rehearsal =
      group.add("rehearse", "See whether models would run on a cluster's nodes, with guards without models");
  auto rehearsal_flags = add_platform_flags(rehearsal, kLongTimeout);
  auto rehearsal_id = std::make_shared<std::string>();
  rehearsal.text("CLUSTER", *rehearsal_id, "its id", Need::kRequired);
  rehearsal.examples(
      "  mifeng cluster rehearse east            exit status 1 if something is missing\n\n"
      "Puts as many guards there as nodes take pods, 16 at most, which pull their image and reach the platform, and "
      "calls\n"
      "one at a node port. Nothing stays in the cluster.");
  rehearsal.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*rehearsal_flags));
    MIFENG_TRY(const auto findings, rehearse(client, *rehearsal_id, console));
    return print_findings(findings, console);
  });
  group.examples("  mifeng cluster list\n  mifeng cluster get local -o yaml");
}

}  // namespace mifeng::cli
