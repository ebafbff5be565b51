#include "mifeng/stack/backends.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

#include "mifeng/base/random.h"
#include "mifeng/net/client.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

namespace mifeng::stack {
namespace {

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return errno_error(error.value(), "make " + path.string());
  return ok();
}

bool answers(net::ClientOptions options, const std::string& target) {
  options.connect_timeout = std::chrono::seconds(2);
  options.idle_timeout = std::chrono::seconds(5);
  const auto client = net::HttpClient::create(std::move(options));
  if (!client) return false;
  const auto answer = client->send_now(net::ClientRequest("GET", target));
  return answer && answer->status == 200;
}

// TOML's and YAML's double-quoted string; our paths hold no control characters.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// Gives back the room of what no image has any more. The registry must not run, or it could take in a layer that is
// being removed. What it says on failure goes to the log: a registry that could not be cleaned still serves.
Result<void> collect_garbage(const RegistryOptions& options, const std::filesystem::path& config) {
  if (!std::filesystem::exists(options.folder / "data/docker")) return ok();
  ChildOptions child;
  child.argv = {"docker-registry", "garbage-collect", config.string()};
  MIFENG_TRY(const auto done, run_command(child, std::chrono::minutes(10), 64 << 10));
  if (done.exit.success()) return ok();
  std::ofstream(options.log, std::ios::app)
      << "garbage-collect: " << done.exit.describe() << ": " << done.output << "\n";
  return ok();
}

// Whether a process is a container's monitor (conmon) below `folder`, or the clean-up that a monitor starts at its
// container's end: both are told where Podman keeps what runs, as a word of its own.
bool is_monitor_of(const std::filesystem::path& process, const std::filesystem::path& folder) {
  const auto command = read_text_file(process / "cmdline", 65536);
  if (!command) return false;
  const std::string run = (folder / "run").string();
  const std::string_view words = *command;
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find('\0', begin), words.size());
    const std::string_view word = words.substr(begin, end - begin);
    if (word == run) return true;
    begin = end + 1;
  }
  return false;
}

// Podman takes a container for removed once its exit is written down; its monitor ends after that, at its own time,
// and is nobody's child. It holds files below the folder: who starts again at once, or removes the folder, must not
// meet it. Those of containers that could not be removed stay, so the wait has an end.
void wait_for_monitors(const std::filesystem::path& folder) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do {
    std::error_code error;
    bool any = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") == std::string::npos && is_monitor_of(entry.path(), folder)) any = true;
    }
    if (!any) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  } while (std::chrono::steady_clock::now() < deadline);
}

}  // namespace

Result<std::unique_ptr<Service>> start_registry(const RegistryOptions& options) {
  MIFENG_CHECK(make_folder(options.folder / "data"));
  SystemRandom random;
  Bytes secret(16);
  random.fill(secret);
  const std::string config =
      "version: 0.1\n"
      "log:\n  level: warn\n  accesslog: {disabled: true}\n"
      "storage:\n  filesystem:\n    rootdirectory: " +
      quoted((options.folder / "data").string()) +
      "\n"
      "  delete: {enabled: true}\n"
      "http:\n  addr: 127.0.0.1:" +
      std::to_string(options.port) + "\n  secret: " + to_hex(secret) + "\n";
  const std::filesystem::path path = options.folder / "registry.yml";
  MIFENG_CHECK(write_file_atomic(path, as_bytes(config), 0600));
  MIFENG_CHECK(collect_garbage(options, path));
  ServiceOptions service;
  service.name = "docker-registry";
  service.log = options.log;
  service.child.argv = {"docker-registry", "serve", path.string()};
  MIFENG_TRY(auto registry, Service::start(std::move(service)));
  net::ClientOptions client;
  client.endpoint = net::TcpEndpoint{"127.0.0.1", options.port};
  MIFENG_CHECK(registry->wait_until(std::chrono::seconds(30), [&] { return answers(client, "/v2/"); }));
  return registry;
}

