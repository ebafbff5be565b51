#include "mifeng/kubernetes/login.h"

#include "mifeng/base/beginning.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::kubernetes {
namespace {

using manifest::YamlNode;

constexpr std::size_t kKubeconfigMax = 1 << 20;
constexpr std::size_t kPemMax = 256 << 10;

Error bad(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig", what); }

const YamlNode* find(const YamlNode& mapping, std::string_view key) {
  for (const auto& field : mapping.fields)
    if (field.key == key) return &field.value;
  return nullptr;
}

std::string text_of(const YamlNode* mapping, std::string_view key) {
  const YamlNode* value = mapping == nullptr ? nullptr : find(*mapping, key);
  return value == nullptr ? std::string() : value->scalar;
}

// The `inner` of the entry called `name` in the list `list`: kubeconfigs name all that they have.
const YamlNode* entry(const YamlNode& root, std::string_view list, std::string_view name, std::string_view inner) {
  const YamlNode* entries = find(root, list);
  if (entries == nullptr) return nullptr;
  for (const YamlNode& one : entries->items)
    if (text_of(&one, "name") == name) return find(one, inner);
  return nullptr;
}

// The text of KEY-data, which is base64.
Result<std::string> pem_at(const YamlNode* mapping, const std::string& key) {
  const std::string data = text_of(mapping, key + "-data");
  if (data.empty()) {
    if (text_of(mapping, key).empty()) return std::string();
    return bad("It names a file for " + key +
               "; make one that holds everything: kubectl config view --flatten --minify --raw");
  }
  const auto bytes = from_base64(data);
  if (!bytes || bytes->size() > kPemMax) return bad(key + "-data is not base64.");
  return std::string(as_text(*bytes));
}

Result<void> check_server(Login& login) {
  while (login.server.ends_with('/')) login.server.pop_back();
  if (!login.server.starts_with("https://") || login.server.size() > 2048)
    return bad("The server \"" + std::string(beginning_of(login.server, 200)) + "\" must begin with https://.");
  for (const char c : login.server)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '?' || c == '#')
      return bad("The server is not a URL.");
  return ok();
}

}  // namespace

Result<Login> read_kubeconfig(std::string_view text, std::string_view context) {
  auto parsed = manifest::parse_yaml(text, "kubeconfig", {.bytes = kKubeconfigMax});
  if (!parsed) return bad(parsed.error().message());
  const YamlNode& root = *parsed;
  const std::string wanted = context.empty() ? text_of(&root, "current-context") : std::string(context);
  if (wanted.empty()) return bad("It has no current-context; name one with --context.");
  const YamlNode* chosen = entry(root, "contexts", wanted, "context");
  if (chosen == nullptr) return bad("It has no context called \"" + wanted + "\".");
  const YamlNode* cluster = entry(root, "clusters", text_of(chosen, "cluster"), "cluster");
  if (cluster == nullptr) return bad("It has no cluster called \"" + text_of(chosen, "cluster") + "\".");
  const YamlNode* user = entry(root, "users", text_of(chosen, "user"), "user");
  if (user == nullptr) return bad("It has no user called \"" + text_of(chosen, "user") + "\".");

  Login login;
  login.server = text_of(cluster, "server");
  MIFENG_CHECK(check_server(login));
  if (text_of(cluster, "insecure-skip-tls-verify") == "true")
    return bad(
        "It says insecure-skip-tls-verify: anybody between here and the cluster could then take it over. Give the "
        "cluster's authority as certificate-authority-data.");
  MIFENG_TRY(login.ca_pem, pem_at(cluster, "certificate-authority"));
  login.tls_server_name = text_of(cluster, "tls-server-name");
  login.proxy_url = text_of(cluster, "proxy-url");
  login.default_namespace = text_of(chosen, "namespace");
  for (const char* plugin : {"exec", "auth-provider"})
    if (find(*user, plugin) != nullptr)
      return bad(std::string("Its user signs in by a program of this machine (") + plugin +
                 "), which nobody but you may run. Give a kubeconfig with a token or a certificate.");
  if (!text_of(user, "username").empty())
    return bad("Its user has a password, which no Kubernetes takes any more. Give one with a token or a certificate.");
  MIFENG_TRY(login.client_certificate_pem, pem_at(user, "client-certificate"));
  MIFENG_TRY(std::string key, pem_at(user, "client-key"));
  login.client_key_pem = SecretBytes(as_bytes(key));
  wipe(key.data(), key.size());
  std::string token = text_of(user, "token");
  if (token.empty() && !text_of(user, "tokenFile").empty())
    return bad("It names a file for the token; give the token itself.");
  if (token.find_first_of("\r\n") != std::string::npos) return bad("Its token is not one line.");
  login.token = SecretBytes(as_bytes(token));
  if (login.client_certificate_pem.empty() != login.client_key_pem.empty())
    return bad("Its user has a certificate without its key, or a key without its certificate.");
  if (login.token.empty() && login.client_key_pem.empty())
    return bad("Its user has neither a token nor a certificate.");
  return login;
}

SecretBytes serialize(const Login& login) {
  json::Object object{{"server", login.server},
                      {"ca_pem", login.ca_pem},
                      {"tls_server_name", login.tls_server_name},
                      {"proxy_url", login.proxy_url},
                      {"default_namespace", login.default_namespace},
                      {"client_certificate_pem", login.client_certificate_pem},
                      {"client_key_pem", std::string(as_text(login.client_key_pem.reveal_for_copying()))},
                      {"token", std::string(as_text(login.token.reveal_for_copying()))}};
  std::string text = json::serialize(object);
  SecretBytes secret(as_bytes(text));
  wipe(text.data(), text.size());
  return secret;
}

Result<Login> read_login(ByteView text) {
  MIFENG_TRY(const json::Object object, json::parse_object(as_text(text)));
  json::Fields fields(object);
  Login login;
  login.server = fields.string("server");
  const json::TextRule pem{.min = 0, .max = kPemMax};
  login.ca_pem = fields.string("ca_pem", pem);
  login.tls_server_name = fields.string("tls_server_name");
  login.proxy_url = fields.string("proxy_url");
  login.default_namespace = fields.string("default_namespace");
  login.client_certificate_pem = fields.string("client_certificate_pem", pem);
  std::string key = fields.string("client_key_pem", pem);
  std::string token = fields.string("token", pem);
  MIFENG_CHECK(fields.finish());
  login.client_key_pem = SecretBytes(as_bytes(key));
  login.token = SecretBytes(as_bytes(token));
  wipe(key.data(), key.size());
  wipe(token.data(), token.size());
  return login;
}

}  // namespace mifeng::kubernetes
