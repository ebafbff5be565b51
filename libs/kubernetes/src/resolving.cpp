#include "mifeng/kubernetes/resolving.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "mifeng/cluster/json_path.h"
#include "mifeng/kubernetes/login.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"
#include "yaml_json.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;
using json::Array;
using json::Object;

constexpr std::size_t kFileMax = 1 << 20;
constexpr std::chrono::minutes kPluginMax{5};  // somebody may have to sign in in a browser
constexpr const char* kName = "given";         // of context, cluster and user in what is made

Error bad(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig", what); }

// The `inner` of the entry called `name` in the list `list`.
const Object* entry(const Object& root, const char* list, const std::string& name, const char* inner) {
  const json::Value* value = root.find(list);
  const Array* entries = value == nullptr ? nullptr : value->if_array();
  if (entries == nullptr) return nullptr;
  for (const json::Value& one : *entries) {
    const Object* object = one.if_object();
    if (object == nullptr || text_at(*object, "name") != name) continue;
    const json::Value* found = object->find(inner);
    return found == nullptr ? nullptr : found->if_object();
  }
  return nullptr;
}

void copy_text(Object& to, const Object& from, const char* key) {
  if (std::string text = text_at(from, key); !text.empty()) to.set(key, std::move(text));
}

// KEY-data as it is, or made of the file that KEY names.
Result<void> copy_data(Object& to, const Object& from, const std::string& key, const std::filesystem::path& folder) {
  const std::string data = key + "-data";
  copy_text(to, from, data.c_str());
  const std::string file = text_at(from, key);
  if (to.find(data) != nullptr || file.empty()) return ok();
  MIFENG_TRY(const SecretBytes content, read_secret_file(folder / file, kFileMax));
  to.set(data, to_base64(content.reveal_for_output()));
  return ok();
}

std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> all;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text = *one;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

// All that comes out of `fd` until its end.
Result<std::string> read_output(int fd, const std::string& program) {
  std::string output;
  const auto until = std::chrono::steady_clock::now() + kPluginMax;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      return Error(ErrorCode::kTimeout, "program-slow", "The program " + program + " did not end in five minutes.");
    char piece[8192];
    const auto size = ::read(fd, piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno_error(errno, "read what " + program + " says");
    if (size == 0) return output;
    output.append(piece, static_cast<std::size_t>(size));
    wipe(piece, sizeof piece);
    if (output.size() > kFileMax) return bad("The program " + program + " says more than 1 MiB.");
  }
}

class Plugin {
 public:
  Plugin(const Object& exec, const Object& cluster, std::filesystem::path folder)
      : exec_(exec), cluster_(cluster), folder_(std::move(folder)) {}

  // The user's fields that its answer stands for.
  Result<Object> run() {
    const std::string version = text_at(exec_, "apiVersion");
    if (version != "client.authentication.k8s.io/v1" && version != "client.authentication.k8s.io/v1beta1")
      return bad("Its exec plugin speaks " + (version.empty() ? "no version" : version) +
                 "; only client.authentication.k8s.io/v1 and v1beta1 are known.");
    std::string program = text_at(exec_, "command");
    if (program.empty()) return bad("Its exec plugin has no command.");
    if (program.find('/') != std::string::npos) program = (folder_ / program).string();
    ChildOptions child;
    child.argv = {program};
    for (const std::string& argument : cluster::texts_at(exec_, "args")) child.argv.push_back(argument);
    child.env = environment(version);
    child.new_process_group = false;  // it may ask at the terminal
    const bool may_ask = asks();
    UniqueFd nothing(may_ask ? -1 : ::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (nothing) child.fds[0] = nothing.get();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "make a pipe");
    UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    child.fds[1] = in.get();
    auto started = ChildProcess::start(child);
    if (!started) {
      const std::string hint = text_at(exec_, "installHint");
      return bad("Its user signs in by the program " + program + ", which cannot be run: " +
                 std::string(started.error().message()) + (hint.empty() ? "" : " (" + hint + ")"));
    }
    in.reset();
    auto output = read_output(out.get(), program);
    if (!output) return output.error();
    MIFENG_TRY(const auto exit, started->wait(std::chrono::seconds(10)));
    if (!exit.success()) return bad("The program " + program + " that signs in ended with " + exit.describe() + ".");
    auto user = read_answer(*output, program, version);
    wipe(output->data(), output->size());
    return user;
  }

 private:
  bool asks() const { return text_at(exec_, "interactiveMode") != "Never" && ::isatty(STDIN_FILENO) == 1; }

  std::map<std::string, std::string> environment(const std::string& version) const {
    auto all = own_environment();
    const json::Value* value = exec_.find("env");
    const Array* more = value == nullptr ? nullptr : value->if_array();
    for (const json::Value& one : more == nullptr ? Array{} : *more)
      if (const Object* variable = one.if_object()) all[text_at(*variable, "name")] = text_at(*variable, "value");
    Object spec{{"interactive", asks()}};
    if (text_at(exec_, "provideClusterInfo") == "true") {
      Object about{{"server", text_at(cluster_, "server")}};
      for (const char* key : {"tls-server-name", "certificate-authority-data", "proxy-url"})
        copy_text(about, cluster_, key);
      spec.set("cluster", std::move(about));
    }
    all["KUBERNETES_EXEC_INFO"] =
        json::serialize(Object{{"apiVersion", version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}});
    return all;
  }

  static Result<Object> read_answer(const std::string& text, const std::string& program, const std::string& version) {
    const auto answer = json::parse_object(text);
    if (!answer || text_at(*answer, "kind") != "ExecCredential")
      return bad("The program " + program + " that signs in does not say an ExecCredential.");
    if (text_at(*answer, "apiVersion") != version)
      return bad("The program " + program + " that signs in answers in another version than " + version + ".");
    Object user;
    if (std::string token = text_at(*answer, "status", "token"); !token.empty()) user.set("token", std::move(token));
    const std::string certificate = text_at(*answer, "status", "clientCertificateData");
    const std::string key = text_at(*answer, "status", "clientKeyData");
    if (!certificate.empty()) user.set("client-certificate-data", to_base64(as_bytes(certificate)));
    if (!key.empty()) user.set("client-key-data", to_base64(as_bytes(key)));
    return user;
  }

  const Object& exec_;
  const Object& cluster_;
  const std::filesystem::path folder_;
};

Result<Object> resolve_user(const Object& user, const Object& cluster, const std::filesystem::path& folder) {
  if (user.find("auth-provider") != nullptr)
    return bad(
        "Its user signs in by an auth-provider, which kubectl itself does not know any more. Give one with exec, a "
        "token or a certificate.");
  if (const json::Value* value = user.find("exec"); value != nullptr && value->if_object() != nullptr)
    return Plugin(*value->if_object(), cluster, folder).run();
  Object made;
  for (const char* key : {"token", "username"}) copy_text(made, user, key);
  MIFENG_CHECK(copy_data(made, user, "client-certificate", folder));
  MIFENG_CHECK(copy_data(made, user, "client-key", folder));
  const std::string file = text_at(user, "tokenFile");
  if (made.find("token") == nullptr && !file.empty()) {
    MIFENG_TRY(std::string token, read_text_file(folder / file, kFileMax));
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    made.set("token", std::move(token));
  }
  return made;
}

Array one_entry(const char* inner, Object value) { return {Object{{"name", kName}, {inner, std::move(value)}}}; }

}  // namespace

