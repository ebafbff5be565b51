#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/kubernetes/joining.h"

namespace mifeng::kubernetes {
namespace {

constexpr std::size_t kLoginMax = 1 << 20;

}  // namespace

SecretBytes serialize(const Membership& membership) {
  const SecretBytes login = serialize(membership.login);
  json::Object object{{"login", std::string(as_text(login.reveal_for_copying()))},
                      {"made_account", membership.made_account},
                      {"made_namespace", membership.made_namespace}};
  if (membership.registry_login) {
    object.set("registry_user", membership.registry_login->user);
    object.set("registry_password", std::string(as_text(membership.registry_login->password.reveal_for_copying())));
  }
  std::string text = json::serialize(object);
  SecretBytes secret(as_bytes(text));
  wipe(text.data(), text.size());
  return secret;
}

Result<Membership> read_membership(ByteView text) {
  json::ParseLimits limits;
  limits.bytes = 2 * kLoginMax;
  MIFENG_TRY(const json::Object object, json::parse_object(as_text(text), limits));
  json::Fields fields(object);
  Membership membership;
  std::string login = fields.string("login", {.min = 1, .max = kLoginMax});
  membership.made_account = fields.boolean("made_account");
  membership.made_namespace = fields.boolean("made_namespace");
  const auto user = fields.optional_string("registry_user");
  auto password = fields.optional_string("registry_password");
  MIFENG_CHECK(fields.finish());
  auto read = read_login(as_bytes(login));
  wipe(login.data(), login.size());
  if (!read) return read.error();
  membership.login = std::move(*read);
  if (user && password) {
    membership.registry_login = RegistryLogin{*user, SecretBytes(as_bytes(*password))};
    wipe(password->data(), password->size());
  }
  return membership;
}

}  // namespace mifeng::kubernetes
