// One example's way through the installation: packed, submitted, accepted, deployed, called, compared.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/client/platform_client.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/model_project.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/stack/run_model.h"
#include "mifeng/stack/up.h"

namespace mifeng::stack {

struct ExampleContext {
  const UpOptions& options;
  std::filesystem::path data;
  const client::PlatformClient& api;
  StopSignal& stop;
  const UpListener& listener;
  std::filesystem::path card;        // the platform card's file
  std::filesystem::path vendor_key;  // PKCS#8 PEM, made where missing
  std::string gateway_url;
  std::string caller_key;              // of the caller that the stack made
  std::optional<PackAs> pack_as{};     // else as whoever we are
  std::filesystem::path gateway_ca{};  // of the gateway's certificate, where it has one
  // Of a model that ends it is soon said that it does not run; else it has three minutes, as what it needs may come.
  bool is_impatient = false;
};

// Folders of `examples` with a mifeng.yaml, by name.
Result<std::vector<std::filesystem::path>> find_examples(const UpOptions& options);

struct Example {
  std::string folder;  // name of its folder
  std::filesystem::path project;
  manifest::ModelProject model;
  std::string version_id;
  std::string deployment_id;
  std::string prefix;  // of its route
};

// Makes the vendor's key where there is none, registers the vendor, and puts the key in force.
Result<void> ensure_vendor(ExampleContext& context, const manifest::Vendor& vendor);
// Packs (nothing where nothing has changed), submits and accepts. Where the version exists with other bytes, because
// the example was changed since, the version gets a further part: 1.0.0, 1.0.0-2, ...
Result<Example> deliver(ExampleContext& context, const std::filesystem::path& project);
// Deploys, or finds the deployment of the last start; waits until the gateway answers for it.
Result<void> deploy(ExampleContext& context, Example& example);

// A line of PROJECT/calls.jsonl (spec/processes.md), or of PROJECT/build/calls.jsonl.
struct Call {
  std::string method = "POST";
  std::string target;
  std::optional<std::string> body;
  std::optional<json::Value> answer;
};
Result<std::vector<Call>> read_calls(const std::filesystem::path& project);
// What the gateway gives. It may learn of a new route a moment after the deployment is ready, so for a while it is
// asked again where it does not know it.
Result<net::ClientResponse> first_answer(const ExampleContext& context, const std::string& prefix, const Call& call);
// What is wrong with an answer, as a sentence, or nothing.
std::string difference(const Result<net::ClientResponse>& response, const Call& call);

// What the calls of PROJECT/calls.jsonl gave (spec/processes.md).
struct CallReport {
  std::string name;
  std::int64_t calls = 0;
  std::int64_t equal = 0;
  std::int64_t deploy_ms = 0;  // from the request to the first answer
  std::int64_t calls_ms = 0;
  std::string first_difference;  // a sentence; empty where there is none
  double agreement() const { return calls == 0 ? 0 : static_cast<double>(equal) / static_cast<double>(calls); }
};
Result<CallReport> play_calls(ExampleContext& context, const Example& example);
// One of them as a curl command that a person can paste.
std::string curl_line(const ExampleContext& context, const Example& example);

// Deletes the deployment and waits until it is gone.
Result<void> undeploy(ExampleContext& context, const Example& example);

}  // namespace mifeng::stack
