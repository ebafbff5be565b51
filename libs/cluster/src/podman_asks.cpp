// What is asked and changes nothing: logs, proofs, ports, capacity.
#include <unistd.h>

#include <poll.h>

#include <algorithm>
#include <map>

#include "log_frames.h"
#include "mifeng/cluster/json_path.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

// As libpod takes it: seconds with a fraction.
std::string decimal_seconds(UnixMillis ms) {
  const std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

Error denied(const char* reason, const std::string& message) {
  return Error(ErrorCode::kPermissionDenied, reason, message);
}

const Workload* candidate_of(const std::vector<Workload>& candidates, const Seen& seen) {
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const Workload& one) {
    return one.deployment == seen.unit.deployment && one.revision == seen.unit.revision;
  });
  return found == candidates.end() ? nullptr : &*found;
}

// Readable: the process has ended, whoever has its number now.
bool still_lives(int pidfd) {
  pollfd wait{pidfd, POLLIN, 0};
  return pidfd >= 0 && ::poll(&wait, 1, 0) == 0;
}

}  // namespace

Task<void> PodmanEngine::logs(std::string unit, LogOptions options, LogSink sink) {
  const bool of_guard = options.container == to_string(Part::kGuard);
  if (!of_guard && !options.container.empty() && options.container != to_string(Part::kModel))
    co_return Error(ErrorCode::kNotFound, "no-such-container",
                    "a unit has no container " + options.container + "; it has guard and model");
  const std::string name = container_name(unit, of_guard ? Part::kGuard : Part::kModel);
  auto inspected = co_await inspect(name);
  if (!inspected) co_return inspected.error();
  if (!*inspected) co_return Error(ErrorCode::kNotFound, "no-such-unit", "there is no container " + unit);
  if (options.previous)
    co_return Error(ErrorCode::kNotFound, "no-previous-run",
                    "the container engine keeps one log of a container, over all its runs");
  std::string path = "/containers/" + name + "/logs?stdout=true&stderr=true&tail=" +
                     (options.tail < 0 ? std::string("all") : std::to_string(options.tail));
  if (options.follow) path += "&follow=true";
  if (options.timestamps) path += "&timestamps=true";
  if (options.since_ms) path += "&since=" + decimal_seconds(*options.since_ms);
  auto opened = co_await client_.stream("GET", path, options.follow ? Patience::kFollow : Patience::kQuick);
  if (!opened) co_return opened.error();
  LogFrameReader reader;
  std::vector<LogLine> lines;
  for (bool ended = false; !ended;) {
    auto piece = co_await (*opened)->read();
    if (!piece) co_return piece.error();
    ended = piece->empty();
    lines.clear();
    if (ended) {
      reader.finish(lines);
    } else if (auto fed = reader.feed(*piece, lines); !fed) {
      co_return fed.error();
    }
    for (LogLine& line : lines) {
      auto taken = co_await sink(std::move(line));
      if (!taken) co_return taken.error();
    }
  }
  co_return ok();
}

