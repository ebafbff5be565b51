// The table of operations: what each is called, who may call it, and the function that does it.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/net/http.h"
#include "mifeng/net/runtime.h"
#include "mifeng/platform/platform.h"
#include "mifeng/rest/api.h"

namespace mifeng::rest {

// Id of the local administrator, whom no row of the database stands for.
inline constexpr const char* kLocalActor = "local";

using trust::Permission;

class StreamSeats;

// What an operation answers, when it is no stream.
struct Reply {
  int status = 200;
  std::string body;
  std::string content_type;
  net::Headers headers;
};
// An object with the member "etag" has it in the field ETag as well.
Reply reply(const json::Value& value, int status = 200);
Reply with_etag(Reply&& answer, const std::string& etag);
Reply no_content();
Reply reply_text(std::string text, std::string content_type);

// One request, matched, authenticated and read.
struct Call {
  platform::Platform& platform;
  const ApiOptions& options;
  const Clock& clock;
  net::BlockingPool& work;           // short: the database
  net::BlockingPool& slow;           // what takes its time: asking a cluster
  net::BlockingPool& verifications;  // of packages, each as long as it is large
  net::BlockingPool& proofs;         // of guards: the engine is asked, and may be slow to answer
  net::BlockingPool& gateways;       // of who says to be one, until that has been checked
  net::BlockingPool& streams;        // each that is open holds a thread
  StreamSeats& blocking_seats;       // of those
  StreamSeats& seats;                // of streams of events
  trust::Actor actor;
  std::string bearer;                                    // as it came; empty on the local socket
  bool by_cookie = false;                                // whether it came in the cookie of a browser
  std::string method;                                    // of the request
  bool tls = false;                                      // whether the connection is
  std::string remote;                                    // address of the peer
  std::string source;                                    // what counts as one of it
  std::function<void()> known;                           // to be called once it is known who asks
  std::map<std::string, std::string, std::less<>> path;  // "id" -> "rt-1"
  std::map<std::string, std::string, std::less<>> query;
  json::Object body;  // of operations with BodyKind::kJson
  net::Headers headers;
  std::unique_ptr<net::BodySource> raw;     // of the others
  std::string url;                          // of the listener
  std::string unit;                         // on a unit's socket: whose
  std::optional<net::PeerProcess> process;  // there: who asks; keeps its pidfd open

  const std::string& id() const { return path.at("id"); }
  // Empty where absent.
  std::string text(std::string_view name) const;
  Result<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max,
                               std::optional<std::int64_t> absent) const;
  Result<bool> boolean(std::string_view name, bool absent) const;
  Result<trust::PageRequest> page() const;
  // kInvalidArgument "missing-header".
  Result<std::string> header(std::string_view name, std::size_t max) const;
};

// Whose share of the verifications it is: a vendor's people have one together.
inline const std::string& verifies_for(const Call& call) {
  return call.actor.vendor_id.empty() ? call.actor.id : call.actor.vendor_id;
}

enum class BodyKind {
  kNone,
  kJson,
  kOptionalJson,  // an absent body is {}
  kRaw,           // a stream, read by the operation itself
};
enum class Pool { kWork, kSlow, kVerifications, kPasswords };

using Blocking = Result<Reply> (*)(Call&);
using Streaming = net::asio::awaitable<Result<net::Response>> (*)(std::shared_ptr<Call>);

struct Operation {
  std::string_view id;
  std::string_view method;
  std::string_view pattern;
  std::variant<Access, Permission> who;
  std::variant<Blocking, Streaming> run;
  BodyKind body = BodyKind::kNone;
  std::string_view query = "";  // names, separated by spaces
  Pool pool = Pool::kWork;
  people::Use use = people::Use::kWork;  // kRefresh: asking for it keeps no session alive
  Blocking shown = nullptr;              // guarded()
};
// The same, obeying If-Match. `shown` answers with what the operation changes, as it is now, which a refusal then
// tells.
constexpr Operation guarded(Blocking shown, Operation operation) {
  operation.shown = shown;
  return operation;
}

// One table a file *_operations.cpp.
std::span<const Operation> session_operations();
std::span<const Operation> people_operations();
std::span<const Operation> vendor_operations();
std::span<const Operation> model_operations();
std::span<const Operation> package_operations();
std::span<const Operation> cluster_operations();
std::span<const Operation> port_operations();
std::span<const Operation> deployment_operations();
std::span<const Operation> batch_operations();
std::span<const Operation> route_operations();
std::span<const Operation> caller_operations();
std::span<const Operation> trial_operations();
std::span<const Operation> key_operations();
std::span<const Operation> gateway_operations();
std::span<const Operation> audit_operations();
std::span<const Operation> event_operations();
std::span<const Operation> search_operations();
std::span<const Operation> system_operations();

struct Match {
  const Operation* operation = nullptr;  // null: no such path, or no such method on it
  std::map<std::string, std::string, std::less<>> path;
  std::vector<std::string_view> allowed;  // methods of the path where the method is another
};
// `path` is below /api/v1, not decoded.
enum class Side { kApi, kUnit };  // a unit's socket has its own two operations and no other
Result<Match> match_operation(Side side, std::string_view method, std::string_view path);

// Runs `job` in a pool and gives its result; for streaming operations.
template <typename T>
net::Task<T> blocking(net::BlockingPool& pool, std::function<Result<T>()> job) {
  auto result = co_await net::run_blocking(pool, std::move(job));
  co_return result;
}

}  // namespace mifeng::rest
