// The engine on one machine: containers of Podman, two for each unit.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mifeng/cluster/background.h"
#include "mifeng/cluster/keyed_lock.h"
#include "mifeng/cluster/podman.h"
#include "mifeng/cluster/subscription.h"
#include "mifeng/cluster/turns.h"
#include "plan_step.h"
#include "podman_client.h"
#include "podman_render.h"
#include "podman_status.h"
#include "podman_view.h"

namespace mifeng::cluster {

class PodmanEngine final : public Engine {
 public:
  PodmanEngine(PodmanClient client, PodmanFrame frame, PodmanOptions options, const Clock& clock)
      : client_(std::move(client)), frame_(std::move(frame)), options_(std::move(options)), clock_(clock) {}
  ~PodmanEngine() override;  // what is being ended is told so already; the next engine finds it

  Task<ClusterFacts> probe() override;
  Task<ApplyResult> apply(Workload workload) override;
  Task<void> restart(std::string unit) override;
  Task<void> remove(std::string deployment) override;
  Task<void> remove_claims(std::vector<std::string> claims) override;
  Task<void> remove_everything() override;
  Task<std::vector<Unit>> units(std::string deployment) override;
  Task<std::vector<Unit>> all_units() override;
  Task<std::vector<Endpoint>> endpoints(std::string deployment) override;
  std::shared_ptr<void> watch(Changed changed, std::chrono::milliseconds resync) override;
  PortNeeds ports_needed(const PodTemplate& pod, int replicas) const override {
    return cluster::ports_needed(pod, replicas);
  }
  Task<std::vector<PortInUse>> ports_in_use() override;
  Task<Capacity> capacity() override;
  Task<std::vector<Node>> nodes() override;
  Task<std::vector<Event>> events(std::string deployment) override;
  Task<void> logs(std::string unit, LogOptions options, LogSink sink) override;
  Task<Proof> prove(std::vector<Workload> candidates, Evidence evidence) override;
  Task<void> pull(std::string image, PullPolicy policy) override;
  Task<void> prune_images(std::vector<std::string> keep) override;
  Result<std::vector<json::Object>> objects(const Workload& workload) const override;
  std::vector<std::string> cannot_hold(const PodTemplate& pod) const override { return cluster::cannot_hold(pod); }

 private:
  // ---- podman_engine.cpp: asking
  // Short forms of the client's call().
  Task<PodmanAnswer> get(std::string path);
  Task<PodmanAnswer> post(std::string path, std::optional<json::Object> body, Patience patience);
  Task<PodmanAnswer> erase(std::string path, Patience patience);
  // GET containers/NAME/json; nothing where there is none. kPermissionDenied "not-ours" for a container of others.
  Task<std::optional<json::Object>> inspect(std::string name);
  // None where the image is gone, of a container that does not run.
  Task<std::vector<std::string>> image_env(const json::Object& inspected);
  // A unit's two containers. Of one that is not ours as inspect().
  struct UnitInspected {
    std::optional<json::Object> guard, model;
  };
  Task<UnitInspected> look_into(std::string unit);
  Task<std::optional<std::string>> drift_of(const Workload& workload, int slot, const UnitInspected& unit);
  // Of one deployment of ours; "" is all of ours.
  Task<std::vector<json::Object>> list_ours(std::string deployment);
  Task<std::vector<json::Object>> list_containers(std::string query);

  // ---- podman_watch.cpp: the view
  // Brings the view of a deployment ("" is of all) up to date, except for health; whether anything was to be learned.
  Task<bool> look_at(std::string deployment);
  // The same, and with health where nobody watches it.
  Task<void> look_closely(std::string deployment);
  // Looks at one container again.
  Task<void> refresh(std::string name);
  boost::asio::awaitable<void> keep_view(std::chrono::milliseconds resync, UnixMillis since);
  Task<void> follow_news(std::chrono::milliseconds resync, UnixMillis since);
  boost::asio::awaitable<Result<void>> read_news(net::ResponseStream& stream, UnixMillis since);
  boost::asio::awaitable<Result<void>> resync_now_and_then(std::chrono::milliseconds resync);
  void tell(const std::string& deployment);

