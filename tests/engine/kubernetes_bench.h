// A real Kubernetes that runs already (tests/cluster): where it is stands in the environment, MIFENG_TEST_CLUSTER, the
// JSON that `tests/cluster/cluster status` prints.
#pragma once

#include <set>

#include "engine_fixture.h"
#include "mifeng/json/value.h"
#include "mifeng/kubernetes/kubernetes.h"

namespace mifeng::cluster {

class KubernetesBench : public ::testing::Environment, public Bench {
 public:
  void SetUp() override;
  void TearDown() override;

  std::string image() override { return image_; }
  std::string push(const std::string& name) override;
  std::string registry() override { return fact("registry"); }
  std::unique_ptr<Engine> make_engine(const std::string& installation) override {
    return make_engine(installation, kubeconfig());
  }
  std::unique_ptr<Engine> make_engine(const std::string& installation, const std::string& kubeconfig);
  std::string node_address() override { return fact("node_address"); }
  std::pair<int, int> node_ports() override { return {30'000, 30'999}; }
  bool is_free(std::uint16_t) override { return true; }  // nobody else uses this cluster
  bool restarts_by_itself() override { return true; }
  bool tells_streams_apart() override { return false; }
  bool has_names_for_each_installation() override { return false; }
  // Kubelet looks once a second, and tells what it saw with at most so many calls a second.
  std::chrono::milliseconds notices_within() override { return 10s; }
  Steady::time_point kill(const Unit& unit) override;
  void freeze(const Unit& unit, bool frozen) override;
  void stop_service() override { command({"stop", "apiserver"}); }
  void start_service() override;  // until it answers
  std::string everything_of(const std::string& installation) override;

  std::string kubeconfig() const;
  // In the namespace of these tests; fails where kubectl does.
  std::string kubectl(std::vector<std::string> arguments);
  void apply_yaml(const std::string& text);
  const std::string& name_space() const { return name_space_; }
  // What is true of the cluster: one of MIFENG_TEST_CLUSTER.
  std::string fact(const char* name) const;
  // tests/cluster/cluster with these, of this cluster.
  std::string command(std::vector<std::string> arguments);

 private:
  json::Object facts_;
  std::string image_;
  std::string name_space_;
  SystemClock clock_;
  std::set<std::string> installations_;
};

KubernetesBench& kubernetes_bench();

}  // namespace mifeng::cluster
