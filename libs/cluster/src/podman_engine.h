// The engine on one machine: containers of Podman, one for each replica.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "keyed_lock.h"
#include "mifeng/cluster/engine.h"
#include "podman_client.h"
#include "podman_render.h"
#include "podman_status.h"

namespace mifeng::cluster {

class PodmanEngine final : public Engine {
 public:
  PodmanEngine(PodmanClient client, PodmanFrame frame, PodmanOptions options, const Clock& clock)
      : client_(std::move(client)), frame_(std::move(frame)), options_(std::move(options)), clock_(clock) {}

  Task<std::string> ping() override;
  Task<ApplyResult> apply(Workload workload) override;
  Task<std::vector<InstanceStatus>> status(Workload workload) override;
  Task<std::vector<InstanceStatus>> list() override;
  Task<void> restart(std::string instance) override;
  Task<void> remove(std::string deployment) override;
  Task<void> remove_claims(std::vector<std::string> claims) override;
  Task<void> remove_everything() override;
  Task<void> logs(std::string instance, LogOptions options, LogSink sink) override;
  Task<PeerIdentity> verify_peer(Workload workload, int replica, ::pid_t pid) override;
  Task<std::vector<std::uint16_t>> host_ports_in_use() override;
  Task<void> pull(std::string image, PullPolicy policy) override;
  Task<void> prune_images(std::vector<std::string> keep) override;
  std::vector<std::string> not_held(const PodTemplate& pod) const override { return cluster::not_held(pod); }
  std::string instance_name(const std::string& deployment, int replica) const override {
    return cluster::instance_name(frame_, deployment, replica);
  }

 private:
  // Short forms of the client's call().
  Task<PodmanAnswer> get(std::string path);
  Task<PodmanAnswer> post(std::string path, std::optional<json::Object> body, Patience patience);
  Task<PodmanAnswer> erase(std::string path, Patience patience);

  // GET containers/NAME/json; nothing where there is none. kPermissionDenied "not-ours" for a container of others.
  Task<std::optional<json::Object>> inspect(std::string name);
  Task<std::vector<std::string>> image_env(const json::Object& inspected);
  Task<std::vector<json::Object>> list_containers(std::vector<std::string> labels);
  Task<void> ensure_network();

  // Brings one replica to what is rendered; sets `changed` where something had to be done.
  Task<InstanceStatus> settle(const Workload& workload, int replica, bool& changed);
  Task<void> create(const Workload& workload, int replica);
  Task<void> start(const std::string& name, const std::vector<HostPort>& ports);
  Task<InstanceStatus> describe(const Workload& workload, int replica, const json::Object& inspected);
  boost::asio::awaitable<void> probe(InstanceStatus& status, std::uint16_t health_port);
  boost::asio::awaitable<std::string> last_log_line(std::string name);

  // Stops with grace and removes each, all at the same time.
  Task<void> remove_containers(std::vector<std::string> names, std::int64_t grace_seconds);
  // Of one deployment ("" is all of ours) with names that begin so.
  Task<void> remove_volumes(std::string deployment, std::string name_prefix);
  // The folders with sockets of one deployment ("" is all of ours).
  void remove_folders(const std::string& deployment) const;

  InstanceStatus failed(const Workload& workload, int replica, const Explained& why) const;
  void note_failure(const std::string& name, std::optional<Explained> why);
  std::optional<Explained> noted_failure(const std::string& name) const;

  const PodmanClient client_;
  const PodmanFrame frame_;
  const PodmanOptions options_;
  const Clock& clock_;
  KeyedLock deployments_;

  mutable std::mutex mutex_;  // of the two below
  // libpod keeps no reason when a start fails (the state stays "created" with an empty error): its answer is kept here.
  std::map<std::string, Explained> failures_;
  std::map<std::string, std::vector<std::string>> image_env_;  // by image id, which names its content
};

}  // namespace mifeng::cluster