  // ---- podman_health.cpp
  boost::asio::awaitable<void> ask_health(std::string name);
  // Returns after `at_most`, though some may not have answered yet; they are asked to the end.
  boost::asio::awaitable<void> ask_health_of(std::vector<std::string> names, std::chrono::milliseconds at_most);
  void watch_health(const std::string& name);
  boost::asio::awaitable<LastWords> last_words(std::string unit);

  // ---- podman_apply.cpp
  Task<void> take_step(std::shared_ptr<const Workload> workload, ApplyResult& result);
  Step plan(const Workload& workload, const std::vector<Known>& known) const;
  Task<void> make(const Workload& workload, int slot);
  Task<void> make_container(const Workload& workload, int slot, Part part);
  // A volume that is not there yet, or not with these options.
  Task<void> make_volume(json::Object volume, std::string name);
  Task<void> make_volumes(const Workload& workload, int slot);
  Task<void> start(const Unit& unit, int slot);
  Task<void> ensure_network();
  Task<void> ensure_model_network(const Workload& workload, int slot);
  Task<void> make_network(std::string name, std::string interface, json::Object labels);
  // Of podman_isolation.h.
  Task<void> filter_packets(Result<void> (*rules)(const std::vector<std::string>&));
  boost::asio::awaitable<void> keep_guards_apart();
  Task<void> start_container(std::string name, const Unit& unit, int slot);
  // Removes what units left behind that went while nobody could finish it: once, and again after a try that failed.
  Task<void> sweep(std::string deployment);

  // ---- podman_ending.cpp
  void begin_ending(const Known& known);
  boost::asio::awaitable<void> end_unit(Unit unit);
  Task<void> try_to_end(const Unit& unit);
  Task<void> remove_container(std::string name_or_id);
  // Models' containers whose guard's is gone, or was never made. Of one deployment; "" is of all.
  Task<void> remove_halves(std::string deployment);
  // Begins to end all units of a deployment ("" is of all), and waits until they are gone.
  Task<void> end_all(std::string deployment);
  // Of one deployment ("" is all of ours), but for claimed ones; by name where a filter is given.
  using VolumeFilter = std::function<bool(const std::string& name)>;
  Task<void> remove_volumes(std::string deployment, VolumeFilter which);
  // Models' networks of one deployment ("" is all of ours); by name where a filter is given.
  Task<void> remove_networks(std::string deployment, VolumeFilter which);
  Task<void> remove_network(std::string name);
  // The folders with sockets of one deployment ("" is all of ours).
  void remove_folders(const std::string& deployment) const;

  const PodmanClient client_;
  const PodmanFrame frame_;
  const PodmanOptions options_;
  const Clock& clock_;
  KeyedLock deployments_;
  KeyedLock names_;  // so that of two looks at a container the later one is kept
  Turns probes_{8};
  Turns endings_{32};
  PodmanView view_;
  std::atomic<bool> is_live_{false};  // whether the view follows the news
  // Which rules of the packet filter have to be there: where a model may use the network, where there is a guard.
  std::atomic<bool> isolates_models_{false}, isolates_guards_{false};
  std::atomic<bool> told_no_isolation_{false};  // of guards
  net::BlockingPool filter_{"packet filter", 1, 1024};
  net::Notifier ended_;      // a unit went, or could not be ended
  net::Notifier try_again_;  // what could not be ended before

  mutable std::mutex mutex_;                                   // of what follows
  std::map<std::string, std::vector<std::string>> image_env_;  // by image id, which names its content
  std::set<std::string> swept_;                                // deployments
  std::shared_ptr<Subscription> subscription_;                 // shared with who watches

  BackgroundLoop loop_;
  net::TaskGroup tasks_{loop_.executor(), "podman engine"};  // last, so that it ends first
};

inline constexpr std::chrono::milliseconds kHealthMax{30'000};  // for asking all of a deployment

Error engine_error(const PodmanAnswer& answer, const std::string& doing);
bool is_engine_away(const Error& error);

}  // namespace mifeng::cluster
