#include "mifeng/models/registry.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "mifeng/base/phrase.h"
#include "mifeng/json/value.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

namespace mifeng::models {
namespace {

constexpr std::size_t kSaidMax = 16 << 10;
constexpr std::size_t kShownMax = 700;
constexpr int kLoginFd = 3;  // of skopeo

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// skopeo's last line without its log's dress: what the registry itself said stands at its end.
std::string words_of(std::string_view said) {
  while (!said.empty() && (said.back() == '\n' || said.back() == ' ')) said.remove_suffix(1);
  if (const std::size_t line = said.rfind('\n'); line != std::string_view::npos) said.remove_prefix(line + 1);
  constexpr std::string_view kMessage = "msg=\"";
  if (const std::size_t at = said.find(kMessage); at != std::string_view::npos) {
    said.remove_prefix(at + kMessage.size());
    if (said.ends_with('"')) said.remove_suffix(1);
  }
  std::string words;
  for (std::size_t i = 0; i < said.size(); ++i)
    if (said[i] != '\\' || i + 1 == said.size() || said[i + 1] != '"') words += said[i];
  if (words.size() > kShownMax) words = "..." + words.substr(words.size() - kShownMax);
  return words;
}

// The image's name may hold any word that is looked for.
std::string without_name(std::string_view said, const std::string& address) {
  std::string name = address.substr(std::min(address.find('/'), address.size()));
  name = name.substr(0, name.find_first_of("@:"));
  std::string text(said);
  if (name.size() < 2) return text;
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) text.erase(at, name.size());
  return text;
}

// A file in memory, as skopeo reads logins from.
Result<UniqueFd> login_file(const RegistryAccess& access, const std::string& address) {
  const auto password = read_secret_line(access.password_file);
  if (!password)
    return Error(ErrorCode::kUnavailable, "registry-login",
                 phrase("The password of the registry's user cannot be read: {} Look at --registry-password-file.",
                        password.error().message()));
  std::string pair = access.user + ":" + std::string(as_text(password->reveal_for_output()));
  json::Object auths;
  auths.set(address.substr(0, address.find('/')), json::Object{{"auth", to_base64(as_bytes(pair))}});
  std::string text = json::serialize(json::Object{{"auths", std::move(auths)}});
  UniqueFd file(::memfd_create("registry-login", MFD_CLOEXEC));
  const ::ssize_t wrote = file ? ::write(file.get(), text.data(), text.size()) : -1;
  const int failed = errno;
  wipe(pair.data(), pair.size());
  wipe(text.data(), text.size());
  if (wrote != static_cast<::ssize_t>(text.size())) return errno_error(failed, "hold the registry's login in memory");
  return file;
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> env;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view line(*one);
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
      env[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return env;
}

}  // namespace

Error registry_error(const std::string& address, std::string_view output) {
  const std::string registry = address.substr(0, address.find('/'));
  const std::string words = words_of(output);
  const std::string said = without_name(output, address);
  // Harbor answers 403 or, before its version 2, 412.
  if (has_any(said, {"exceed the configured upper limit", "uota exceeded", "quota", "no space left on device",
                     "507 Insufficient Storage"}))
    return Error(ErrorCode::kResourceExhausted, "registry-full",
                 phrase("The registry {} has no room for the image: the quota of its project, or its disk, is used up. "
                        "Raise the quota (in Harbor: Administration, Project Quotas) or delete what is not needed, "
                        "then submit again. It said: {}",
                        registry, words));
  if (has_any(said, {"x509:", "tls: failed to verify", "certificate"}))
    return Error(ErrorCode::kUnavailable, "registry-untrusted",
                 phrase("The certificate of the registry {} is not trusted here. Give the file of the authority that "
                        "signed it (--registry-ca); and the name or address must stand in the certificate. It said: {}",
                        registry, words));
  if (has_any(said, {"server gave HTTP response to HTTPS client", "first record does not look like a TLS handshake"}))
    return Error(ErrorCode::kUnavailable, "registry-not-tls",
                 phrase("The registry {} does not speak TLS. Set it up with a certificate; or, on a network that is "
                        "yours alone, allow it with --registry-plain-http. It said: {}",
                        registry, words));
  if (has_any(said, {"unauthorized to access repository", "denied", "403 (Forbidden)", "403 Forbidden", "project"}))
    return Error(ErrorCode::kUnavailable, "registry-denied",
                 phrase("The registry {} does not let the platform write {}. Its project must exist and stand in "
                        "--registry (HOST:PORT/PROJECT), and its user must be allowed to push, pull and delete there. "
                        "It said: {}",
                        registry, address, words));
  if (has_any(said, {"unauthorized", "authentication required", "401 (Unauthorized)", "401 Unauthorized",
                     "invalid username/password"}))
    return Error(ErrorCode::kUnavailable, "registry-login",
                 phrase("The registry {} does not accept the user and his password. Look at --registry-user and at the "
                        "first line of the file of --registry-password-file, which is read anew each time. It said: {}",
                        registry, words));
  return Error(ErrorCode::kUnavailable, "registry-unavailable",
               phrase("The registry {} cannot be used now for {}. Look whether it runs and can be reached from the "
                      "platform. It said: {}",
                      registry, address, words));
}

Result<void> await_registry(const RegistryAccess& access, const std::string& address, std::chrono::seconds patience) {
  // Of what is asked for nothing need be there: whatever the registry says, it has said something.
  const auto asked = run_skopeo(access, address, {"inspect", "--raw", "docker://" + address}, "", patience);
  if (asked || asked.error().code() != ErrorCode::kTimeout) return ok();
  return Error(
      ErrorCode::kUnavailable, "registry-unavailable",
      phrase("The registry {} takes connections and has said nothing for {} s. Look at its log, and whether its "
             "disk works.",
             address.substr(0, address.find('/')), patience.count()));
}

Result<void> run_skopeo(const RegistryAccess& access, const std::string& address, std::vector<std::string> argv,
                        std::string_view side, std::chrono::seconds deadline) {
  ChildOptions child;
  child.argv = {"skopeo", "--insecure-policy"};
  if (argv.empty()) return Error(ErrorCode::kInvalidArgument, "bad-options", "skopeo needs a command");
  child.argv.push_back(argv.front());
  const std::string prefix = "--" + std::string(side);
  if (access.plain_http) child.argv.push_back(prefix + "tls-verify=false");
  UniqueFd login;
  if (!access.user.empty()) {
    MIFENG_TRY(login, login_file(access, address));
    child.fds[kLoginFd] = login.get();
    // Opened anew by its name each time that it is read.
    child.argv.push_back(prefix + "authfile=/proc/self/fd/" + std::to_string(kLoginFd));
  }
  if (!access.ca_file.empty()) {
    child.env = environment();
    (*child.env)["SSL_CERT_FILE"] = access.ca_file.string();
  }
  child.argv.insert(child.argv.end(), argv.begin() + 1, argv.end());
  MIFENG_TRY(const auto done, run_command(child, deadline, kSaidMax));
  if (done.exit.success()) return ok();
  return registry_error(address, done.output.empty() ? done.exit.describe() : done.output);
}

}  // namespace mifeng::models
