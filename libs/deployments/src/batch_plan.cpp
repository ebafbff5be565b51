#include "batch_plan.h"

#include <algorithm>
#include <tuple>

#include "batch_items.h"
#include "deployment_acts.h"
#include "deployment_create.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/access/route_service.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "slots.h"

namespace mifeng::deployments {
namespace {

constexpr std::int64_t kVersionsMax = 20'000;  // that a filter looks through

std::string remedy_of(const std::string& code) {
  if (code == "not-found") return phrase("submit the version and accept it, or correct its name");
  if (code == "version-not-accepted") return phrase("accept the version, or leave the item out");
  if (code == "name-taken") return phrase("give the item another name");
  if (code == "bad-name") return phrase("give the item a name of lower-case letters, digits and hyphens");
  if (code == "prefix-taken" || code == "other-route") return phrase("give the item another prefix");
  if (code == "no-free-ports") return phrase("add a range of node ports, or remove deployments");
  if (code == "port-taken" || code == "port-out-of-range" || code == "bad-ports")
    return phrase("leave the ports out, so that free ones are taken");
  if (code == "network-not-allowed") return phrase("allow the item a network, where that is right");
  if (code == "no-tolerations") return phrase("leave the tolerations out, or give the item a cluster of Kubernetes");
  if (code == "other-cluster") return phrase("leave the cluster out, or give the item another name");
  if (code == "other-model") return phrase("give the item another name");
  return phrase("correct the item, or leave it out");
}

std::string filled(std::string text, const store::ModelRow& model) {
  const std::pair<std::string_view, const std::string*> parts[] = {
      {"{vendor}", &model.vendor_id}, {"{model}", &model.name}, {"{version}", &model.version}};
  for (const auto& [place, value] : parts)
    for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + value->size()))
      text.replace(at, place.size(), *value);
  return text;
}

Result<void> check_pattern(const std::string& field, const std::string& text) {
  std::string rest = text;
  for (const std::string_view place : {"{vendor}", "{model}", "{version}"})
    for (std::size_t at = rest.find(place); at != std::string::npos; at = rest.find(place))
      rest.erase(at, place.size());
  if (rest.find_first_of("{}") == std::string::npos) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-pattern",
               field + ": {vendor}, {model} and {version} are replaced, and no other braces are taken.");
}

bool names(const std::string& text, const store::ModelRow& model) {
  const std::string name = model.vendor_id + "/" + model.name;
  return text == model.id || text == name || text == name + "@" + model.version;
}

// Free ports of one cluster, from the lowest, each handed out once.
class Dealer {
 public:
  // `spoken_for`: chosen by items of this plan, and so nothing to recommend to others.
  Dealer(PortMap map, std::set<int> spoken_for) : map_(std::move(map)), spoken_for_(std::move(spoken_for)) {}

  Result<std::vector<PlannedPort>> deal(const std::vector<manifest::ContainerPort>& ports, int slots,
                                        const std::vector<int>& chosen) {
    const auto needed = static_cast<std::size_t>(slots) * ports.size();
    std::vector<int> dealt = chosen;
    if (chosen.empty()) {
      const auto place = std::pair(range_, port_);
      while (dealt.size() < needed && next()) dealt.push_back(port_);
      if (dealt.size() < needed) {
        std::tie(range_, port_) = place;
        return Error(ErrorCode::kResourceExhausted, "no-free-ports",
                     std::to_string(needed) + " node ports are needed and " + std::to_string(dealt.size()) +
                         " are left for this item.");
      }
    }
    // The rules for chosen ones are those of a single deployment.
    if (!chosen.empty()) MIFENG_CHECK(plan_slots(ports, slots, chosen, map_));
    std::vector<PlannedPort> planned;
    std::size_t at = 0;
    for (int slot = 0; slot < slots; ++slot)
      for (const auto& port : ports)
        planned.push_back(
            {.slot = slot, .port_name = port.name, .container_port = port.container_port, .node_port = dealt[at++]});
    for (const int port : dealt) map_.held.emplace(port, "another item of this plan");
    return planned;
  }

 private:
  // The next port that is free, into port_.
  bool next() {
    while (range_ < map_.ranges.size()) {
      const auto& range = map_.ranges[range_];
      port_ = std::max(port_ + 1, static_cast<int>(range.first_port));
      if (port_ > range.last_port) {
        ++range_;
        port_ = 0;
      } else if (map_.state(port_) == PortState::kFree && !spoken_for_.contains(port_)) {
        return true;
      }
    }
    return false;
  }

