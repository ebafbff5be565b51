#include "installation.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

#include "mifeng/base/phrase.h"
#include "mifeng/base/random.h"
#include "mifeng/json/fields.h"
#include "mifeng/os/held_lock.h"
#include "mifeng/stack/service.h"
#include "mifeng/stack/up.h"

namespace mifeng::stack {
namespace {

constexpr std::size_t kDataPathMax = 80;  // DATA/run/NAME.sock has to fit in a socket's address

std::filesystem::path home() {
  const char* value = ::getenv("HOME");
  return value != nullptr && *value == '/' ? value : "/root";
}

std::filesystem::path from_environment(const char* name, const std::filesystem::path& otherwise) {
  const char* value = ::getenv(name);
  return value != nullptr && *value == '/' ? std::filesystem::path(value) : otherwise;
}

}  // namespace

std::filesystem::path default_data_folder() {
  if (::geteuid() == 0) return "/var/lib/mifeng";
  return from_environment("XDG_DATA_HOME", home() / ".local/share") / "mifeng";
}

std::filesystem::path default_master_key(const std::filesystem::path& data) {
  std::string name;
  for (const char c : data.lexically_normal().string()) name += c == '/' ? '-' : c;
  while (!name.empty() && name.front() == '-') name.erase(0, 1);
  return from_environment("XDG_CONFIG_HOME", home() / ".config") / "mifeng" / (name + ".key");
}

Result<Installation> Installation::open(const std::filesystem::path& given) {
  std::error_code error;
  std::filesystem::create_directories(given, error);
  if (error) return errno_error(error.value(), "make the data folder " + given.string());
  const std::filesystem::path data = std::filesystem::canonical(given, error);
  if (error) return errno_error(error.value(), "find the data folder " + given.string());
  if (data.string().size() > kDataPathMax)
    return Error(ErrorCode::kInvalidArgument, "path-too-long",
                 "the path of the data folder must not be longer than " + std::to_string(kDataPathMax) +
                     " bytes, since sockets lie in it: " + data.string());
  MIFENG_TRY(HeldLock lock, try_lock(data / "lock"));
  if (!lock.fd) {
    return Error(ErrorCode::kConflict, "already-running",
                 "a `mifeng up` already runs on " + data.string() +
                     (lock.holder.empty() ? std::string() : " (process " + lock.holder + ")") +
                     ": stop it, or give another folder with --data");
  }
  std::filesystem::permissions(data, std::filesystem::perms(0711), error);
  for (const char* name : {"logs", "run", "vendor", "packages", "work"}) {
    std::filesystem::create_directories(data / name, error);
    std::filesystem::permissions(data / name, std::filesystem::perms(0700), error);
    if (error) return errno_error(error.value(), "make " + (data / name).string());
  }
  std::string id;
  if (auto known = read_text_file(data / "installation", 64); known && known->size() >= 32) {
    id = known->substr(0, 32);
  } else {
    id = SystemRandom().hex(16);
    MIFENG_CHECK(write_file_atomic(data / "installation", as_bytes(id + "\n")));
  }
  if (id.find_first_not_of("0123456789abcdef") != std::string::npos)
    return Error(ErrorCode::kInvalidArgument, "bad-installation",
                 (data / "installation").string() + " does not hold an installation id (32 hex digits)");
  const std::filesystem::path runtime =
      ::geteuid() == 0 ? std::filesystem::path("/run/mifeng") : from_environment("XDG_RUNTIME_DIR", data / "run");
  const std::filesystem::path sockets = runtime / id.substr(0, 8);
  std::filesystem::create_directories(sockets, error);
  if (error) return errno_error(error.value(), "make " + sockets.string());
  // The container's user goes through it; what lies in it is a folder a container.
  std::filesystem::permissions(sockets, std::filesystem::perms(0711), error);
  return Installation(data, std::move(id), sockets, std::move(lock.fd));
}

Result<std::uint16_t> Installation::port(const std::string& what, std::uint16_t wanted, std::uint16_t usual) {
  const std::filesystem::path path = data_ / "ports.json";
  json::Object ports;
  if (const auto text = read_text_file(path, 4096)) {
    if (auto parsed = json::parse_object(*text)) ports = std::move(*parsed);
  }
  const json::Value* known = ports.find(what);
  const std::int64_t before = known != nullptr && known->if_int64() != nullptr ? *known->if_int64() : 0;
  std::uint16_t port = wanted != 0 ? wanted : static_cast<std::uint16_t>(before);
  if (port != 0) {
    // What was killed a moment ago may still be on its way out.
    for (int i = 0; i < 50 && !loopback_port_is_free(port); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!loopback_port_is_free(port))
      return Error(ErrorCode::kConflict, "port-taken",
                   phrase("port {}, which the {} needs, is held by {}: end that, or give another one with --{}-port",
                          port, what, loopback_port_holder(port), what));
  } else {
    MIFENG_TRY(port, pick_loopback_port(usual));
  }
  if (port != before) {
    ports.set(what, port);
    MIFENG_CHECK(write_file_atomic(path, as_bytes(json::serialize_pretty(ports))));
  }
  return port;
}

}  // namespace mifeng::stack
