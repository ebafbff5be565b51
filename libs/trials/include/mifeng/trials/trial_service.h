// Trying models 试一试. Who may (Permission::kTryModels), how many at once, the audit entry, and the way there and
// back. It dials nothing but endpoints of live units and the one gateway that the platform was told of.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "mifeng/net/runtime.h"
#include "mifeng/trials/trial.h"
#include "mifeng/trust/actor.h"

namespace mifeng::access {
struct Context;
}

namespace mifeng::trials {

struct TrialOptions {
  std::string gateway_url;           // "http://127.0.0.1:7081"; empty: only units can be tried
  std::filesystem::path gateway_ca;  // PEM; empty: the system's authorities
};

inline constexpr int kTrialsAtOnce = 4;
inline constexpr int kTrialsOfOnePersonAtOnce = 2;

// How many are under way. Any thread.
class TrialSlots {
 public:
  // Gives its slot back at its end.
  class Slot {
   public:
    Slot(TrialSlots& slots, std::string person) : slots_(slots), person_(std::move(person)) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();

   private:
    TrialSlots& slots_;
    std::string person_;
  };
  Result<std::unique_ptr<Slot>> take(const std::string& person);  // kResourceExhausted "too-many-trials"

 private:
  std::mutex mutex_;
  std::map<std::string, int> by_person_;
  int all_ = 0;
};

class TrialService {
 public:
  TrialService(const access::Context& context, TrialOptions options)
      : context_(context), options_(std::move(options)) {}

  // Before anything is sent: kInvalidArgument "bad-trial" | "bad-path"; kNotFound; kConflict "route-disabled";
  // kUnavailable "unit-not-ready" | "no-gateway-address"; kResourceExhausted "too-many-trials".
  // Then: kUnavailable "gateway-away" | "unit-away"; kTimeout "trial-too-slow"; kResourceExhausted "answer-too-large".
  // What came and could not be opened is no error: Trial::refusal says why, and the audit log has it.
  // `work` and `slow` are the pools for what is short and for what may wait for gateways; both must outlive the task.
  net::Task<Trial> run(trust::Actor actor, TrialRequest request, net::BlockingPool& work, net::BlockingPool& slow);

  const TrialOptions& options() const { return options_; }

 private:
  const access::Context& context_;
  const TrialOptions options_;
  TrialSlots slots_;
};

}  // namespace mifeng::trials