  PortMap map_;
  std::size_t range_ = 0;
  int port_ = 0;
  std::set<int> spoken_for_;
};

// What engines say, asked before the transaction.
struct Told {
  Result<HeldPorts> held = HeldPorts{};
  std::optional<cluster::Capacity> capacity{};
};

std::int64_t sum_of(const cluster::PodTemplate& pod, std::optional<std::int64_t> cluster::Resources::*what) {
  return (pod.model.resources.*what).value_or(0) + (pod.guard.resources.*what).value_or(0);
}

class Planning {
 public:
  Planning(const Context& context, store::Transaction& tx, const BatchWishes& wishes,
           const std::map<std::string, Told>& told)
      : context_(context), tx_(tx), wishes_(wishes), told_(told) {}

  Result<BatchPlan> run(const std::vector<BatchWish>& items) {
    for (const auto* list : {&items, &wishes_.edits})
      for (const auto& wish : *list) chosen_.insert(wish.request.ports.begin(), wish.request.ports.end());
    for (const auto& wish : items) {
      plan_.items.emplace_back();
      item_ = &plan_.items.back();
      item_->number = static_cast<int>(plan_.items.size());
      const auto done = plan_item(wish);
      // Of the database, and no refusal.
      if (!done && (done.error().code() == ErrorCode::kInternal || done.error().reason() == "database-busy"))
        return done.error();
      if (!done) refuse(done.error());
    }
    sum_up();
    return std::move(plan_);
  }

 private:
  void refuse(const Error& error) {
    item_->refusals.push_back(
        {.code = error.reason(), .message = error.message(), .remedy = remedy_of(error.reason())});
  }

  Result<store::ModelRow> version_of(const std::string& text) {
    const std::size_t slash = text.find('/'), at = text.rfind('@');
    std::optional<store::ModelRow> row;
    if (slash != std::string::npos && at != std::string::npos && slash < at) {
      MIFENG_TRY(row, store::model_by_version(tx_, text.substr(0, slash), text.substr(slash + 1, at - slash - 1),
                                              text.substr(at + 1)));
    } else {
      MIFENG_TRY(row, store::find<store::ModelRow>(tx_, text));
    }
    if (!row) return trust::not_found("model version", text);
    return std::move(*row);
  }

  Result<void> plan_item(const BatchWish& wish) {
    DeploymentRequest& request = item_->request;
    request = wish.request;
    item_->version = wish.version;
    if (request.name.empty()) request.name = wish.version;  // until it is known which that is
    MIFENG_TRY(const auto model, version_of(wish.version));
    item_->vendor_id = model.vendor_id;
    item_->model = model.name;
    item_->version = model.version;
    for (const auto& edit : wishes_.edits)
      if (names(edit.version, model)) take_edit(edit.request);
    request.version_id = model.id;
    if (wish.request.name.empty() && request.name == wish.version) request.name = filled(wishes_.name, model);
    if (!request.replicas) request.replicas = wishes_.replicas;
    if (request.cluster.empty()) request.cluster = wishes_.cluster;
    if (wishes_.allow_network) request.overlay.allow_network = true;
    if (!request.route && !wishes_.prefix.empty()) {
      request.route.emplace();
      request.route->name = request.name;
      request.route->prefix = filled(wishes_.prefix, model);
      request.route->open = wishes_.open;
      request.route->callers = wishes_.callers;
    }
    MIFENG_CHECK(check_accepted(model));  // before its name is compared: what cannot be deployed takes none
    MIFENG_CHECK(trust::check_label("name", request.name, bounds::kDeploymentNameMax));
    if (!names_.insert(request.name).second)
      return Error(ErrorCode::kConflict, "name-taken",
                   "Another item of this batch is called \"" + request.name + "\".");
    if (request.replicas) MIFENG_CHECK(check_replicas(*request.replicas));
    MIFENG_TRY(const auto there, store::deployment_by_name(tx_, request.name));
    MIFENG_CHECK(there ? plan_update(model, *there) : plan_new(model));
    return ok();
  }

  void take_edit(const DeploymentRequest& edit) {
    DeploymentRequest& request = item_->request;
    if (!edit.name.empty()) request.name = edit.name;
    if (!edit.cluster.empty()) request.cluster = edit.cluster;
    if (edit.replicas) request.replicas = edit.replicas;
    if (!edit.ports.empty()) request.ports = edit.ports;
    if (!edit.overlay.env.empty()) request.overlay.env = edit.overlay.env;
    if (!edit.overlay.requests.empty()) request.overlay.requests = edit.overlay.requests;
    if (!edit.overlay.limits.empty()) request.overlay.limits = edit.overlay.limits;
    if (!edit.overlay.volumes.empty()) request.overlay.volumes = edit.overlay.volumes;
    if (!edit.overlay.tolerations.empty()) request.overlay.tolerations = edit.overlay.tolerations;
    request.overlay.allow_network = request.overlay.allow_network || edit.overlay.allow_network;
    if (edit.route) request.route = edit.route;
  }

