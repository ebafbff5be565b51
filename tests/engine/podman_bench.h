// A real Podman and a real registry, both started here with storage of their own, once for all tests.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "engine_fixture.h"
#include "mifeng/cluster/podman.h"
#include "mifeng/os/child_process.h"

namespace mifeng::cluster {

class PodmanBench : public ::testing::Environment, public Bench {
 public:
  void SetUp() override;
  void TearDown() override;

  std::string image() override { return image_; }
  std::string push(const std::string& name) override;
  std::string registry() override { return registry_name_; }
  std::unique_ptr<Engine> make_engine(const std::string& installation) override {
    return make_engine(installation, options_.socket);
  }
  std::unique_ptr<Engine> make_engine(const std::string& installation, const std::filesystem::path& socket,
                                      const std::vector<std::string>& packet_filter = PodmanOptions().packet_filter);
  std::string node_address() override { return "127.0.0.1"; }
  // None that the kernel gives to outgoing connections, nor a node port of an installation: others run beside these
  // tests.
  std::pair<int, int> node_ports() override { return {28'000, 29'999}; }
  bool is_free(std::uint16_t port) override { return stack::loopback_port_is_free(port); }
  Steady::time_point kill(const Unit& unit) override;
  void freeze(const Unit& unit, bool frozen) override;
  void stop_service() override { podman_.reset(); }
  void start_service() override;
  std::string everything_of(const std::string& installation) override;

  const std::filesystem::path& path() const { return folder_->path(); }
  const std::filesystem::path& socket() const { return options_.socket; }
  // Podman itself on the same storage: what somebody else on the machine could do.
  std::string podman(std::vector<std::string> arguments);
  int pid_of(const std::string& name);

 private:
  std::string registry_name_;
  std::string image_;
  stack::PodmanServiceOptions options_;
  SystemClock clock_;
  std::optional<TempDir> folder_;
  std::unique_ptr<stack::Service> registry_;
  std::unique_ptr<stack::Service> podman_;
  std::set<std::string> installations_;
};

PodmanBench& podman_bench();

// What is Podman's alone.
class PodmanTest : public EngineTestBase {
 protected:
  PodmanTest() : EngineTestBase(podman_bench()) {}
  PodmanBench& machine = podman_bench();
  // Of the deployment "test".
  std::string name_of(int slot) const { return "mf-" + installation.substr(0, 8) + "-test-" + std::to_string(slot); }
};

}  // namespace mifeng::cluster
