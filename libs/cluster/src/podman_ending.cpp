// How units end, and what goes with them. In this order: the guard's container is stopped, which ends the model, then
// both are removed, then their volumes, then the folder: Podman 4.3 waits for itself for good where a volume is removed
// while its container is still cleaned up.
#include <algorithm>
#include <filesystem>
#include <set>

#include "mifeng/cluster/json_path.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

using namespace std::chrono_literals;

constexpr auto kPauseMin = 200ms, kPauseMax = 5000ms;  // between two tries to end one
constexpr auto kAllGoneMax = 15min;

}  // namespace

void PodmanEngine::begin_ending(const Known& known) {
  if (!view_.begin_ending(known)) return;
  tell(known.unit.deployment);
  tasks_.spawn("end " + known.unit.name, [this, unit = known.unit] { return end_unit(unit); });
}

boost::asio::awaitable<void> PodmanEngine::end_unit(Unit unit) {
  std::chrono::milliseconds pause = kPauseMin;
  for (;;) {
    const std::uint64_t seen = try_again_.count();
    Result<void> done = ok();
    {
      const auto turn = co_await endings_.acquire();
      done = co_await try_to_end(unit);
    }
    if (done) break;
    view_.note_trouble(unit.name, done.error());
    ended_.notify();
    co_await try_again_.wait(seen, pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kPauseMax);
  }
  view_.end_ending(unit.name);
  ended_.notify();
  tell(unit.deployment);
}

Task<void> PodmanEngine::try_to_end(const Unit& unit) {
  // By id: of this name there may be another one by now, that somebody else made.
  const std::string path = "/containers/" + unit.engine_id;
  auto stopped = co_await post(path + "/stop", std::nullopt, Patience::kStop);
  if (!stopped) co_return stopped.error();  // whatever it says: one that cannot be stopped is killed
  // The model's before the guard's: what is left by an end in between is still a unit. Under its name, too, there may
  // be somebody else's.
  std::vector<std::string> ids;
  auto model = co_await inspect(container_name(unit.name, Part::kModel));
  if (!model && model.error().code() != ErrorCode::kPermissionDenied) co_return model.error();
  if (model && *model) ids.push_back(text_at(**model, "Id"));
  ids.push_back(unit.engine_id);
  for (const std::string& id : ids) {
    auto removed = co_await remove_container(id);
    if (!removed) co_return removed.error();
  }
  auto looked = co_await refresh(unit.name);
  if (!looked) co_return looked.error();
  VolumeFilter its_own = [prefix = unit.name + "."](const std::string& name) { return name.starts_with(prefix); };
  auto volumes = co_await remove_volumes(unit.deployment, std::move(its_own));
  if (!volumes) co_return volumes.error();
  auto network = co_await remove_network(model_network_name(unit.name));
  if (!network) co_return network.error();
  std::error_code ignored;
  std::filesystem::remove_all(frame_.sockets_dir / unit.name, ignored);
  co_return ok();
}

Task<void> PodmanEngine::remove_container(std::string name_or_id) {
  auto removed = co_await erase("/containers/" + name_or_id + "?force=true&ignore=true&timeout=2", Patience::kStop);
  if (!removed) co_return removed.error();
  if (!removed->success() && removed->status != 404)
    co_return Error(ErrorCode::kInternal, "engine-refused", "remove container " + name_or_id + ": " + removed->message);
  co_return ok();
}

Task<void> PodmanEngine::remove_halves(std::string deployment) {
  auto containers = co_await list_ours(deployment);
  if (!containers) co_return containers.error();
  std::set<std::string> units;
  std::vector<std::string> models;
  for (const json::Object& container : *containers) {
    const std::vector<std::string> names = texts_at(container, "Names");
    if (names.empty()) continue;
    if (text_at(container, "Labels", kLabelPart) == to_string(Part::kModel)) {
      models.push_back(names.front());
    } else {
      units.insert(names.front());
    }
  }
  for (const std::string& model : models) {
    if (units.contains(unit_of(model)) || view_.is_ending(unit_of(model))) continue;
    auto removed = co_await remove_container(model);
    if (!removed) co_return removed.error();
  }
  co_return ok();
}

Task<void> PodmanEngine::end_all(std::string deployment) {
  auto looked = co_await look_at(deployment);
  if (!looked) co_return looked.error();
  view_.forget_trouble(deployment);
  try_again_.notify();
  for (const Known& known : view_.known(deployment)) {
    if (known.is_made) begin_ending(known);
  }
  const auto deadline = std::chrono::steady_clock::now() + kAllGoneMax;
  for (;;) {
    const std::uint64_t seen = ended_.count();
    const PodmanView::Endings endings = view_.endings(deployment);
    if (endings.count == 0) co_return co_await remove_halves(deployment);
    if (endings.trouble) co_return *endings.trouble;
    if (std::chrono::steady_clock::now() > deadline)
      co_return Error(ErrorCode::kTimeout, "engine-slow", "the container engine did not end the units in time");
    co_await ended_.wait(seen, 10s);
  }
}

Task<void> PodmanEngine::sweep(std::string deployment) {
  {
    const std::lock_guard guard(mutex_);
    if (!swept_.insert(deployment).second) co_return ok();
  }
  auto halves = co_await remove_halves(deployment);
  if (!halves) co_return halves.error();
  std::set<std::string> units;
  for (const Known& known : view_.known(deployment)) {
    if (known.is_made) units.insert(known.unit.name);
  }
  VolumeFilter left_over = [units](const std::string& name) { return !units.contains(name.substr(0, name.find('.'))); };
  auto swept = co_await remove_volumes(deployment, left_over);
  if (swept) swept = co_await remove_networks(deployment, left_over);
  // One that cannot be removed, say since somebody else's container has it, is in nobody's way.
  if (swept || !is_engine_away(swept.error())) co_return ok();
  const std::lock_guard guard(mutex_);
  swept_.erase(deployment);
  co_return swept.error();
}