  Result<void> plan_update(const store::ModelRow& model, const store::DeploymentRow& there) {
    DeploymentRequest& request = item_->request;
    item_->action = BatchAction::kUpdate;
    item_->deployment_id = there.id;
    if (there.deleting != 0)
      return Error(ErrorCode::kConflict, "name-taken", "The deployment " + there.id + " is being deleted.");
    if (!request.cluster.empty() && request.cluster != there.cluster_id)
      return Error(ErrorCode::kConflict, "other-cluster",
                   there.id + " is there already, in the cluster " + there.cluster_id + ".");
    request.cluster = there.cluster_id;
    if (!request.ports.empty())
      return Error(ErrorCode::kInvalidArgument, "bad-ports",
                   "ports: " + there.id + " is there already, and keeps the node ports that it has.");
    if (request.route) {
      MIFENG_TRY(const auto routes, store::routes_of(tx_, there.id));
      const bool leads = std::any_of(routes.begin(), routes.end(), [&](const store::RouteRow& route) {
        return route.prefix == request.route->prefix;
      });
      // A prefix for all is for what is new; a route that a person wrote has to be there.
      const bool written = request.route->prefix != filled(wishes_.prefix, model);
      if (!leads && written)
        return Error(ErrorCode::kConflict, "other-route",
                     there.id + " is there already, and no route " + request.route->prefix + " leads to it.");
      request.route.reset();
    }
    MIFENG_TRY(auto outlook, outlook_of_update(context_, tx_, there.id, update_of(request)));
    item_->changes = std::move(outlook.changes);
    item_->from_revision = outlook.from_revision;
    const bool scales = request.replicas && *request.replicas != there.replicas;
    if (scales)
      item_->changes.insert(item_->changes.begin(),
                            {.field = "replicas", .before = there.replicas, .after = std::int64_t{*request.replicas}});
    if (item_->changes.empty() && there.version_id == model.id) item_->action = BatchAction::kNone;
    return ok();
  }

  Result<void> plan_new(const store::ModelRow& model) {
    DeploymentRequest& request = item_->request;
    MIFENG_TRY(request.cluster, clusters::known_cluster(tx_, request.cluster));
    const auto told = told_.find(request.cluster);
    if (told == told_.end())
      return Error(ErrorCode::kUnavailable, "no-engine", "The cluster " + request.cluster + " is new: plan again.");
    if (!told->second.held) return told->second.held.error();
    if (request.route) MIFENG_CHECK(check_route(*request.route));
    MIFENG_TRY(const Prepared prepared, prepare(tx_, model.id, request.overlay, VersionRule::kAccepted));
    MIFENG_CHECK(check_network(prepared, request.overlay));
    MIFENG_CHECK(check_tolerated(tx_, prepared, request.cluster));
    const int replicas = request.replicas.value_or(prepared.config.replicas);
    MIFENG_CHECK(check_replicas(replicas));
    MIFENG_TRY(const auto registry, registry_of(context_, tx_, request.cluster));
    MIFENG_TRY(const auto pod, render(context_, prepared, request.name + "-000000", manifest::kModelUserMin, registry,
                                      lame_duck_of(context_, request.cluster)));
    auto dealer = dealers_.find(request.cluster);
    if (dealer == dealers_.end()) {
      MIFENG_TRY(PortMap map, load_ports(tx_, request.cluster, *told->second.held));
      dealer = dealers_.emplace(request.cluster, Dealer(std::move(map), chosen_)).first;
    }
    const auto needs = port_needs(context_, request.cluster, pod, replicas);
    MIFENG_TRY(item_->ports, dealer->second.deal(pod.ports, needs.slots, request.ports));
    item_->cpu_millis = replicas * sum_of(pod, &cluster::Resources::cpu_request_millis);
    item_->memory_bytes = replicas * sum_of(pod, &cluster::Resources::memory_request_bytes);
    add_network_warning(item_->warnings, prepared, request.overlay);
    if (const auto engine = context_.clusters.find(request.cluster))
      for (std::string& sentence : engine->cannot_hold(pod)) item_->warnings.push_back(std::move(sentence));
    if (replicas == 0) item_->warnings.push_back(phrase("with no replica nothing will run"));
    if (request.route && request.route->open)
      item_->warnings.push_back(phrase("the route is open: it needs no API key"));
    note_room(told->second, replicas);
    return ok();
  }

