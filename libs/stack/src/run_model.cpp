#include "mifeng/stack/run_model.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "installation.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/phrase.h"
#include "mifeng/base/random.h"
#include "mifeng/client/answer.h"
#include "mifeng/cluster/podman.h"
#include "mifeng/net/runtime.h"
#include "mifeng/os/file.h"
#include "mifeng/stack/backends.h"
#include "run_stack.h"

namespace mifeng::stack {
namespace {

namespace fs = std::filesystem;
using client::text_of;

constexpr const char* kPrefix = "mifeng-run-";
constexpr int kNodePorts = 64;  // more than a model's config may name
constexpr std::uint16_t kNodePortFirst = 30'000, kNodePortLast = 32'767;

// Whether a folder of that name is ours, and not something that another user of this machine put there for root to fall
// over.
bool is_ours(const fs::path& folder) {
  struct ::stat facts {};
  return folder.filename().string().starts_with(kPrefix) && ::lstat(folder.c_str(), &facts) == 0 &&
         S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() && (facts.st_mode & 022) == 0;
}

// Of a run that was killed: its containers go on, and its folder is there. One that lives has the lock.
Result<void> clear_left(const fs::path& folder, const UpListener& listener) {
  auto installation = Installation::open(folder);
  if (!installation) return ok();
  listener.message(phrase("removing what an earlier run left in {}", folder.string()));
  std::error_code error;
  if (fs::exists(folder / "podman", error)) {
    const PodmanServiceOptions podman{installation->data() / "podman", installation->socket("podman"),
                                      installation->log("podman"), "127.0.0.1:1"};
    MIFENG_TRY(const auto service, start_podman(podman));
    const SystemClock clock;
    cluster::PodmanOptions engine_options;
    engine_options.socket = podman.socket;
    engine_options.installation = installation->id();
    engine_options.sockets_dir = installation->sockets();
    engine_options.start_dir = installation->data() / "mifengd/start";
    engine_options.registry = podman.registry;
    auto removed = [&]() -> Result<void> {
      MIFENG_TRY(const auto engine, cluster::create_podman_engine(engine_options, clock));
      return net::run_to_result<void>([&] { return engine->remove_everything(); });
    }();
    stop_podman(*service, podman);
    MIFENG_CHECK(removed);
  }
  fs::remove(installation->sockets(), error);
  fs::remove_all(folder, error);
  return ok();
}

// A block of node ports that nobody listens on now. The installations of this machine take the lowest first, so it is
// looked for anywhere, not from the first on.
std::string free_node_ports() {
  SystemRandom random;
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::array<std::uint8_t, 2> bytes{};
    random.fill(bytes);
    const int blocks = (kNodePortLast + 1 - kNodePortFirst) / kNodePorts;
    const int first = kNodePortFirst + (bytes[0] * 256 + bytes[1]) % blocks * kNodePorts;
    bool free = true;
    for (int port = first; free && port < first + kNodePorts; ++port)
      free = loopback_port_is_free(static_cast<std::uint16_t>(port));
    if (free) return std::to_string(first) + "-" + std::to_string(first + kNodePorts - 1);
  }
  return {};  // the platform's own range, which looks once more
}

// What the model wrote, where it does not run. There may be nothing: its container is gone, or never was.
void tell_log(const ExampleContext& context, const Example& example) {
  const auto text = context.api.get_text("/deployments/" + example.deployment_id + "/logs?tail=20");
  if (!text || text->empty()) return;
  context.listener.message(phrase("the model's log:"));
  for (std::size_t from = 0; from < text->size();) {
    const std::size_t end = std::min(text->find('\n', from), text->size());
    context.listener.line("    " + text->substr(from, end - from));
    from = end + 1;
  }
}

// Straight to the unit, as a gateway asks: what comes out of it is sealed. Asked whether it is ready, so that the model
// itself is called once.
Result<void> tell_seal(const ExampleContext& context, const Example& example) {
  const json::Object request{{"way", "unit"},
                             {"method", "GET"},
                             {"path", "/v2/health/ready"},
                             {"timeout_seconds", 30},
                             {"deployment_id", example.deployment_id}};
  MIFENG_TRY(const json::Value trial, context.api.send("POST", "/trials", request));
  const json::Value* seal = client::member_of(trial, "seal");
  const json::Value* opened = client::member_of(trial, "opened");
  if (seal == nullptr || seal->if_object() == nullptr || opened == nullptr || opened->if_object() == nullptr)
    return Error(ErrorCode::kVerificationFailed, "not-sealed",
                 phrase("the model's own port gave no sealed answer: {}", text_of(trial, "refusal")));
  context.listener.message(
      phrase("sealed: the model's own port gives {} bytes that nobody but a gateway can read, signed by instance {}",
             text_of(*seal, "size"), text_of(trial, "instance_id")));
  return ok();
}

Result<Call> call_of(const RunModelOptions& options, ExampleContext& context, const Example& example) {
  if (options.request) {
    Call call;
    call.target = options.request->path;
    call.body = options.request->body;
    if (!call.body) call.method = "GET";
    return call;
  }
  auto calls = read_calls(example.project);
  if (calls) return std::move(calls->front());
  if (calls.error().code() != ErrorCode::kNotFound) return std::move(calls).error();
  context.listener.message(
      phrase("there is no calls.jsonl with an example: asking whether the model is ready; -d sends it something"));
  Call call;
  call.method = "GET";
  call.target = "/v2/health/ready";
  return call;
}

Result<int> work(const RunModelOptions& options, ExampleContext& context, StopSignal& stop) {
  context.pack_as = options.pack_as;
  context.is_impatient = true;
  MIFENG_TRY(Example example, deliver(context, options.project));
  if (auto deployed = deploy(context, example); !deployed) {
    if (!example.deployment_id.empty() && deployed.error().reason() != "interrupted") tell_log(context, example);
    return std::move(deployed).error();
  }
  MIFENG_TRY(const Call call, call_of(options, context, example));
  MIFENG_TRY(const net::ClientResponse answer, first_answer(context, example.prefix, call));
  MIFENG_CHECK(tell_seal(context, example));
  context.listener.message(
      phrase("{} {} is answered {}; opened by the gateway:", call.method, example.prefix + call.target, answer.status));
  context.listener.result(answer.body);
  bool right = answer.status < 400;
  if (!right && answer.status >= 500) tell_log(context, example);
  if (right && call.answer) {
    const std::string wrong = difference(answer, call);
    right = wrong.empty();
    context.listener.message(right ? phrase("as calls.jsonl has it") : phrase("not as calls.jsonl has it: {}", wrong));
  }
  if (options.stay) {
    context.listener.message(phrase("it stays until Ctrl-C; as an application calls it:"));
    context.listener.message(curl_line(context, example));
    while (!stop.wait(std::chrono::hours(1))) {
    }
  }
  return right ? 0 : 1;
}

}  // namespace

Result<int> run_model(const RunModelOptions& options, const UpListener& listener) {
  MIFENG_TRY(StopSignal stop, StopSignal::create());
  if (::geteuid() != 0)
    return Error(
        ErrorCode::kPermissionDenied, "not-root",
        phrase("running a model needs root, for Podman's network and limits: sudo mifeng run; packing alone does "
               "not: mifeng pack"));
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(options.parent, error))
    if (is_ours(entry.path())) left.push_back(entry.path());
  for (const fs::path& folder : left) MIFENG_CHECK(clear_left(folder, listener));
  MIFENG_TRY(const TempDir folder, TempDir::create(options.parent, kPrefix));
  UpOptions up = options.up;
  up.data = folder.path();
  up.master_key = folder.path() / "master.key";
  up.examples.clear();
  if (up.port_range.empty()) up.port_range = free_node_ports();
  for (std::uint16_t* port : {&up.platform_port, &up.gateway_port, &up.registry_port}) {
    MIFENG_TRY(*port, pick_loopback_port(0));  // not the usual ones: those are an installation's that is to stay
  }
  return run_stack(up, listener, stop, [&](ExampleContext& context) { return work(options, context, stop); });
}

}  // namespace mifeng::stack
