#include "mifeng/keyholder/nginx.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "mifeng/keyholder/wait.h"

namespace mifeng::keyholder {

namespace asio = boost::asio;

namespace {

Error bad_template(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, "bad-template", "nginx's configuration template " + message);
}

// Comments go: a value of several lines would leave them.
std::string without_comments(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::size_t first = text.find_first_not_of(" \t", at);
    if (first >= end || text[first] != '#') out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

Result<std::string> fill(const std::string& text, const std::map<std::string, std::string>& values,
                         bool leave_unknown) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open - at);
    if (open == std::string::npos) return out;
    const std::size_t close = text.find("}}", open);
    if (close == std::string::npos) return bad_template("has '{{' without '}}'");
    const std::string name = text.substr(open + 2, close - open - 2);
    const auto value = values.find(name);
    if (value == values.end() && !leave_unknown)
      return bad_template("asks for {{" + name + "}}, which is not known here");
    out += value == values.end() ? "{{" + name + "}}" : value->second;
    at = close + 2;
  }
}

}  // namespace

Result<std::string> fill_template(const std::string& text, const std::map<std::string, std::string>& values) {
  return fill(without_comments(text), values, false);
}

Result<std::string> repeat_section(const std::string& text, const std::string& name,
                                   const std::vector<std::map<std::string, std::string>>& values) {
  const std::string open = "# begin " + name + "\n";
  const std::string close = "# end " + name + "\n";
  const std::size_t start = text.find(open);
  const std::size_t end = text.find(close);
  if (start == std::string::npos || end == std::string::npos || end < start ||
      text.find(open, start + 1) != std::string::npos || text.find(close, end + 1) != std::string::npos)
    return bad_template("does not have the lines " + open.substr(0, open.size() - 1) + " and " +
                        close.substr(0, close.size() - 1) + " once each");
  const std::string section = without_comments(text.substr(start + open.size(), end - start - open.size()));
  std::string out = text.substr(0, start);
  for (const auto& each : values) {
    MIFENG_TRY(const std::string filled, fill(section, each, true));
    out += filled;
  }
  return out + text.substr(end + close.size());
}

Result<std::string> plain_path(const std::filesystem::path& path) {
  const std::string text = path.string();
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || std::string_view("\"\\${};").find(c) != std::string_view::npos)
      return Error(ErrorCode::kInvalidArgument, "bad-path",
                   "the path " + text + " has a character that nginx's configuration cannot hold; use another folder");
  }
  return text;
}

struct NginxSupervisor::Impl {
  Impl(asio::io_context& io, NginxOptions given) : options(std::move(given)), pause(io) {}

  NginxOptions options;
  asio::steady_timer pause;
  std::optional<ChildProcess> child;
  std::chrono::steady_clock::time_point started{};
  std::size_t restarts = 0;
  bool stopping = false;

  void log(const std::string& line) const {
    if (options.log) options.log(line);
  }

  Result<void> launch() {
    ChildOptions launch;
    launch.argv = {options.program.string(),
                   "-p",
                   options.prefix.string() + "/",
                   "-c",
                   options.configuration.string(),
                   "-e",
                   "/dev/stderr"};
    // Nothing of our own environment. nginx takes the listening sockets from NGINX (ngx_add_inherited_sockets).
    launch.env.emplace();
    std::string names;
    int number = 3;
    for (const int fd : options.listen_fds) {
      launch.fds[number] = fd;
      names += std::to_string(number++) + ";";
    }
    if (!names.empty()) launch.env->emplace("NGINX", names);
    launch.disable_core_dumps = true;
    MIFENG_TRY(ChildProcess made, ChildProcess::start(launch));
    child.emplace(std::move(made));
    started = std::chrono::steady_clock::now();
    return ok();
  }

  asio::awaitable<void> sleep(std::chrono::milliseconds duration) {
    boost::system::error_code ignored;
    pause.expires_after(duration);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
};

NginxSupervisor::NginxSupervisor(asio::io_context& io, NginxOptions options)
    : impl_(std::make_unique<Impl>(io, std::move(options))) {}
NginxSupervisor::~NginxSupervisor() = default;

std::optional<int> NginxSupervisor::pid() const {
  if (!impl_->child) return std::nullopt;
  return impl_->child->pid();
}
std::size_t NginxSupervisor::restarts() const { return impl_->restarts; }

asio::awaitable<Result<void>> NginxSupervisor::start() {
  auto launched = impl_->launch();
  if (!launched) co_return launched.error();
  const auto ended = co_await wait_for_exit(*impl_->child, impl_->options.start_wait);
  if (!ended) co_return ok();
  impl_->child.reset();
  co_return Error(ErrorCode::kInternal, "nginx-does-not-start",
                  "nginx ended at once (" + ended->describe() + "); its own message stands above");
}

asio::awaitable<void> NginxSupervisor::supervise() {
  auto delay = impl_->options.restart_delay_min;
  while (!impl_->stopping) {
    if (impl_->child) {
      co_await wait_until_ended(*impl_->child);
      if (impl_->stopping) break;  // stop() still refers to the child
      // Workers outlive a master that was killed, and would go on taking connections.
      impl_->child->send_signal(SIGKILL, true);
      const auto ended = impl_->child->wait(std::chrono::milliseconds(1000));
      impl_->child.reset();
      if (std::chrono::steady_clock::now() - impl_->started >= impl_->options.stable_after)
        delay = impl_->options.restart_delay_min;
      impl_->log("nginx ended (" + (ended ? ended->describe() : "unknown") + "); starting it again in " +
                 std::to_string(delay.count()) + " ms");
    }
    co_await impl_->sleep(delay);
    delay = std::min(delay * 2, impl_->options.restart_delay_max);
    if (impl_->stopping) break;
    ++impl_->restarts;
    if (auto launched = impl_->launch(); !launched) impl_->log(launched.error().message());
  }
}

asio::awaitable<void> NginxSupervisor::stop(std::chrono::milliseconds grace) {
  impl_->stopping = true;
  impl_->pause.cancel();
  if (!impl_->child) co_return;
  impl_->child->send_signal(SIGQUIT);
  const auto ended = co_await wait_for_exit(*impl_->child, grace);
  if (!ended && impl_->child) {
    impl_->log("nginx still has requests after " + std::to_string(grace.count()) + " ms; they are cut off");
    impl_->child->send_signal(SIGTERM);
    const auto ended_now = co_await wait_for_exit(*impl_->child, std::chrono::milliseconds(1000));
    if (!ended_now && impl_->child) impl_->child->send_signal(SIGKILL, true);
  }
}

}  // namespace mifeng::keyholder