Task<void> PodmanEngine::remove(std::string deployment) {
  const auto held = co_await deployments_.acquire(deployment);
  auto ended = co_await end_all(deployment);
  if (!ended) co_return ended.error();
  auto volumes = co_await remove_volumes(deployment, nullptr);
  if (!volumes) co_return volumes.error();
  auto networks = co_await remove_networks(deployment, nullptr);
  if (!networks) co_return networks.error();
  remove_folders(deployment);
  view_.forget(deployment);
  const std::lock_guard guard(mutex_);
  swept_.erase(deployment);
  co_return ok();
}

Task<void> PodmanEngine::remove_claims(std::vector<std::string> claims) {
  for (const std::string& claim : claims) {
    const std::string name = claim_volume_name(frame_, claim);
    auto found = co_await get("/volumes/" + name + "/json");
    if (!found) co_return found.error();
    if (!found->success() || found->object() == nullptr ||
        text_at(*found->object(), "Labels", kLabelInstallation) != frame_.installation)
      continue;
    auto removed = co_await erase("/volumes/" + name, Patience::kQuick);
    if (!removed) co_return removed.error();
    // 409: a unit of another deployment has it.
    if (!removed->success() && removed->status != 404 && removed->status != 409)
      co_return Error(ErrorCode::kInternal, "engine-refused", "remove volume " + name + ": " + removed->message);
  }
  co_return ok();
}

Task<void> PodmanEngine::remove_everything() {
  auto ended = co_await end_all("");
  if (!ended) co_return ended.error();
  auto volumes = co_await remove_volumes("", nullptr);
  if (!volumes) co_return volumes.error();
  remove_folders("");
  view_.forget("");
  auto networks = co_await remove_networks("", nullptr);
  if (!networks) co_return networks.error();
  co_return co_await remove_network(frame_.network);
}

Task<void> PodmanEngine::remove_networks(std::string deployment, VolumeFilter which) {
  std::vector<std::string> labels{std::string(kLabelInstallation) + "=" + frame_.installation};
  auto answer = co_await get("/networks/json?" + label_filter(labels));
  if (!answer) co_return answer.error();
  const json::Array* networks = answer->body.if_array();
  if (networks == nullptr) co_return ok();
  for (const json::Value& entry : *networks) {
    const json::Object* network = entry.if_object();
    if (network == nullptr || text_at(*network, "labels", kLabelInstallation) != frame_.installation) continue;
    const std::string its_deployment = text_at(*network, "labels", kLabelDeployment);
    const std::string name = text_at(*network, "name");
    // Without one it is that of all guards.
    if (its_deployment.empty() || (!deployment.empty() && its_deployment != deployment)) continue;
    if (which && !which(name)) continue;
    auto removed = co_await remove_network(name);
    if (!removed) co_return removed.error();
  }
  co_return ok();
}

Task<void> PodmanEngine::remove_network(std::string name) {
  auto network = co_await get("/networks/" + name + "/json");
  if (!network) co_return network.error();
  if (!network->success() || network->object() == nullptr ||
      text_at(*network->object(), "labels", kLabelInstallation) != frame_.installation)
    co_return ok();
  auto gone = co_await erase("/networks/" + name, Patience::kQuick);
  if (!gone) co_return gone.error();
  if (!gone->success() && gone->status != 404)
    co_return Error(ErrorCode::kInternal, "engine-refused", "remove network " + name + ": " + gone->message);
  co_return ok();
}

Task<void> PodmanEngine::remove_volumes(std::string deployment, VolumeFilter which) {
  // Podman 4.3 takes a volume that has any of several labels, so what is ours is decided here.
  std::vector<std::string> labels{std::string(kLabelInstallation) + "=" + frame_.installation};
  auto answer = co_await get("/volumes/json?" + label_filter(labels));
  if (!answer) co_return answer.error();
  const json::Array* volumes = answer->body.if_array();
  if (volumes == nullptr) co_return ok();
  for (const json::Value& entry : *volumes) {
    const json::Object* volume = entry.if_object();
    if (volume == nullptr || text_at(*volume, "Labels", kLabelInstallation) != frame_.installation) continue;
    if (!deployment.empty() && text_at(*volume, "Labels", kLabelDeployment) != deployment) continue;
    if (!text_at(*volume, "Labels", kLabelClaim).empty()) continue;  // it outlives what claimed it
    const std::string name = text_at(*volume, "Name");
    if (which && !which(name)) continue;
    auto removed = co_await erase("/volumes/" + name, Patience::kQuick);
    if (!removed) co_return removed.error();
    if (!removed->success() && removed->status != 404)
      co_return Error(ErrorCode::kInternal, "engine-refused", "remove volume " + name + ": " + removed->message);
  }
  co_return ok();
}

void PodmanEngine::remove_folders(const std::string& deployment) const {
  // By name, since a try before this one may have removed the containers already.
  const std::string prefix =
      "mf-" + frame_.installation.substr(0, 8) + "-" + (deployment.empty() ? "" : deployment + "-");
  std::error_code error;
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(frame_.sockets_dir, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(prefix)) continue;
    const bool is_unit = name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    if (deployment.empty() || is_unit) folders.push_back(entry.path());
  }
  for (const auto& folder : folders) std::filesystem::remove_all(folder, error);
}

}  // namespace mifeng::cluster