Result<ResolvedKubeconfig> resolve_kubeconfig(const std::filesystem::path& file, const std::string& context) {
  MIFENG_TRY(const SecretBytes text, read_secret_file(file, kFileMax));
  auto parsed = manifest::parse_yaml(as_text(text.reveal_for_parsing()), file.filename().string(), {.bytes = kFileMax});
  if (!parsed) return bad(std::string(parsed.error().message()));
  const json::Value value = json_of(*parsed);
  if (value.if_object() == nullptr) return bad("It is no kubeconfig.");
  const Object& root = *value.if_object();
  const std::string wanted = context.empty() ? text_at(root, "current-context") : context;
  if (wanted.empty()) return bad("It has no current-context; name one with --context.");
  const Object* chosen = entry(root, "contexts", wanted, "context");
  if (chosen == nullptr) return bad("It has no context called \"" + wanted + "\".");
  const Object* server = entry(root, "clusters", text_at(*chosen, "cluster"), "cluster");
  if (server == nullptr) return bad("It has no cluster called \"" + text_at(*chosen, "cluster") + "\".");
  const Object* user = entry(root, "users", text_at(*chosen, "user"), "user");
  if (user == nullptr) return bad("It has no user called \"" + text_at(*chosen, "user") + "\".");

  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  ResolvedKubeconfig resolved;
  resolved.name_space = text_at(*chosen, "namespace");
  resolved.from_program = user->find("exec") != nullptr;
  Object cluster;
  for (const char* key : {"server", "tls-server-name", "proxy-url", "insecure-skip-tls-verify"})
    copy_text(cluster, *server, key);
  MIFENG_CHECK(copy_data(cluster, *server, "certificate-authority", folder));
  MIFENG_TRY(Object login, resolve_user(*user, cluster, folder));
  Object place{{"cluster", kName}, {"user", kName}};
  if (!resolved.name_space.empty()) place.set("namespace", resolved.name_space);
  std::string made = json::serialize(Object{{"apiVersion", "v1"},
                                            {"kind", "Config"},
                                            {"current-context", kName},
                                            {"contexts", one_entry("context", std::move(place))},
                                            {"clusters", one_entry("cluster", std::move(cluster))},
                                            {"users", one_entry("user", std::move(login))}});
  resolved.text = SecretBytes(as_bytes(made));
  wipe(made.data(), made.size());
  // What it cannot be used for is better said here than by the platform.
  MIFENG_CHECK(read_kubeconfig(as_text(resolved.text.reveal_for_parsing())));
  return resolved;
}

}  // namespace mifeng::kubernetes
