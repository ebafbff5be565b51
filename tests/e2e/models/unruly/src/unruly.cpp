// A model that misbehaves on request: MODE in its environment says how it starts, {"do": ...} how it answers.
#include <arpa/inet.h>
#include <mifeng/model.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace unruly {
namespace {

std::string mode() {
  const char* value = std::getenv("MODE");
  return value == nullptr ? "" : value;
}

bool can_write(const char* path) {
  std::ofstream file(path);
  return static_cast<bool>(file << "x");
}

[[noreturn]] void eat() {
  std::vector<char*> kept;
  for (;;) {
    kept.push_back(new char[1 << 20]);
    std::memset(kept.back(), 1, 1 << 20);
  }
}

// As a model does that was written for a machine of its own.
[[noreturn]] void listen_elsewhere() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in everywhere{};
  everywhere.sin_family = AF_INET;
  everywhere.sin_port = htons(8080);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&everywhere), sizeof everywhere) != 0 ||
      ::listen(listener, 16) != 0)
    std::_Exit(8);
  for (;;) ::pause();
}

}  // namespace

void load() {
  std::fprintf(stderr, "mode %s\n", mode().c_str());
  if (mode() == "crash") {
    std::fprintf(stderr, "the weights are of another version\n");
    std::_Exit(7);
  }
  if (mode() == "hang") {
    for (;;) ::pause();
  }
  if (mode() == "elsewhere") listen_elsewhere();
  if (mode() == "eat") eat();
}

mifeng::Json predict(const mifeng::Json& request) {
  const std::string what = request.value("do", "");
  if (what == "crash") std::abort();
  if (what == "throw") throw std::runtime_error("a secret of the vendor's");
  if (what == "refuse") throw mifeng::BadRequest("that is not for this model");
  if (what == "hang") {
    for (;;) ::pause();
  }
  if (what == "eat") eat();
  if (what == "say") std::fprintf(stderr, "%s\n", request.value("text", "").c_str());
  if (what == "look")
    return {{"mode", mode()},
            {"lang", std::getenv("LANG") == nullptr ? "" : std::getenv("LANG")},
            {"uid", ::getuid()},
            {"cache", can_write("/cache/file")},
            {"fast", can_write("/fast/file")},
            {"root", can_write("/file")}};
  return {{"done", what}};
}

}  // namespace unruly