Result<std::map<std::string, std::string>> write_podman_config(const PodmanServiceOptions& options) {
  const std::filesystem::path& folder = options.folder;
  for (const char* name : {"storage", "run", "networks", "volumes", "tmp", "hooks"})
    MIFENG_CHECK(make_folder(folder / name));

  // More than the hard limit cannot be given to a container where CAP_SYS_RESOURCE is missing.
  const auto limit = [](auto resource, unsigned long long at_most) {
    rlimit value{};
    if (::getrlimit(resource, &value) != 0 || value.rlim_max == RLIM_INFINITY) return std::to_string(at_most);
    return std::to_string(std::min<unsigned long long>(at_most, value.rlim_max));
  };
  const std::string nofile = limit(RLIMIT_NOFILE, 65536);
  const auto pid_max = read_text_file("/proc/sys/kernel/pid_max", 64);  // Podman lowers its own limit to this
  const std::string nproc = limit(
      RLIMIT_NPROC, pid_max ? static_cast<unsigned long long>(std::max(1024, std::atoi(pid_max->c_str()))) : 32768);
  // Locks in files of our own: the usual ones are one shared-memory segment for all of the machine's Podmans.
  const std::string containers =
      "[containers]\n"
      "default_ulimits = [\"nofile=" +
      nofile + ":" + nofile + "\", \"nproc=" + nproc + ":" + nproc +
      "\"]\n"
      "log_driver = \"k8s-file\"\nhttp_proxy = false\nvolumes = []\n"
      "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nlock_type = \"file\"\n"
      "hooks_dir = [" +
      quoted((folder / "hooks").string()) +
      "]\n"
      "image_copy_tmp_dir = " +
      quoted((folder / "tmp").string()) +
      "\n"
      "static_dir = " +
      quoted((folder / "storage/libpod").string()) +
      "\n"
      "tmp_dir = " +
      quoted((folder / "run/libpod").string()) +
      "\n"
      "volume_path = " +
      quoted((folder / "volumes").string()) +
      "\n"
      "[network]\nnetwork_backend = \"netavark\"\n"
      "network_config_dir = " +
      quoted((folder / "networks").string()) + "\n";
  // An overlay cannot lie on an overlay (a machine that is itself a container): plain copies then.
  struct statfs info {};
  const bool on_overlay = ::statfs(folder.c_str(), &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC;
  const std::string storage = "[storage]\ndriver = \"" + std::string(on_overlay ? "vfs" : "overlay") +
                              "\"\n"
                              "graphroot = " +
                              quoted((folder / "storage").string()) +
                              "\n"
                              "runroot = " +
                              quoted((folder / "run").string()) + "\n";
  const std::string registries = "unqualified-search-registries = []\n[[registry]]\nlocation = " +
                                 quoted(options.registry.substr(0, options.registry.find('/'))) +
                                 "\ninsecure = " + (options.registry_tls ? "false" : "true") + "\n";
  MIFENG_CHECK(write_file_atomic(folder / "containers.conf", as_bytes(containers)));
  MIFENG_CHECK(write_file_atomic(folder / "storage.conf", as_bytes(storage)));
  MIFENG_CHECK(write_file_atomic(folder / "registries.conf", as_bytes(registries)));

  std::map<std::string, std::string> env;
  for (const char* name : {"PATH", "HOME", "LANG"}) {
    if (const char* value = ::getenv(name); value != nullptr) env[name] = value;
  }
  env["PATH"] =
      (env.contains("PATH") ? env["PATH"] + ":" : std::string()) + "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  env["CONTAINERS_CONF"] = (folder / "containers.conf").string();
  env["CONTAINERS_STORAGE_CONF"] = (folder / "storage.conf").string();
  env["CONTAINERS_REGISTRIES_CONF"] = (folder / "registries.conf").string();
  env["TMPDIR"] = (folder / "tmp").string();
  if (!options.registry_ca.empty()) env["SSL_CERT_FILE"] = options.registry_ca.string();
  return env;
}

Result<std::unique_ptr<Service>> start_podman(const PodmanServiceOptions& options) {
  MIFENG_TRY(auto env, write_podman_config(options));
  MIFENG_CHECK(make_folder(options.socket.parent_path()));
  ::unlink(options.socket.c_str());  // of a service that was killed
  ServiceOptions service;
  service.name = "podman";
  service.log = options.log;
  service.child.argv = {"podman",   "--log-level",
                        "warn",     "--cgroup-manager",
                        "cgroupfs", "system",
                        "service",  "--time",
                        "0",        "unix://" + options.socket.string()};
  service.child.env = std::move(env);
  service.child.working_directory = options.folder / "tmp";  // conmon leaves a file where it stands
  MIFENG_TRY(auto podman, Service::start(std::move(service)));
  net::ClientOptions client;
  client.endpoint = net::UnixEndpoint{options.socket};
  client.host_header = "podman";
  MIFENG_CHECK(podman->wait_until(std::chrono::seconds(60), [&] { return answers(client, "/v4.0.0/libpod/_ping"); }));
  return podman;
}

void stop_podman(Service& service, const PodmanServiceOptions& options) {
  service.stop(std::chrono::seconds(5));
  wait_for_monitors(options.folder);
  ::umount2((options.folder / "storage/overlay").c_str(), MNT_DETACH);
}

}  // namespace mifeng::stack