  Result<void> check_route(const access::RouteInput& route) {
    MIFENG_CHECK(access::check_prefix(route.prefix));
    MIFENG_CHECK(trust::check_text("route.name", route.name, bounds::kRouteNameMax));
    if (!prefixes_.insert(route.prefix).second)
      return Error(ErrorCode::kConflict, "prefix-taken",
                   "Another item of this batch has the prefix \"" + route.prefix + "\".");
    MIFENG_TRY(const auto taken, store::route_by_prefix(tx_, route.prefix));
    if (taken)
      return Error(
          ErrorCode::kConflict, "prefix-taken",
          "prefix: \"" + route.prefix + "\" belongs to the route \"" + taken->name + "\" (" + taken->id + ").");
    for (const std::string& id : route.callers) {
      if (callers_.contains(id)) continue;
      MIFENG_TRY(const auto caller, store::find<store::CallerRow>(tx_, id));
      if (!caller) return trust::not_found("caller", id);
      callers_.insert(id);
    }
    return ok();
  }

  // A warning and no refusal: nodes may be added while the units wait.
  void note_room(const Told& told, int units) {
    Sum& sum = sums_[item_->request.cluster];
    sum.cpu_millis += item_->cpu_millis;
    sum.memory_bytes += item_->memory_bytes;
    sum.units += units;
    sum.services += item_->ports.empty() ? 0 : 1;
    sum.ports += static_cast<std::int64_t>(item_->ports.size());
    if (!told.capacity) return;
    if (item_->cpu_millis > 0 && sum.cpu_millis > told.capacity->cpu_millis.free)
      item_->warnings.push_back(phrase("with the items before it, it asks for more processor time than is free"));
    if (item_->memory_bytes > 0 && sum.memory_bytes > told.capacity->memory_bytes.free)
      item_->warnings.push_back(phrase("with the items before it, it asks for more memory than is free"));
    for (const auto& [word, wanted, all] :
         {std::tuple{"pods", units, sum.units}, std::tuple{"services", item_->ports.empty() ? 0 : 1, sum.services},
          std::tuple{"services.nodeports", static_cast<int>(item_->ports.size()), sum.ports}}) {
      const auto count = told.capacity->counts.find(word);
      if (wanted > 0 && count != told.capacity->counts.end() && all > count->second.free)
        item_->warnings.push_back(
            phrase("with the items before it, it asks for more than the quota of the namespace leaves: {}", word));
    }
  }

  void sum_up() {
    std::map<std::string, BatchClusterNeeds> clusters;
    BatchTotals& totals = plan_.totals;
    totals.items = static_cast<int>(plan_.items.size());
    for (const auto& item : plan_.items) {
      if (!item.refusals.empty()) {
        ++totals.refused;
        continue;
      }
      ++(item.action == BatchAction::kCreate   ? totals.create
         : item.action == BatchAction::kUpdate ? totals.update
                                               : totals.none);
      totals.ports += static_cast<int>(item.ports.size());
      BatchClusterNeeds& needs = clusters[item.request.cluster];
      needs.cluster = item.request.cluster;
      needs.ports += static_cast<int>(item.ports.size());
      needs.cpu_millis += item.cpu_millis;
      needs.memory_bytes += item.memory_bytes;
    }
    for (auto& [id, needs] : clusters) {
      if (const auto told = told_.find(id); told != told_.end() && told->second.capacity) {
        needs.known = true;
        needs.cpu_millis_free = told->second.capacity->cpu_millis.free;
        needs.memory_bytes_free = told->second.capacity->memory_bytes.free;
      }
      plan_.clusters.push_back(std::move(needs));
    }
  }

  const Context& context_;
  store::Transaction& tx_;
  const BatchWishes& wishes_;
  const std::map<std::string, Told>& told_;
  BatchPlan plan_;
  BatchPlanItem* item_ = nullptr;
  std::set<std::string> names_, prefixes_, callers_;
  std::set<int> chosen_;  // ports, whichever cluster they are chosen in
  std::map<std::string, Dealer> dealers_;
  struct Sum {
    std::int64_t cpu_millis = 0, memory_bytes = 0, units = 0, services = 0, ports = 0;
  };
  std::map<std::string, Sum> sums_;  // by cluster
};

