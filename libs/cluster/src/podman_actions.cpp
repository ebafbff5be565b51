// What PodmanEngine does to containers and images that are there: restart, remove, logs, pull, prune.
#include <algorithm>
#include <filesystem>
#include <set>

#include "json_path.h"
#include "log_frames.h"
#include "mifeng/base/phrase.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

constexpr std::int64_t kRemoveGraceSeconds = 30;
constexpr std::size_t kProgressLineMax = 64 * 1024;

std::string label(std::string_view name, const std::string& value) { return std::string(name) + "=" + value; }

Error pull_error(const std::string& image, const std::string& message) {
  const auto has = [&](std::string_view part) { return message.find(part) != std::string::npos; };
  if (has("manifest unknown") || has("name unknown") || has("not found"))
    return Error(ErrorCode::kNotFound, "image-not-found",
                 phrase("the registry does not have the image {}: push it again, or deploy another version", image));
  if (has("connection refused") || has("no such host") || has("i/o timeout"))
    return Error(ErrorCode::kUnavailable, "image-not-pulled",
                 phrase("the registry of {} cannot be reached: {}", image, message.substr(0, 300)));
  if (has("no space left"))
    return Error(ErrorCode::kResourceExhausted, "disk-full",
                 phrase("there is no room on the disk for the image {}", image));
  return Error(ErrorCode::kUnavailable, "image-not-pulled",
               phrase("the image {} could not be pulled: {}", image, message.substr(0, 500)));
}

}  // namespace

Task<void> PodmanEngine::restart(std::string instance) {
  auto inspected = co_await inspect(instance);
  if (!inspected) co_return inspected.error();
  if (!*inspected) co_return Error(ErrorCode::kNotFound, "no-such-instance", "there is no container " + instance);
  const InstanceStatus status = status_of_inspected(**inspected);
  const auto held = co_await deployments_.acquire(status.deployment);
  if (status.state == InstanceState::kRunning || status.state == InstanceState::kStopping) {
    auto stopped = co_await post("/containers/" + instance + "/stop", std::nullopt, Patience::kStop);
    if (!stopped) co_return stopped.error();
    if (!stopped->success() && stopped->status != 304)
      co_return Error(ErrorCode::kInternal, "engine-refused", "stop " + instance + ": " + stopped->message);
  }
  co_return co_await start(instance, {});
}

Task<void> PodmanEngine::remove_containers(std::vector<std::string> names, std::int64_t grace_seconds) {
  // All get their SIGTERM first, so that their times of grace run side by side.
  if (names.size() > 1) {
    for (const std::string& name : names) {
      auto told = co_await post("/containers/" + name + "/kill?signal=TERM", std::nullopt, Patience::kQuick);
      if (!told) co_return told.error();  // a container that does not run answers 409, which is fine
    }
  }
  for (const std::string& name : names) {
    auto removed = co_await erase("/containers/" + name + "?force=true&ignore=true&timeout=" +
                                      std::to_string(std::max<std::int64_t>(0, grace_seconds)),
                                  Patience::kStop);
    if (!removed) co_return removed.error();
    if (!removed->success() && removed->status != 404)
      co_return Error(ErrorCode::kInternal, "engine-refused", "remove container " + name + ": " + removed->message);
    note_failure(name, std::nullopt);
  }
  co_return ok();
}

Task<void> PodmanEngine::remove_volumes(std::string deployment, std::string name_prefix) {
  // Podman 4.3 takes a volume that has any of several labels, so what is ours is decided here.
  std::vector<std::string> labels{label(kLabelInstallation, frame_.installation)};
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
    if (!name.starts_with(name_prefix)) continue;
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
    const bool is_replica = name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    if (deployment.empty() || is_replica) folders.push_back(entry.path());
  }
  for (const auto& folder : folders) std::filesystem::remove_all(folder, error);
}

Task<void> PodmanEngine::remove(std::string deployment) {
  const auto held = co_await deployments_.acquire(deployment);
  std::vector<std::string> labels{label(kLabelInstallation, frame_.installation), label(kLabelDeployment, deployment)};
  auto listed = co_await list_containers(labels);
  if (!listed) co_return listed.error();
  std::vector<std::string> names;
  for (const json::Object& container : *listed) {
    if (text_at(container, "Labels", kLabelDeployment) == deployment) names.push_back(status_of_listed(container).name);
  }
  auto removed = co_await remove_containers(std::move(names), kRemoveGraceSeconds);
  if (!removed) co_return removed.error();
  auto volumes = co_await remove_volumes(deployment, "");
  if (!volumes) co_return volumes.error();
  remove_folders(deployment);
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
    // 409: a container of another deployment has it.
    if (!removed->success() && removed->status != 404 && removed->status != 409)
      co_return Error(ErrorCode::kInternal, "engine-refused", "remove volume " + name + ": " + removed->message);
  }
  co_return ok();
}

