// Kubeconfigs that name files and programs of the machine where they are used.
#include "mifeng/kubernetes/resolving.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "mifeng/kubernetes/joining.h"
#include "mifeng/kubernetes/login.h"
#include "mifeng/os/file.h"

namespace mifeng::kubernetes {
namespace {

class Resolving : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text, ::mode_t mode = 0600) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(write_file_atomic(path, as_bytes(text), mode));
    return path;
  }
  std::filesystem::path config(const std::string& cluster, const std::string& user) {
    return write("kubeconfig", R"(apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: one, user: me, namespace: wards}}
- {name: lost, context: {cluster: two, user: me}}
clusters:
- {name: one, cluster: {server: 'https://192.0.2.1:6443', )" +
                                   cluster + R"(}}
users:
- {name: me, user: {)" + user + R"(}}
)");
  }
  Login login_of(const ResolvedKubeconfig& resolved) {
    auto login = read_kubeconfig(as_text(resolved.text.reveal_for_parsing()));
    EXPECT_TRUE(login) << login.error().message();
    return login ? std::move(*login) : Login{};
  }
  std::string words(const Result<ResolvedKubeconfig>& resolved) {
    return resolved ? "resolved" : std::string(resolved.error().message());
  }
  std::string plugin(const std::string& answer, const std::string& more = "") {
    write("sign-in", "#!/bin/sh\n" + more + "\ncat <<'END'\n" + answer + "\nEND\n", 0700);
    return "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./sign-in, interactiveMode: Never}";
  }

  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
};

TEST_F(Resolving, FilesAreReadBesideTheKubeconfig) {
  write("ca.crt", "the authority");
  write("me.crt", "a certificate");
  write("me.key", "its key");
  const auto resolved =
      resolve_kubeconfig(config("certificate-authority: ca.crt", "client-certificate: me.crt, client-key: me.key"), "");
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->name_space, "wards");
  EXPECT_FALSE(resolved->from_program);
  const Login login = login_of(*resolved);
  EXPECT_EQ(login.server, "https://192.0.2.1:6443");
  EXPECT_EQ(login.ca_pem, "the authority");
  EXPECT_EQ(login.client_certificate_pem, "a certificate");
  EXPECT_EQ(as_text(login.client_key_pem.reveal_for_parsing()), "its key");
  write("token", "abc.def\n");
  const auto by_token = resolve_kubeconfig(config("proxy-url: 'http://192.0.2.7:3128'", "tokenFile: token"), "");
  ASSERT_TRUE(by_token) << by_token.error().message();
  EXPECT_EQ(as_text(login_of(*by_token).token.reveal_for_parsing()), "abc.def");
  EXPECT_EQ(login_of(*by_token).proxy_url, "http://192.0.2.7:3128");
  const auto gone = resolve_kubeconfig(config("certificate-authority: gone.crt", "token: abc"), "");
  EXPECT_EQ(gone.error().reason(), "no-such-file");
}

TEST_F(Resolving, WhatIsMissingIsNamed) {
  const auto file = config("certificate-authority-data: eA==", "token: abc");
  EXPECT_EQ(resolve_kubeconfig(folder_.path() / "gone", "").error().reason(), "no-such-file");
  EXPECT_NE(words(resolve_kubeconfig(file, "gone")).find("no context called \"gone\""), std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(file, "lost")).find("no cluster called \"two\""), std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(write("text", "hello"), "")).find("no kubeconfig"), std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(config("x: y", "auth-provider: {name: gcp}"), "")).find("auth-provider"),
            std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(config("insecure-skip-tls-verify: true", "token: abc"), ""))
                .find("insecure-skip-tls-verify"),
            std::string::npos);
}

TEST_F(Resolving, AProgramIsRunOnceForItsTokenOrCertificate) {
  const std::string token = plugin(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                 "status": {"token": "made-for-us"}})",
                                   "echo run >>\"$(dirname \"$0\")/runs\"; case \"$KUBERNETES_EXEC_INFO\" in "
                                   "*interactive*false*) ;; *) exit 7;; esac");
  const auto resolved = resolve_kubeconfig(config("certificate-authority-data: eA==", token), "");
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_TRUE(resolved->from_program);
  EXPECT_EQ(as_text(login_of(*resolved).token.reveal_for_parsing()), "made-for-us");
  EXPECT_EQ(read_text_file(folder_.path() / "runs", 100).value(), "run\n");
  const std::string certificate = plugin(R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                 "status": {"clientCertificateData": "a certificate", "clientKeyData": "its key"}})");
  const auto by_certificate = resolve_kubeconfig(config("certificate-authority-data: eA==", certificate), "");
  ASSERT_TRUE(by_certificate) << by_certificate.error().message();
  EXPECT_EQ(as_text(login_of(*by_certificate).client_key_pem.reveal_for_parsing()), "its key");
}

TEST_F(Resolving, AProgramThatFailsIsNamed) {
  const std::string authority = "certificate-authority-data: eA==";
  EXPECT_NE(words(resolve_kubeconfig(config(authority, plugin("{}", "exit 3")), "")).find("exit status 3"),
            std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(config(authority, plugin("hello")), "")).find("ExecCredential"),
            std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(
                      config(authority, plugin(R"({"kind": "ExecCredential", "apiVersion": "v2", "status": {}})")), ""))
                .find("another version"),
            std::string::npos);
  EXPECT_NE(
      words(resolve_kubeconfig(
                config(authority, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: ./sign-in}"), ""))
          .find("v1alpha1"),
      std::string::npos);
  EXPECT_NE(words(resolve_kubeconfig(config(authority,
                                            "exec: {apiVersion: client.authentication.k8s.io/v1, command: "
                                            "./gone, installHint: 'get it from us'}"),
                                     ""))
                .find("get it from us"),
            std::string::npos);
}

TEST(Membership, ReadsBackAsItWas) {
  Membership kept;
  kept.login.server = "https://192.0.2.1:6443";
  kept.login.token = SecretBytes(as_bytes("a token"));
  kept.made_account = true;
  kept.registry_login = RegistryLogin{"robot", SecretBytes(as_bytes("a \"password\""))};
  const SecretBytes text = serialize(kept);
  const auto read = read_membership(text.reveal_for_parsing());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->login.server, kept.login.server);
  EXPECT_EQ(as_text(read->login.token.reveal_for_parsing()), "a token");
  EXPECT_TRUE(read->made_account);
  EXPECT_FALSE(read->made_namespace);
  EXPECT_EQ(as_text(read->registry_login->password.reveal_for_parsing()), "a \"password\"");
  EXPECT_FALSE(read_membership(as_bytes("{}")));
  EXPECT_FALSE(read_membership(as_bytes("not json")));
}

}  // namespace
}  // namespace mifeng::kubernetes
