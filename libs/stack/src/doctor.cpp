#include "mifeng/stack/doctor.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <sstream>

#include "installation.h"
#include "mifeng/base/phrase.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/json/value.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"
#include "mifeng/stack/service.h"

namespace mifeng::stack {
namespace {

using State = Finding::State;

constexpr std::uint64_t kDiskBytesWanted = 6ULL << 30;  // packs, images and their copies
constexpr std::uint64_t kMemoryBytesWanted = 2ULL << 30;

struct Program {
  const char* name;
  const char* package;
  std::string absent;  // what to say where it is not found
};
const std::array<Program, 12>& programs() {
  static const std::array<Program, 12> kPrograms = {{
      {"podman", "podman", phrase("not found; it runs the models' containers")},
      {"runc", "runc", phrase("not found; it starts a container")},
      {"conmon", "conmon", phrase("not found; it watches a container")},
      {"iptables", "iptables", phrase("not found; it publishes a container's ports")},
      {"docker-registry", "docker-registry", phrase("not found; it keeps the images")},
      {"nginx", "nginx", phrase("not found; it carries the requests in guard and gateway")},
      {"skopeo", "skopeo", phrase("not found; it reads base images that a vendor names as a Docker archive")},
      {"mmdebstrap", "mmdebstrap", phrase("not found; it makes base images while packing")},
      {"python3.11", "python3", phrase("not found; it builds Python models")},
      {"gcc", "build-essential", phrase("not found; it builds models")},
      {"cmake", "cmake", phrase("not found; it builds C++ models")},
      {"ninja", "ninja-build", phrase("not found; it builds C++ models")},
  }};
  return kPrograms;
}

std::string find_program(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::istringstream folders((path != nullptr ? std::string(path) + ":" : std::string()) +
                             "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/podman");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::string release_name() {
  const auto text = read_text_file("/etc/os-release", 64 << 10);
  if (!text) return phrase("unknown");
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("PRETTY_NAME=")) {
      std::string name = line.substr(12);
      std::erase(name, '"');
      return name;
    }
  }
  return phrase("unknown");
}

std::uint64_t available_memory() {
  const auto text = read_text_file("/proc/meminfo", 64 << 10);
  const std::size_t at = text ? text->find("MemAvailable:") : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + 13, nullptr, 10) * 1024;
}

std::uint64_t gigabytes(std::uint64_t bytes) { return bytes >> 30; }

std::string version_of(const std::string& program, const std::vector<std::string>& arguments) {
  ChildOptions options;
  options.argv = {program};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  const auto output = run_command(std::move(options), std::chrono::seconds(10), 4096);
  if (!output || !output->exit.success()) return {};
  return output->output.substr(0, output->output.find('\n'));
}

// The controllers of the limits that a container gets, in either version of cgroups.
std::string missing_controllers() {
  const auto unified = read_text_file("/sys/fs/cgroup/cgroup.controllers", 4096);
  std::string missing;
  for (const char* name : {"cpu", "memory", "pids"}) {
    const bool in_unified = unified && (" " + *unified + " ").find(std::string(" ") + name) != std::string::npos;
    std::error_code error;
    if (!in_unified && !std::filesystem::is_directory(std::filesystem::path("/sys/fs/cgroup") / name, error))
      missing += std::string(" ") + name;
  }
  return missing;
}

using Check = std::function<void(bool, State, std::string, std::string, const std::string&)>;

// By use: a library of the right version may have been built without an algorithm.
void examine_cryptography(const Check& check) {
  const auto key = crypto::Sm2PrivateKey::generate();
  check(key.has_value(), State::kMissing, phrase("SM2 in OpenSSL"),
        key ? phrase("works") : std::string(key.error().message()),
        phrase("OpenSSL 3 with SM2 and SM3, as Debian 12 has it: apt-get install libssl3"));
  const auto cipher = crypto::Sm4GcmProvider::create();
  check(cipher.has_value(), State::kMissing, phrase("SM4 by this processor"),
        cipher ? std::string((*cipher)->name()) : std::string(cipher.error().message()),
        phrase("more memory is needed"));
}

// The ports of the last start are wanted again, and the usual ones are given way from where they are taken.
void examine_ports(const UpOptions& options, const std::filesystem::path& data, const Check& check) {
  json::Object remembered;
  if (const auto text = read_text_file(data / "ports.json", 4096))
    if (auto parsed = json::parse_object(*text)) remembered = std::move(*parsed);
  const struct {
    const char* name;
    std::string what;
    std::uint16_t wanted, usual;
  } ports[] = {{"platform", phrase("port of the platform"), options.platform_port, kPlatformPort},
               {"gateway", phrase("port of the gateway"), options.gateway_port, kGatewayPort},
               {"registry", phrase("port of the registry"), options.registry_port, kRegistryPort}};
  for (const auto& one : ports) {
    const json::Value* before = remembered.find(one.name);
    const bool known = before != nullptr && before->if_int64() != nullptr;
    const auto port = one.wanted != 0 ? one.wanted
                      : known         ? static_cast<std::uint16_t>(*before->if_int64())
                                      : one.usual;
    const bool is_free = loopback_port_is_free(port);
    const std::string detail = is_free ? phrase("127.0.0.1:{} is free", port)
                                       : phrase("127.0.0.1:{} is held by {}", port, loopback_port_holder(port));
    check(is_free, State::kWarning, one.what, detail,
          one.wanted != 0 || known
              ? phrase("if that is not this installation itself: end it, or give --{}-port", one.name)
              : phrase("another one is taken then; --{}-port names one", one.name));
  }
}

}  // namespace

