// Plays mifeng-gateway or mifeng-guard with keys from files and a table from a JSON file, for tests and measurements.
// Not shipped. It prints one line of JSON for each thing that happens, and does what it is told line by line:
//
//   static_keyholder gateway SOCKET TABLE.json OUTPUT_KEY.pem...        table | stop | resume
//   static_keyholder guard   SOCKET OUTPUT_PUB.pem INSTANCE_KEY.pem     renew | ready | unready | lame | drain | stop
//   | resume
//
// `table` reads the file again and pushes it; `stop` closes the socket and every connection, `resume` opens it again.
// MIFENG_SEAL_KEY_ANSWERS is how many answers are sealed with one root key, MIFENG_UNWRAPS_PER_SECOND how fast an
// instance that has used up its burst of root keys gets more.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <cstdlib>
#include <iostream>
#include <istream>

#include "mifeng/base/bounds.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/keyholder/key_socket.h"
#include "mifeng/os/file.h"

namespace {

using namespace mifeng;
namespace asio = boost::asio;

[[noreturn]] void fail(const Error& error) {
  std::cerr << "static_keyholder: " << error.reason() << ": " << error.message() << std::endl;
  std::exit(1);
}
template <typename T>
T must(Result<T> result) {
  if (!result) fail(result.error());
  return *std::move(result);
}
void must(const Result<void>& result) {
  if (!result) fail(result.error());
}

void say(json::Object line) { std::cout << json::serialize(json::Value(std::move(line))) << std::endl; }

template <std::size_t N>
std::array<std::uint8_t, N> fixed(const Bytes& bytes) {
  std::array<std::uint8_t, N> array{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), N), array.begin());
  return array;
}

