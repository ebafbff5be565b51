// Images that Podman has: pull, prune.
#include <algorithm>
#include <set>

#include "mifeng/base/phrase.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/os/file.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kProgressLineMax = 64 * 1024;

Error pull_error(const std::string& image, const std::string& message) {
  const auto has = [&](std::string_view part) { return message.find(part) != std::string::npos; };
  if (has("manifest unknown") || has("name unknown") || has("not found"))
    return Error(ErrorCode::kNotFound, "image-not-found",
                 phrase("the registry does not have the image {}: push it again, or deploy another version", image));
  if (has("unauthorized") || has("authentication required"))
    return Error(ErrorCode::kUnavailable, "image-not-pulled",
                 phrase("the registry of {} does not accept the user and his password (--registry-user, "
                        "--registry-password-file of the platform)",
                        image));
  if (has("x509:"))
    return Error(ErrorCode::kUnavailable, "image-not-pulled",
                 phrase("the certificate of the registry of {} is not trusted by the container engine: start it with "
                        "SSL_CERT_FILE set to the authority's file",
                        image));
  if (has("connection refused") || has("no such host") || has("i/o timeout"))
    return Error(ErrorCode::kUnavailable, "image-not-pulled",
                 phrase("the registry of {} cannot be reached: {}", image, message.substr(0, 300)));
  if (has("no space left"))
    return Error(ErrorCode::kResourceExhausted, "disk-full",
                 phrase("there is no room on the disk for the image {}", image));
  return Error(ErrorCode::kUnavailable, "image-not-pulled",
               phrase("the image {} could not be pulled: {}", image, message.substr(0, 500)));
}

// Podman's X-Registry-Auth: JSON in base64 of the alphabet for URLs.
Result<std::string> login_header(const std::string& user, const std::filesystem::path& password_file) {
  MIFENG_TRY(const SecretBytes password, read_secret_line(password_file));
  std::string text = json::serialize(
      json::Object{{"username", user}, {"password", std::string(as_text(password.reveal_for_output()))}});
  std::string header = to_base64(as_bytes(text));
  wipe(text.data(), text.size());
  std::replace(header.begin(), header.end(), '+', '-');
  std::replace(header.begin(), header.end(), '/', '_');
  return header;
}

}  // namespace

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
  net::Headers login;
  if (!options_.registry_user.empty() && image.starts_with(options_.registry + "/")) {
    auto header = login_header(options_.registry_user, options_.registry_password_file);
    if (!header) co_return header.error();
    login.set("X-Registry-Auth", std::move(*header));
  }
  auto opened = co_await client_.stream("POST",
                                        "/images/pull?reference=" + net::percent_encode(image) +
                                            "&tlsVerify=" + (options_.registry_tls ? "true" : "false"),
                                        Patience::kPull, std::move(login));
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
