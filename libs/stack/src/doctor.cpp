#include "mifeng/stack/doctor.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string_view>

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
constexpr std::uint64_t kPackBytesWanted = 2ULL << 30;  // a Python model with its dependencies, twice

struct Program {
  const char* name;
  const char* package;
  std::string absent;  // what to say where it is not found
  bool packs = false;  // needed where models are packed; mmdebstrap is asked for by the packs' own tool
};
const std::array<Program, 12>& programs() {
  static const std::array<Program, 12> kPrograms = {{
      {"podman", "podman", phrase("not found; it runs the models' containers")},
      {"runc", "runc", phrase("not found; it starts a container")},
      {"conmon", "conmon", phrase("not found; it watches a container")},
      {"iptables", "iptables", phrase("not found; it publishes a container's ports")},
      {"docker-registry", "docker-registry", phrase("not found; it keeps the images")},
      {"nginx", "nginx", phrase("not found; it carries the requests in guard and gateway")},
      {"skopeo", "skopeo", phrase("not found; it reads base images that a vendor names as a Docker archive"), true},
      {"mmdebstrap", "mmdebstrap", phrase("not found; it makes base images while packing")},
      {"python3.11", "python3", phrase("not found; it builds Python models"), true},
      {"gcc", "build-essential", phrase("not found; it builds models"), true},
      {"cmake", "cmake", phrase("not found; it builds C++ models"), true},
      {"ninja", "ninja-build", phrase("not found; it builds C++ models"), true},
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

bool is_debian_12(const std::string& release) {
  return release.find("Debian") != std::string::npos && release.find(" 12") != std::string::npos;
}

// Whether it is fine, what it is otherwise, what was looked at, what was found, what to do.
using Check = std::function<void(bool, State, std::string, std::string, const std::string&)>;

Check into(std::vector<Finding>& findings) {
  return [&findings](bool fine, State otherwise, std::string what, std::string detail, const std::string& remedy) {
    findings.push_back({fine ? State::kFine : otherwise, std::move(what), std::move(detail), fine ? "" : remedy});
  };
}

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

// The folder itself, or the nearest above it that is there.
std::filesystem::path existing_part(std::filesystem::path place) {
  std::error_code error;
  while (!std::filesystem::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  return place;
}

std::uint64_t free_bytes_of(const std::filesystem::path& place) {
  struct statvfs disk {};
  return ::statvfs(existing_part(place).c_str(), &disk) == 0 ? static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize
                                                             : 0;
}

const char* const kInstall = "apt-get install --no-install-recommends ";

// Headers and modules that compiling a model takes, where Debian 12 puts them.
void examine_headers(bool debian, const Check& check) {
  struct Part {
    std::string what;
    const char* file;
    const char* package;
  };
  const Part parts[] = {
      {phrase("headers for C++ models: {}", "cpp-httplib"), "/usr/include/httplib.h", "libcpp-httplib-dev"},
      {phrase("headers for C++ models: {}", "nlohmann JSON"), "/usr/include/nlohmann/json.hpp", "nlohmann-json3-dev"},
      {phrase("headers for Python models"), "/usr/include/python3.11/Python.h", "python3-dev"},
      {phrase("venv for Python models"), "/usr/lib/python3.11/ensurepip/__init__.py", "python3-venv"}};
  for (const Part& part : parts) {
    const bool there = ::access(part.file, R_OK) == 0;
    check(there, debian ? State::kMissing : State::kWarning, part.what,
          there ? std::string(part.file) : phrase("not there: {}", part.file), kInstall + std::string(part.package));
  }
}

// What the packs themselves say: whether images can be made of Debian packages here.
void examine_base_images(const std::filesystem::path& packs, bool debian, const Check& check) {
  const std::filesystem::path tool = packs / "common/base-image";
  const bool there = ::access(tool.c_str(), X_OK) == 0;
  check(there, State::kMissing, phrase("language packs"), packs.string(), phrase("give their folder with --packs"));
  if (!there) return;
  ChildOptions options;
  options.argv = {tool.string(), "--check"};
  const auto asked = run_command(std::move(options), std::chrono::seconds(30), 4096);
  const bool able = asked && asked->exit.success();
  std::string said = asked ? asked->output.substr(0, asked->output.find('\n')) : std::string(asked.error().message());
  if (said.starts_with("base-image: ")) said = said.substr(12);
  check(able, debian ? State::kMissing : State::kWarning, phrase("base images of Debian packages"),
        able ? phrase("can be made") : said,
        phrase("or pack on an image of your own, with `base:` in mifeng.yaml or --base"));
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
  const Check check = into(findings);

  const std::string release = release_name();
  check(is_debian_12(release), State::kWarning, phrase("system"), release,
        phrase("Mifeng is built and tested on Debian 12 (bookworm); elsewhere the packages below have other names"));
  check(::geteuid() == 0, State::kMissing, phrase("rights"),
        ::geteuid() == 0 ? "root" : "uid " + std::to_string(::geteuid()),
        phrase("run `sudo mifeng up`; Podman's network and limits need root"));

  for (const Program& program : programs()) {
    const std::string path = find_program(program.name);
    check(!path.empty(), State::kMissing, program.name, path.empty() ? program.absent : path,
          kInstall + std::string(program.package));
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
  const std::uint64_t free_bytes = free_bytes_of(data);
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

std::vector<Finding> examine_packing(const PackPlaces& places) {
  std::vector<Finding> findings;
  const Check check = into(findings);
  const std::string release = release_name();
  const bool debian = is_debian_12(release);
  check(debian, State::kWarning, phrase("system"), release,
        phrase("base images are made of Debian 12's packages; elsewhere models are packed on an image that you name "
               "(`base:` in mifeng.yaml, --base)"));
  check(true, State::kMissing, phrase("rights"),
        phrase("{}; packing needs neither root nor subuids",
               ::geteuid() == 0 ? std::string("root") : "uid " + std::to_string(::geteuid())),
        "");
  for (const Program& program : programs()) {
    if (!program.packs) continue;
    // Python models are compiled with Debian's own, which is the image's, whatever stands first in PATH.
    const bool of_debian = std::string_view(program.name) == "python3.11";
    const std::string path = !of_debian                                   ? find_program(program.name)
                             : ::access("/usr/bin/python3.11", X_OK) == 0 ? "/usr/bin/python3.11"
                                                                          : "";
    const bool archive_reader = std::string_view(program.name) == "skopeo";
    check(!path.empty(), archive_reader || !debian ? State::kWarning : State::kMissing, program.name,
          path.empty() ? program.absent : path, kInstall + std::string(program.package));
  }
  examine_headers(debian, check);
  examine_base_images(places.packs, debian, check);
  examine_cryptography(check);
  check(::access(existing_part(places.cache).c_str(), W_OK | X_OK) == 0, State::kMissing, phrase("cache"),
        places.cache.string(), phrase("it cannot be written: give another folder with --cache"));
  const std::uint64_t free_bytes = free_bytes_of(places.cache);
  check(free_bytes >= kPackBytesWanted, State::kWarning, phrase("disk space"),
        phrase("{} GiB free for {}", gigabytes(free_bytes), places.cache.string()),
        phrase("up to {} GiB are kept: free some, or give --cache", gigabytes(kPackBytesWanted)));
  return findings;
}

}  // namespace mifeng::stack