proxy::Table read_table(const std::string& path) {
  const std::string text = must(read_text_file(path, 64u << 20));
  const json::Object object = must(json::parse_object(text));
  json::Fields top(object);
  proxy::Table table;
  table.serial = static_cast<std::uint64_t>(top.integer("serial", 1, std::int64_t{1} << 53));
  table.expires_ms = top.integer("expires_ms", 0, std::int64_t{1} << 53);
  constexpr json::ListRule kMany{0, 100'000};
  for (auto& item : top.objects("routes", kMany)) {
    proxy::Route route;
    route.id = item.string("id");
    route.name = item.optional_string("name").value_or(route.id);
    route.prefix = item.string("prefix");
    route.forward = item.string("forward");
    route.open = item.optional_boolean("open").value_or(false);
    if (item.has("callers")) route.callers = item.strings("callers");
    route.stream_requests = item.optional_boolean("stream_requests").value_or(false);
    route.idempotent = item.optional_boolean("idempotent").value_or(false);
    route.pass_headers = item.strings("pass_headers");
    const auto limit = [&](const char* name, std::int64_t max) {
      return static_cast<std::uint32_t>(item.optional_integer(name, 0, max).value_or(0));
    };
    route.calls_per_minute = limit("calls_per_minute", bounds::kCallsPerMinuteMax);
    route.calls_at_once = limit("calls_at_once", bounds::kCallsAtOnceMax);
    route.seconds_max = limit("seconds_max", bounds::kCallSecondsMax);
    table.routes.push_back(std::move(route));
  }
  for (auto& item : top.objects("endpoints", kMany)) {
    proxy::EndpointSet set;
    set.deployment = item.string("deployment");
    set.port = item.string("port");
    if (item.optional_string("kind").value_or("unit") == "balanced") set.kind = proxy::EndpointKind::kBalanced;
    set.addresses = item.strings("addresses");
    table.endpoints.push_back(std::move(set));
  }
  for (auto& item : top.objects("instances", kMany)) {
    std::string id = item.string("id");
    std::string deployment = item.string("deployment");
    table.instances.push_back(
        {std::move(id), std::move(deployment), fixed<crypto::kSm2PointSize>(item.base64("signing_key", 65, 65))});
  }
  for (auto& item : top.objects("callers", kMany)) {
    std::string id = item.string("id");
    table.callers.push_back({std::move(id), fixed<crypto::kSm3Size>(item.hex("key_sm3", 32, 32))});
  }
  must(top.finish());
  return table;
}

crypto::Sm2PrivateKey private_key(const std::string& path) {
  return must(crypto::Sm2PrivateKey::from_pem(must(read_secret_file(path, 4096))));
}

keyholder::UnwrapLimits unwrap_limits() {
  keyholder::UnwrapLimits limits;
  if (const char* given = std::getenv("MIFENG_UNWRAPS_PER_SECOND")) limits.per_second = std::strtod(given, nullptr);
  return limits;
}

keyholder::SealKeyLimits seal_key_limits() {
  keyholder::SealKeyLimits limits;
  if (const char* given = std::getenv("MIFENG_SEAL_KEY_ANSWERS"))
    limits.streams_max = std::strtoull(given, nullptr, 10);
  return limits;
}

class Keyholder {
 public:
  Keyholder(asio::io_context& io, std::vector<std::string> arguments) : io_(io), arguments_(std::move(arguments)) {
    const bool gateway = arguments_[0] == "gateway";
    options_.role = gateway ? proxy::Role::kGateway : proxy::Role::kGuard;
    options_.path = arguments_[1];
    callbacks_.on_log = [](const std::string& line) { say({{"log", line}}); };
    callbacks_.on_counts = [](const proxy::Counts& counts) { report(counts); };
    if (gateway) {
      callbacks_.on_unwrap = [this](const proxy::UnwrapRequest& request) {
        auto unwrapped = unwrapper_.unwrap(request);
        say({{"unwrap", unwrapped ? "ok" : unwrapped.error().reason()}, {"deployment", request.deployment}});
        return unwrapped;
      };
      callbacks_.on_table_taken = [](std::uint64_t serial) {
        say({{"table_taken", static_cast<std::int64_t>(serial)}});
      };
    } else {
      output_key_.emplace(must(crypto::Sm2PublicKey::from_pem(must(read_text_file(arguments_[2], 4096)))));
      instance_key_.emplace(private_key(arguments_[3]));
      callbacks_.on_seal_key = [this] {
        say({{"seal_key", true}});
        return keyholder::make_seal_key(*output_key_, *instance_key_, random_, seal_key_limits());
      };
      callbacks_.on_workers_changed = [this] {
        if (server_ != nullptr && server_->workers_are_drained()) say({{"drained", true}});
      };
    }
    open();
    if (!gateway) server_->set_state({.ready = true});
    say({{"listening", options_.path.string()}});
  }

  void command(const std::string& line) {
    if (line == "table") load_table();
    if (line == "renew") server_->renew_seal_keys();
    if (line == "ready") server_->set_state({.ready = true});
    if (line == "unready") server_->set_state({.ready = false});
    if (line == "lame") server_->set_state({.ready = true, .lame_duck = true});
    if (line == "drain") server_->set_state({.ready = true, .draining = true, .lame_duck = true});
    if (line == "stop") server_.reset();
    if (line == "resume") open();
    say({{"done", line}});
  }

 private:
  void open() {
    server_ = must(keyholder::KeySocketServer::create(io_, options_, callbacks_));
    if (options_.role == proxy::Role::kGateway) load_table();
  }

  void load_table() {
    const proxy::Table table = read_table(arguments_[2]);
    std::vector<crypto::Sm2PrivateKey> keys;
    for (std::size_t i = 3; i < arguments_.size(); ++i) keys.push_back(private_key(arguments_[i]));
    must(unwrapper_.update(std::move(keys), table.instances));
    must(server_->push_table(table));
  }

  static void report(const proxy::Counts& counts) {
    for (const auto& row : counts.rows) {
      json::Object refusals;
      for (const auto& [reason, count] : row.refusals) refusals.set(reason, static_cast<std::int64_t>(count));
      say({{"deployment", row.deployment},
           {"instance", row.instance},
           {"calls", static_cast<std::int64_t>(row.calls)},
           {"errors", static_cast<std::int64_t>(row.errors)},
           {"refusals", std::move(refusals)}});
    }
  }

  asio::io_context& io_;
  std::vector<std::string> arguments_;
  SystemRandom random_;
  keyholder::KeySocketOptions options_;
  keyholder::KeySocketCallbacks callbacks_;
  SystemClock clock_;
  keyholder::ResponseUnwrapper unwrapper_{clock_, unwrap_limits()};
  std::optional<crypto::Sm2PublicKey> output_key_;
  std::optional<crypto::Sm2PrivateKey> instance_key_;
  std::unique_ptr<keyholder::KeySocketServer> server_;
};

// Until standard input ends, which is when whoever started us has gone.
void read_commands(asio::posix::stream_descriptor& in, asio::streambuf& buffer, Keyholder& keyholder,
                   asio::io_context& io) {
  asio::async_read_until(in, buffer, '\n', [&](boost::system::error_code error, std::size_t) {
    if (error) return io.stop();
    std::istream stream(&buffer);
    std::string line;
    std::getline(stream, line);
    keyholder.command(line);
    read_commands(in, buffer, keyholder, io);
  });
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 4 || (arguments[0] != "gateway" && arguments[0] != "guard")) {
    std::cerr << "usage: see the beginning of static_keyholder.cpp" << std::endl;
    return 2;
  }
  asio::io_context io;
  Keyholder keyholder(io, std::move(arguments));
  asio::posix::stream_descriptor in(io, ::dup(STDIN_FILENO));
  asio::streambuf buffer;
  read_commands(in, buffer, keyholder, io);
  io.run();
  return 0;
}
