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
  Steady::time_point kill(const Unit& unit) override;
  void freeze(const Unit& unit, bool frozen) override;
  void stop_service() override { command({"stop", "apiserver"}); }
  void start_service() override { command({"start", "apiserver"}); }
  std::string everything_of(const std::string& installation) override;

  std::string kubeconfig() const;
  std::string kubectl(std::vector<std::string> arguments);
  const std::string& name_space() const { return name_space_; }

 private:
  std::string fact(const char* name) const;
  std::string command(std::vector<std::string> arguments);

  json::Object facts_;
  std::string image_;
  std::string name_space_;
  SystemClock clock_;
  std::set<std::string> installations_;
};

KubernetesBench& kubernetes_bench();

}  // namespace mifeng::cluster