Task<void> PodmanEngine::remove_everything() {
  auto listed = co_await list();
  if (!listed) co_return listed.error();
  std::vector<std::string> names;
  for (const InstanceStatus& status : *listed) names.push_back(status.name);
  auto removed = co_await remove_containers(std::move(names), kRemoveGraceSeconds);
  if (!removed) co_return removed.error();
  auto volumes = co_await remove_volumes("", "");
  if (!volumes) co_return volumes.error();
  remove_folders("");
  auto network = co_await get("/networks/" + frame_.network + "/json");
  if (!network) co_return network.error();
  if (!network->success() || network->object() == nullptr ||
      text_at(*network->object(), "labels", kLabelInstallation) != frame_.installation)
    co_return ok();
  auto gone = co_await erase("/networks/" + frame_.network, Patience::kQuick);
  if (!gone) co_return gone.error();
  if (!gone->success() && gone->status != 404)
    co_return Error(ErrorCode::kInternal, "engine-refused", "remove network " + frame_.network + ": " + gone->message);
  co_return ok();
}

Task<void> PodmanEngine::logs(std::string instance, LogOptions options, LogSink sink) {
  auto inspected = co_await inspect(instance);
  if (!inspected) co_return inspected.error();
  if (!*inspected) co_return Error(ErrorCode::kNotFound, "no-such-instance", "there is no container " + instance);
  const std::string tail = options.tail < 0 ? std::string("all") : std::to_string(options.tail);
  auto opened = co_await client_.stream(
      "GET",
      "/containers/" + instance + "/logs?stdout=true&stderr=true&tail=" + tail + (options.follow ? "&follow=true" : ""),
      options.follow ? Patience::kFollow : Patience::kQuick);
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

Task<void> PodmanEngine::pull(std::string image, PullPolicy policy) {
  if (image_digest(image).empty())
    co_return Error(ErrorCode::kInvalidArgument, "bad-image", "an image must name its digest: " + image);
  if (policy != PullPolicy::kAlways) {
    auto found = co_await get("/images/" + image + "/exists");
    if (!found) co_return found.error();
    if (found->success()) co_return ok();
    if (policy == PullPolicy::kNever)
      co_return Error(ErrorCode::kNotFound, "image-not-found",
                      "the image " + image + " is not on this machine, and imagePullPolicy is Never");
  }
  auto opened = co_await client_.stream("POST",
                                        "/images/pull?reference=" + net::percent_encode(image) +
                                            "&tlsVerify=" + (options_.registry_tls ? "true" : "false"),
                                        Patience::kPull);
  if (!opened) co_return pull_error(image, opened.error().message());
  // A line of JSON for each step; a failure is a line with "error" in an answer whose status is 200.
  std::string line;
  bool pulled = false;
  for (;;) {
    auto piece = co_await (*opened)->read();
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    for (const std::uint8_t byte : *piece) {
      if (byte != '\n') {
        if (line.size() < kProgressLineMax) line.push_back(static_cast<char>(byte));
        continue;
      }
      if (auto step = json::parse_object(line)) {
        if (const std::string failure = text_at(*step, "error"); !failure.empty()) co_return pull_error(image, failure);
        pulled = pulled || !text_at(*step, "id").empty();
      }
      line.clear();
    }
  }
  if (!pulled) co_return pull_error(image, "the container engine did not say that it has the image");
  co_return ok();
}

Task<void> PodmanEngine::prune_images(std::vector<std::string> keep) {
  if (options_.registry.empty()) co_return ok();
  const std::set<std::string> kept(keep.begin(), keep.end());
  auto answer = co_await get("/images/json");
  if (!answer) co_return answer.error();
  const json::Array* images = answer->body.if_array();
  if (images == nullptr) co_return ok();
  for (const json::Value& entry : *images) {
    const json::Object* image = entry.if_object();
    if (image == nullptr) continue;
    const std::vector<std::string> names = texts_at(*image, "RepoDigests");
    const bool ours = !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.starts_with(options_.registry + "/");
    });
    const bool wanted =
        std::any_of(names.begin(), names.end(), [&](const std::string& name) { return kept.contains(name); });
    if (!ours || wanted) continue;
    // Without force: an image that a container uses answers 409 and stays.
    auto removed = co_await erase("/images/" + text_at(*image, "Id"), Patience::kStart);
    if (!removed) co_return removed.error();
  }
  co_return ok();
}

}  // namespace mifeng::cluster
