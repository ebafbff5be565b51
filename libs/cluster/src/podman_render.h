// A workload as libpod's containers/create wants it, and the comparison of what libpod says about a container with
// that. Pure functions: no I/O.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/podman.h"
#include "mifeng/json/value.h"

namespace mifeng::cluster {

inline constexpr std::string_view kLabelInstallation = "io.mifeng.installation";
inline constexpr std::string_view kLabelDeployment = "io.mifeng.deployment";
inline constexpr std::string_view kLabelSlot = "io.mifeng.slot";
inline constexpr std::string_view kLabelPart = "io.mifeng.part";  // "guard", "model"
inline constexpr std::string_view kLabelRevision = "io.mifeng.revision";
inline constexpr std::string_view kLabelRestart = "io.mifeng.restart";
// What a container is asked about later without its workload: NAME:PORT,..., and where its health is.
inline constexpr std::string_view kLabelPorts = "io.mifeng.ports";
inline constexpr std::string_view kLabelHealthPort = "io.mifeng.health-port";
inline constexpr std::string_view kLabelVolume = "io.mifeng.volume";
inline constexpr std::string_view kLabelClaim = "io.mifeng.claim";

// What every container of an installation has in common.
struct PodmanFrame {
  std::string installation;
  std::filesystem::path sockets_dir;
  std::filesystem::path start_dir;  // holds mifeng-start, for every model's container
  std::string host_ip = "127.0.0.1";
  std::string network;
  // Bounds that the host sets for r_limits: asking for more makes the start fail where CAP_SYS_RESOURCE is missing.
  std::int64_t nofile = 1024;
  std::int64_t nproc = 1024;
};

// A unit's two containers. The guard's has the unit's name; what can be said of the unit is said of it.
enum class Part { kGuard, kModel };
const char* to_string(Part part);

// kInvalidArgument "bad-workload": a name, port or size that cannot be rendered, with its path.
Result<void> validate(const Workload& workload);

// The slots that have a node port for every port of the template, in order.
std::vector<int> whole_slots(const Workload& workload);

std::string unit_name(const PodmanFrame& frame, const std::string& deployment, int slot);
// UNIT or UNIT.model; and the unit of a container's name.
std::string container_name(const std::string& unit, Part part);
std::string unit_of(const std::string& container);
// UNIT.shared.<name>, of a shared folder
std::string shared_volume_name(const std::string& unit, const SharedFolder& folder);
// mf-<installation>-<deployment>-<slot>.<volume>
std::string volume_name(const PodmanFrame& frame, const std::string& deployment, int slot, const std::string& volume);

// mf-<installation>.<vendor>.<claim>
std::string claim_volume_name(const PodmanFrame& frame, const std::string& claim);

// Engine::ports_needed and cannot_hold for Podman.
PortNeeds ports_needed(const PodTemplate& pod, int replicas);
std::vector<std::string> cannot_hold(const PodTemplate& pod);

// UNIT.net, of a model that may reach others: nobody else is in it.
std::string model_network_name(const std::string& unit);
// Whether the model has one.
bool has_network(const PodTemplate& pod);

// The body of POST containers/create for one container of a valid workload.
json::Object render_container(const PodmanFrame& frame, const Workload& workload, int slot, Part part);

// The sha256:... of REGISTRY/NAME@sha256:..., empty where there is none.
std::string_view image_digest(std::string_view image);

// What libpod says of a container, and the environment of its image's own config, which it inherits.
struct Inspected {
  const json::Object* container = nullptr;  // none: there is no such container
  std::vector<std::string> image_env;
};

// Compares libpod's answers to GET containers/NAME/json with what was rendered; gives the first field that differs as
// "HostConfig.Memory is 1, rendered was 2", with "model: " before it where it is the model's container, or nothing
// where the unit is what was rendered. The restart is not compared: it says when a unit was wanted anew, and nothing of
// what it is.
std::optional<std::string> find_drift(const PodmanFrame& frame, const Workload& workload, int slot,
                                      const Inspected& guard, const Inspected& model);

}  // namespace mifeng::cluster