Task<Proof> PodmanEngine::prove(std::vector<Workload> candidates, Evidence evidence) {
  const PeerEvidence* peer = std::get_if<PeerEvidence>(&evidence);
  if (peer == nullptr)
    co_return Error(ErrorCode::kInvalidArgument, "not-supported",
                    "this engine knows units by the process at the other end of their socket, not by a token");
  auto inspected = co_await look_into(peer->unit);
  if (!inspected) co_return inspected.error();
  if (!inspected->guard) co_return denied("not-running", "there is no container " + peer->unit);
  const json::Object& container = *inspected->guard;
  const Seen seen = seen_in(container, inspected->model ? &*inspected->model : nullptr);
  if (seen.unit.name != peer->unit || !bool_at(container, "State", "Running"))
    co_return denied("not-running", "container " + peer->unit + " does not run");
  const std::string process = "process " + std::to_string(peer->pid);
  if (peer->pid <= 0 || integer_at(container, "State", "Pid") != peer->pid)
    co_return denied("not-first-process", process + " is not the first process of " + peer->unit);
  const Workload* candidate = candidate_of(candidates, seen);
  if (candidate == nullptr)
    co_return denied("no-such-revision", "container " + peer->unit + " is of revision " +
                                             std::to_string(seen.unit.revision) + ", which nobody wants");
  Workload checked = *candidate;
  checked.replicas = 0;  // how many there are to be is nothing that a proof needs
  MIFENG_CO_CHECK(validate(checked));
  auto drift = co_await drift_of(checked, seen.slot, *inspected);
  if (!drift) co_return drift.error();
  if (*drift) co_return denied("drifted", "unit " + peer->unit + " is not what was rendered: " + **drift);
  if (!seen.model_runs) co_return denied("not-running", "the model's container of " + peer->unit + " does not run");
  // Last: as long as the process lives its number is nobody else's, so what libpod said was of this process.
  if (!still_lives(peer->pidfd)) co_return denied("not-first-process", process + " has ended");
  Proof proof;
  proof.unit = seen.unit.name;
  proof.engine_id = seen.unit.engine_id;
  proof.deployment = seen.unit.deployment;
  proof.revision = seen.unit.revision;
  proof.started_at_ms = seen.unit.started_at_ms.value_or(0);
  co_return proof;
}

Task<std::vector<PortInUse>> PodmanEngine::ports_in_use() {
  auto containers = co_await list_containers("");
  if (!containers) co_return containers.error();
  std::map<std::uint16_t, std::string> holders;
  for (const json::Object& container : *containers) {
    const json::Value* value = container.find("Ports");
    if (value == nullptr || value->if_array() == nullptr) continue;
    const std::vector<std::string> names = texts_at(container, "Names");
    const std::string holder = "container " + (names.empty() ? text_at(container, "Id") : names.front());
    for (const json::Value& entry : *value->if_array()) {
      if (entry.if_object() == nullptr) continue;
      const std::int64_t first = integer_at(*entry.if_object(), "host_port");
      const std::int64_t range = std::max<std::int64_t>(1, integer_at(*entry.if_object(), "range"));
      for (std::int64_t port = first; port < first + range && port <= 65535; ++port) {
        if (port > 0) holders.emplace(static_cast<std::uint16_t>(port), holder);
      }
    }
  }
  std::vector<PortInUse> ports;
  for (const auto& [port, holder] : holders) ports.push_back({port, holder});
  co_return ports;
}

Task<Capacity> PodmanEngine::capacity() {
  auto answer = co_await get("/info");
  if (!answer) co_return answer.error();
  if (!answer->success() || answer->object() == nullptr) co_return engine_error(*answer, "ask for the capacity");
  if (!is_live_) {
    auto looked = co_await look_at("");
    if (!looked) co_return looked.error();
  }
  const Claimed claimed = view_.claimed();
  const auto amount = [](std::int64_t all, std::int64_t taken) {
    Amount made;
    made.all = all;
    made.free = std::max<std::int64_t>(0, all - taken);
    return made;
  };
  Capacity capacity;
  capacity.cpu_millis = amount(integer_at(*answer->object(), "host", "cpus") * 1000, claimed.cpu_millis);
  capacity.memory_bytes = amount(integer_at(*answer->object(), "host", "memTotal"), claimed.memory_bytes);
  co_return capacity;
}

Task<std::vector<Node>> PodmanEngine::nodes() {
  auto has = co_await capacity();
  if (!has) co_return has.error();
  char name[256] = "";
  Node node;
  node.name = ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
  node.ready = true;
  node.addresses.push_back(options_.host_ip);
  node.cpu_millis = has->cpu_millis;
  node.memory_bytes = has->memory_bytes;
  node.accelerators = std::move(has->accelerators);
  std::vector<Node> nodes;
  nodes.push_back(std::move(node));
  co_return nodes;
}

}  // namespace mifeng::cluster
