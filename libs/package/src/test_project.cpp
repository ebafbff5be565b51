#include "test_project.h"

#include <cassert>
#include <fstream>

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProject = R"(apiVersion: mifeng.io/v1
kind: ModelProject
vendor: {id: acme, name: Acme, address: Road 1, telephone: "+1 2", business: models}
model: {name: echo, function: says it again, language: shell, version: "1.0.0"}
entry: echo
sources: [src]
documents: {design: docs/design.md, usage: docs/usage.md, test: docs/test.md}
)";
constexpr const char* kDeployment = R"(apiVersion: mifeng.io/v1
kind: ModelDeployment
metadata: {name: echo}
spec:
  model: {name: echo, version: "1.0.0"}
  ports: [{name: http, containerPort: 8080}]
)";
constexpr const char* kPack = R"(language: shell
description: for tests
framework: none
build: build
command: [/app/model]
base: {packages: [libc6]}
)";
constexpr const char* kBuild = R"(#!/bin/sh
set -e
while [ $# -gt 0 ]; do case $1 in --project) project=$2 ;; --out) out=$2 ;; esac; shift 2; done
cat > "$out/../stdin.json"
echo "building" >&2
[ ! -e "$project/src/broken" ] || { echo "this line says why" >&2; exit 3; }
mkdir -p "$out/dependencies/usr/lib"
echo library > "$out/dependencies/usr/lib/libx.so.1"
ln -s libx.so.1 "$out/dependencies/usr/lib/libx.so"
cp "$project/src/model" "$out/payload/model"
chmod 755 "$out/payload/model"
echo '{"command": [], "packages": ["zlib1g"]}' > "$out/pack.json"
)";
constexpr const char* kBase = R"(#!/bin/sh
set -e
case "$*" in
  *--check*) ;;
  *--key*) printf '%064d\n' 7 ;;
  *) for out; do :; done; mkdir -p "$out/etc"; echo model > "$out/etc/passwd"; echo made >> "$out/../../base-made" ;;
esac
)";

crypto::Sm2PrivateKey new_key() {
  auto key = crypto::Sm2PrivateKey::generate();
  assert(key);
  return std::move(*key);
}

}  // namespace

messages::PlatformCard make_card(const crypto::Sm2PrivateKey& identity, const crypto::Sm2PrivateKey& delivery,
                                 const std::string& platform) {
  const messages::KeyClaims claims{messages::KeyPurpose::kDelivery, delivery.public_key(), 1, 0, 4'000'000'000'000};
  auto statement = messages::make_key_statement(claims, identity);
  assert(statement);
  return {platform, identity.public_key(), std::move(*statement), std::nullopt};
}

TestProject::TestProject()
    : vendor(new_key()),
      identity(new_key()),
      delivery(new_key()),
      card(make_card(identity, delivery, "site")),
      dir_(*TempDir::create("/tmp")) {
  put("project/mifeng.yaml", kProject);
  put("project/deployment.yaml", kDeployment);
  for (const char* name : {"design", "usage", "test"})
    put("project/docs/" + std::string(name) + ".md", "# " + std::string(name) + "\n");
  put("project/src/model", "#!/bin/sh\necho hello\n", true);
  put("packs/shell/pack.yaml", kPack);
  put("packs/shell/build", kBuild, true);
  put("packs/common/base-image", kBase, true);
}

void TestProject::put(const std::string& name, const std::string& text, bool executable) const {
  fs::create_directories(path(name).parent_path());
  std::ofstream(path(name)) << text;
  fs::permissions(path(name), executable ? fs::perms(0755) : fs::perms(0644));
}

void TestProject::edit(const std::string& name, const std::string& from, const std::string& to) const {
  auto text = read_text_file(path(name), 1 << 20);
  assert(text);
  const auto at = text->find(from);
  assert(at != std::string::npos);
  text->replace(at, from.size(), to);
  std::ofstream(path(name)) << *text;
}

PackOptions TestProject::options() const {
  PackOptions options;
  options.project = path("project");
  options.packs = path("packs");
  options.cache = path("cache");
  options.output = path("echo.mfpkg");
  options.cards = {card};
  options.signer = &vendor;
  options.created_by = "mifeng test";
  return options;
}

Result<PackResult> TestProject::pack_it(const PackOptions& options) const {
  SystemRandom random;
  QuietListener listener;
  return pack(options, random, listener);
}

}  // namespace mifeng::package