std::vector<Finding> examine(const UpOptions& options) {
  std::vector<Finding> findings;
  const auto note = [&](State state, std::string what, std::string detail, std::string remedy) {
    findings.push_back({state, std::move(what), std::move(detail), std::move(remedy)});
  };
  const auto check = [&](bool fine, State otherwise, std::string what, std::string detail, const std::string& remedy) {
    note(fine ? State::kFine : otherwise, std::move(what), std::move(detail), fine ? std::string() : remedy);
  };

  const std::string release = release_name();
  check(release.find("Debian") != std::string::npos && release.find(" 12") != std::string::npos, State::kWarning,
        phrase("system"), release,
        phrase("Mifeng is built and tested on Debian 12 (bookworm); elsewhere the packages below have other names"));
  check(::geteuid() == 0, State::kMissing, phrase("rights"),
        ::geteuid() == 0 ? "root" : "uid " + std::to_string(::geteuid()),
        phrase("run `sudo mifeng up`; Podman's network and limits need root"));

  for (const Program& program : programs()) {
    const std::string path = find_program(program.name);
    check(!path.empty(), State::kMissing, program.name, path.empty() ? program.absent : path,
          "apt-get install --no-install-recommends " + std::string(program.package));
  }
  check(!find_program("netavark").empty(), State::kMissing, "netavark", find_program("netavark"),
        "apt-get install --no-install-recommends netavark aardvark-dns");
  if (const std::string nginx = find_program("nginx"); !nginx.empty()) {
    const std::string version = version_of(nginx, {"-v"});
    check(version.find("nginx/1.22.1") != std::string::npos, State::kMissing, phrase("nginx version"), version,
          phrase(
              "our module fits nginx 1.22.1 alone, the one of Debian 12: install that, or build Mifeng against yours"));
  }
  if (const std::string podman = find_program("podman"); !podman.empty()) {
    const std::string version = version_of(podman, {"--version"});
    check(version.find("version 4.") != std::string::npos || version.find("version 5.") != std::string::npos,
          State::kWarning, phrase("podman version"), version,
          phrase("Mifeng is tested with Podman 4.3.1 of Debian 12"));
  }

  for (const char* name : {"mifeng", "mifengd", "mifeng-gateway"}) {
    const std::filesystem::path path = options.programs / name;
    check(::access(path.c_str(), X_OK) == 0, State::kMissing, name, path.string(),
          phrase("build it: ./run builds everything"));
  }
  std::error_code error;
  const std::filesystem::path module = options.programs / "ngx_http_mifeng.so";
  check(std::filesystem::exists(module, error), State::kMissing, phrase("nginx module"), module.string(),
        phrase("build it: ./run builds everything"));
  const bool guard_is_there = std::filesystem::exists(options.guard / "index.json", error) &&
                              std::filesystem::exists(options.guard / "blobs", error);
  check(guard_is_there, State::kMissing, phrase("guard image"), options.guard.string(),
        phrase("build it, as ./run does, or give another one with --guard"));
  examine_cryptography(check);

  const std::filesystem::path data = options.data.empty() ? default_data_folder() : options.data;
  std::filesystem::path existing = data;
  while (!std::filesystem::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  struct statvfs disk {};
  const std::uint64_t free_bytes =
      ::statvfs(existing.c_str(), &disk) == 0 ? static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize : 0;
  check(free_bytes >= kDiskBytesWanted, State::kWarning, phrase("disk space"),
        phrase("{} GiB free for {}", gigabytes(free_bytes), data.string()),
        phrase("the examples with their images need about {} GiB: free some, or give --data",
               gigabytes(kDiskBytesWanted)));
  const std::uint64_t memory = available_memory();
  check(memory >= kMemoryBytesWanted, State::kWarning, phrase("memory"), phrase("{} GiB available", gigabytes(memory)),
        phrase("building and the examples need about {} GiB", gigabytes(kMemoryBytesWanted)));
  const std::string lacking = missing_controllers();
  check(lacking.empty(), State::kMissing, "cgroups",
        lacking.empty() ? "/sys/fs/cgroup" : phrase("/sys/fs/cgroup has no controller for{}", lacking),
        phrase("containers are bounded by cgroups: mount /sys/fs/cgroup with these controllers, or leave the container "
               "that you are in"));
  const auto filesystems = read_text_file("/proc/filesystems", 64 << 10);
  check(filesystems && filesystems->find("overlay") != std::string::npos, State::kWarning, "overlay",
        phrase("the kernel's overlay file system"),
        phrase("modprobe overlay; without it images are copied, which takes more room"));
  examine_ports(options, data, check);
  return findings;
}

}  // namespace mifeng::stack
