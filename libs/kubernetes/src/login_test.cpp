#include "mifeng/kubernetes/login.h"

#include <gmock/gmock.h>

namespace mifeng::kubernetes {
namespace {

using ::testing::HasSubstr;

// `user`: what stands below users[0].user, a field a line; `cluster`: the same below clusters[0].cluster.
std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: here\n"
         "clusters:\n- name: c\n  cluster:\n" +
         cluster +
         "contexts:\n"
         "- name: other\n  context: {cluster: nowhere, user: nobody}\n"
         "- name: unowned\n  context: {cluster: c, user: nobody}\n"
         "- name: here\n  context: {cluster: c, user: u, namespace: models}\n"
         "users:\n- name: u\n  user:\n" +
         user;
}
const std::string kServer = "    server: https://10.0.0.1:6443\n";
const std::string kToken = "    token: abc.def\n";

std::string refusal(const std::string& text, std::string_view context = {}) {
  const auto login = read_kubeconfig(text, context);
  EXPECT_FALSE(login) << text;
  if (login) return "";
  EXPECT_EQ(login.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(login.error().reason(), "bad-kubeconfig");
  return std::string(login.error().message());
}

TEST(Kubeconfig, ATokenInYaml) {
  const auto login =
      read_kubeconfig(kubeconfig("    server: https://10.0.0.1:6443/base//\n    certificate-authority-data: Q0E=\n    "
                                 "tls-server-name: kubernetes\n"
                                 "    proxy-url: http://proxy:3128\n",
                                 kToken));
  ASSERT_TRUE(login) << login.error().message();
  EXPECT_EQ(login->server, "https://10.0.0.1:6443/base");
  EXPECT_EQ(login->ca_pem, "CA");
  EXPECT_EQ(login->tls_server_name, "kubernetes");
  EXPECT_EQ(login->proxy_url, "http://proxy:3128");
  EXPECT_EQ(login->default_namespace, "models");
  EXPECT_EQ(as_text(login->token.reveal_for_copying()), "abc.def");
  EXPECT_TRUE(login->client_certificate_pem.empty());
}

TEST(Kubeconfig, ACertificateInJson) {
  const auto login = read_kubeconfig(
      R"({"apiVersion": "v1", "kind": "Config", "current-context": "x",
          "clusters": [{"name": "x", "cluster": {"server": "https://a:6443"}}],
          "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
          "users": [{"name": "x", "user": {"client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ"}}]})");
  ASSERT_TRUE(login) << login.error().message();
  EXPECT_EQ(login->client_certificate_pem, "CERT");
  EXPECT_EQ(as_text(login->client_key_pem.reveal_for_copying()), "KEY");
  EXPECT_TRUE(login->token.empty());
  EXPECT_EQ(login->default_namespace, "");
}

TEST(Kubeconfig, TheContextThatIsNamedOrTheCurrentOne) {
  const std::string text = kubeconfig(kServer, kToken);
  EXPECT_TRUE(read_kubeconfig(text, "here"));
  EXPECT_THAT(refusal(text, "missing"), HasSubstr("no context called \"missing\""));
  EXPECT_THAT(refusal(text, "other"), HasSubstr("no cluster called \"nowhere\""));
  EXPECT_THAT(refusal(text, "unowned"), HasSubstr("no user called \"nobody\""));
  std::string without = text;
  without.replace(without.find("current-context: here\n"), 22, "");
  EXPECT_THAT(refusal(without), HasSubstr("--context"));
  EXPECT_TRUE(read_kubeconfig(without, "here"));
}

TEST(Kubeconfig, WhatIsNoneIsRefused) {
  refusal("");
  refusal("{");
  refusal("just a text");
  refusal("- a\n- list\n");
  refusal("current-context: [x]\n");
  refusal("a: &x 1\nb: *x\n");
  refusal(std::string((1 << 20) + 1, ' '));
  refusal(std::string("a: \0", 4));
}

struct Refused {
  const char* words;
  std::string cluster;
  std::string user;
};
TEST(Kubeconfig, EachRefusalSaysWhatToDo) {
  const std::vector<Refused> all{
      {"must begin with https://", "    server: http://10.0.0.1:6443\n", kToken},
      {"must begin with https://", "    certificate-authority-data: Q0E=\n", kToken},
      {"not a URL", "    server: \"https://10.0.0.1:6443/?a=b\"\n", kToken},
      {"not a URL", "    server: \"https://10.0.0.1 :6443\"\n", kToken},
      {"insecure-skip-tls-verify", kServer + "    insecure-skip-tls-verify: true\n", kToken},
      {"--flatten", kServer + "    certificate-authority: /etc/ca.crt\n", kToken},
      {"certificate-authority-data is not base64", kServer + "    certificate-authority-data: \"%%\"\n", kToken},
      {"(exec)", kServer, "    exec: {command: aws}\n"},
      {"(auth-provider)", kServer, "    auth-provider: {name: oidc}\n"},
      {"password", kServer, "    username: admin\n    password: secret\n"},
      {"--flatten", kServer, "    client-certificate: /a.crt\n    client-key: /a.key\n"},
      {"without its key", kServer, "    client-certificate-data: Q0VSVA==\n"},
      {"without its certificate", kServer, "    client-key-data: S0VZ\n"},
      {"client-key-data is not base64", kServer, "    client-certificate-data: Q0VSVA==\n    client-key-data: \"-\"\n"},
      {"the token itself", kServer, "    tokenFile: /var/run/token\n"},
      {"not one line", kServer, "    token: \"a\\nb\"\n"},
      {"neither a token nor a certificate", kServer, "    {}\n"},
  };
  for (const Refused& one : all) EXPECT_THAT(refusal(kubeconfig(one.cluster, one.user)), HasSubstr(one.words));
}

// A password or key never stands in what is told.
TEST(Kubeconfig, RefusalsHoldNoSecret) {
  EXPECT_THAT(refusal(kubeconfig(kServer, "    username: admin\n    password: hunter2\n")),
              ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(refusal(kubeconfig(kServer, "    token: \"hunter2\\nb\"\n")), ::testing::Not(HasSubstr("hunter2")));
}

TEST(KeptLogin, ComesBack) {
  const auto login =
      read_kubeconfig(kubeconfig(kServer + "    certificate-authority-data: Q0E=\n",
                                 kToken + "    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n"));
  ASSERT_TRUE(login) << login.error().message();
  const SecretBytes kept = serialize(*login);
  const auto again = read_login(kept.reveal_for_copying());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->server, login->server);
  EXPECT_EQ(again->ca_pem, "CA");
  EXPECT_EQ(again->default_namespace, "models");
  EXPECT_EQ(again->client_certificate_pem, "CERT");
  EXPECT_EQ(as_text(again->client_key_pem.reveal_for_copying()), "KEY");
  EXPECT_EQ(as_text(again->token.reveal_for_copying()), "abc.def");
  EXPECT_FALSE(read_login(as_bytes("{}")));
  EXPECT_FALSE(read_login(as_bytes("nothing")));
}

}  // namespace
}  // namespace mifeng::kubernetes
