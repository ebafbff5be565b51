// A model that misbehaves on request: MODE in its environment says how it starts, {"do": ...} how it answers.
#include <mifeng/model.h>
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
