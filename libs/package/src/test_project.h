// A model project and a language pack of shell scripts for tests: everything that pack() wants, made in
// a moment and without a network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/random.h"
#include "mifeng/os/file.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

struct QuietListener final : PackListener {
  void step(std::string_view what) override { steps.emplace_back(what); }
  void note(std::string_view what) override { lines.emplace_back(what); }
  void line(std::string_view text) override { lines.emplace_back(text); }
  void progress(std::string_view, std::uint64_t, std::uint64_t) override {}
  std::vector<std::string> steps, lines;
};

class TestProject {
 public:
  TestProject();
  std::filesystem::path path(const std::string& name) const { return dir_.path() / name; }
  void put(const std::string& name, const std::string& text, bool executable = false) const;
  void edit(const std::string& name, const std::string& from, const std::string& to) const;
  PackOptions options() const;
  Result<PackResult> pack_it(const PackOptions& options) const;

  crypto::Sm2PrivateKey vendor, identity, delivery;
  messages::PlatformCard card;

 private:
  TempDir dir_;
};

messages::PlatformCard make_card(const crypto::Sm2PrivateKey& identity, const crypto::Sm2PrivateKey& delivery,
                                 const std::string& platform);

}  // namespace mifeng::package
