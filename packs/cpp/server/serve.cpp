#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "inference.h"
#include "serve.h"

namespace mifeng::server {
namespace {

constexpr std::size_t kBodyMax = 64 << 20;
// A proxy keeps connections open, and cpp-httplib gives each a thread.
constexpr std::size_t kThreads = 64;

std::string environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// cpp-httplib 0.11 makes TCP sockets only; this hands it one that listens already.
class UnixServer : public httplib::Server {
 public:
  bool listen_on(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    ::unlink(path.c_str());
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 512) != 0) {
      ::close(fd);
      return false;
    }
    svr_sock_ = fd;
    return listen_after_bind();
  }
};

void harden() {
  // Nobody but the kernel looks into this process: no core file, no ptrace, no /proc/PID/mem.
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0) {
    std::perror("model: cannot turn off core dumps");
    std::exit(1);
  }
}

void answer(httplib::Response& response, int status, const Json& body) {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace), "application/json");
}

// Requests that are being answered, so that a stop can let them end.
class Active {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_until_none(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, at_most, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};
Active active;

// Runs `act` on the parsed body; what goes wrong becomes {"error": sentence}.
template <typename Act>
void guarded(const httplib::Request& request, httplib::Response& response, Act act) {
  active.enter();
  try {
    const Json body = Json::parse(request.body);
    answer(response, 200, act(body));
  } catch (const BadRequest& error) {
    answer(response, 400, {{"error", error.what()}});
  } catch (const Json::parse_error&) {
    answer(response, 400, {{"error", "the body is not JSON"}});
  } catch (const Json::exception& error) {
    // A field that is missing or of another type than the model reads it as.
    answer(response, 400, {{"error", std::string("the request does not fit this model: ") + error.what()}});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model: %s\n", error.what());
    answer(response, 500, {{"error", "the model failed; its log says why"}});
  }
  active.leave();
}

struct Names {
  std::string model = environment("MIFENG_MODEL_NAME", "model");
  std::string version = environment("MIFENG_MODEL_VERSION", "0");
};

// Whether the path's model (and version, where it has one) are ours; else 404.
bool ours(const httplib::Request& request, httplib::Response& response, const Names& names) {
  const std::string version = request.matches.size() > 2 ? request.matches[2].str() : std::string();
  if (request.matches[1].str() == names.model && (version.empty() || version == names.version)) return true;
  answer(response, 404,
         {{"error", "there is no such model or version here; it is " + names.model + " " + names.version}});
  return false;
}

void add_routes(UnixServer& server, const Names& names, const Model& model) {
  server.Get("/health", [](const auto&, auto& response) { answer(response, 200, {{"status", "ok"}}); });
  server.Post("/predict", [&model](const auto& request, auto& response) {
    guarded(request, response, [&](const Json& body) { return model.predict(body); });
  });
  server.Get("/v2", [&names](const auto&, auto& response) {
    answer(response, 200, {{"name", names.model}, {"version", names.version}, {"extensions", Json::array()}});
  });
  server.Get("/v2/health/live", [](const auto&, auto& response) { answer(response, 200, {{"live", true}}); });
  server.Get("/v2/health/ready", [](const auto&, auto& response) { answer(response, 200, {{"ready", true}}); });
  const std::string one = R"(/v2/models/([^/]+)(?:/versions/([^/]+))?)";
  server.Get(one, [&names, &model](const auto& request, auto& response) {
    if (!ours(request, response, names)) return;
    Json facts = {{"name", names.model},
                  {"versions", {names.version}},
                  {"platform", "mifeng_cpp"},
                  {"inputs", Json::array()},
                  {"outputs", Json::array()}};
    if (model.metadata != nullptr) facts.update(model.metadata());
    answer(response, 200, facts);
  });
  server.Get(one + "/ready", [&names](const auto& request, auto& response) {
    if (ours(request, response, names)) answer(response, 200, {{"name", names.model}, {"ready", true}});
  });
  server.Post(one + "/infer", [&names, &model](const auto& request, auto& response) {
    if (!ours(request, response, names)) return;
    guarded(request, response, [&](const Json& body) {
      const Json result = model.predict(request_from_tensors(body));
      return answer_to_tensors(result, body, names.model, names.version);
    });
  });
  server.set_error_handler([](const auto& request, auto& response) {
    if (response.body.empty())
      answer(response, response.status, {{"error", "nothing is served under " + request.method + " " + request.path}});
  });
}

}  // namespace

int serve(const Model& model) {
  harden();
  const std::string path = environment("MIFENG_SOCKET", "");
  if (path.empty()) {
    std::fprintf(stderr, "model: MIFENG_SOCKET must name the Unix socket to listen on\n");
    return 2;
  }
  // Signals are taken by one thread of our own, so that nothing runs inside a handler.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  try {
    if (model.load != nullptr) model.load();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model: cannot load: %s\n", error.what());
    return 1;
  }
  const Names names;
  UnixServer server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_payload_max_length(kBodyMax);
  server.set_keep_alive_max_count(1 << 20);
  server.set_keep_alive_timeout(75);
  add_routes(server, names, model);
  std::thread stopper([&] {
    int got = 0;
    sigwait(&signals, &got);
    server.stop();
    // What is being answered may end; connections that only wait for their next request would hold us up for long.
    active.wait_until_none(std::chrono::seconds(10));
    std::fprintf(stderr, "model: stopped by signal %d\n", got);
    ::_exit(0);
  });
  std::fprintf(stderr, "model: %s %s listens on %s\n", names.model.c_str(), names.version.c_str(), path.c_str());
  const bool served = server.listen_on(path);
  if (!served) {
    std::perror("model: cannot listen");
    ::_exit(1);
  }
  stopper.join();
  return 0;
}

}  // namespace mifeng::server