// The newest accepted version of each model.
Result<std::vector<BatchWish>> wishes_of(store::Transaction& tx, const BatchWishes& wishes) {
  if (!wishes.filter) return wishes.items;
  const BatchFilter& filter = *wishes.filter;
  const store::ModelFilter wanted{.text = filter.text,
                                  .name = filter.name,
                                  .function = filter.function,
                                  .language = filter.language,
                                  .vendor_id = filter.vendor,
                                  .state = std::string(to_string(store::VersionState::kAccepted))};
  MIFENG_TRY(const auto found, store::search_models(tx, wanted, {.offset = 0, .limit = kVersionsMax}));
  std::vector<BatchWish> items;
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string> used;
  for (const auto& row : found.rows) {
    if (!seen.emplace(row.name, row.vendor_id).second) continue;  // the newest comes first
    const auto said = [&](const std::string& text) { return names(text, row); };
    for (const auto& edit : wishes.edits)
      if (said(edit.version)) used.insert(edit.version);
    if (std::none_of(wishes.except.begin(), wishes.except.end(), said)) items.push_back({.version = row.id});
  }
  for (const auto& edit : wishes.edits)
    if (!used.contains(edit.version))
      return Error(ErrorCode::kInvalidArgument, "unknown-edit",
                   "edits: \"" + edit.version + "\" is none of the versions that the filter finds.");
  return items;
}

}  // namespace

Result<BatchPlan> plan_batch(const Context& context, const BatchWishes& wishes) {
  MIFENG_CHECK(check_pattern("name", wishes.name));
  MIFENG_CHECK(check_pattern("prefix", wishes.prefix));
  std::vector<BatchWish> items;
  std::set<std::string> clusters;
  MIFENG_CHECK(context.db.read([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(items, wishes_of(tx, wishes));
    const auto note = [&](const std::string& id) -> Result<void> {
      const auto known = clusters::known_cluster(tx, id);
      if (known) clusters.insert(*known);  // where it is not, its items are refused
      return ok();
    };
    MIFENG_CHECK(note(wishes.cluster));
    for (const auto& wish : items) MIFENG_CHECK(note(wish.request.cluster));
    for (const auto& edit : wishes.edits) MIFENG_CHECK(note(edit.request.cluster));
    return ok();
  }));
  if (items.empty())
    return Error(ErrorCode::kNotFound, "nothing-to-plan", "No accepted version fits: there is nothing to deploy.");
  if (items.size() > bounds::kBatchItemsMax)
    return Error(ErrorCode::kInvalidArgument, "bad-batch",
                 "A batch has 1 to " + std::to_string(bounds::kBatchItemsMax) + " items, and these are " +
                     std::to_string(items.size()) + ": choose fewer.");
  std::map<std::string, Told> told;
  for (const auto& id : clusters) {
    Told one{.held = held_ports(context, id)};
    if (context.clusters.find(id)) {
      auto capacity = clusters::call_engine<cluster::Capacity>(
          context.clusters, id, [](cluster::Engine& engine) { return engine.capacity(); });
      if (capacity) one.capacity = std::move(*capacity);
    }
    told.emplace(id, std::move(one));
  }
  return context.db.read([&](store::Transaction& tx) { return Planning(context, tx, wishes, told).run(items); });
}

std::optional<std::string> difference_between(const BatchPlan& before, const BatchPlan& after,
                                              const std::set<int>& without) {
  if (before.items.size() != after.items.size())
    return "The plan had " + std::to_string(before.items.size()) + " items, and now there are " +
           std::to_string(after.items.size()) + ".";
  for (std::size_t i = 0; i < before.items.size(); ++i) {
    const BatchPlanItem &was = before.items[i], &is = after.items[i];
    if (without.contains(was.number)) continue;
    const std::string which = "Item " + std::to_string(was.number) + " (" + was.request.name + ") ";
    const auto ports = [](const BatchPlanItem& item) {
      std::vector<int> list;
      for (const auto& port : item.ports) list.push_back(port.node_port);
      return list;
    };
    if (!is.refusals.empty()) return which + "is refused now: " + is.refusals.front().message;
    if (was.request.version_id != is.request.version_id || was.version != is.version)
      return which + "would have the version " + is.version + " now.";
    if (was.action != is.action || was.deployment_id != is.deployment_id || was.from_revision != is.from_revision ||
        was.changes.size() != is.changes.size())
      return which + "would change something else: its deployment is another one than when the plan was made.";
    if (ports(was) != ports(is)) return which + "would have other node ports: those of the plan were taken.";
    if (request_json(was.request) != request_json(is.request)) return which + "would be made in another way.";
  }
  return std::nullopt;
}

}  // namespace mifeng::deployments
