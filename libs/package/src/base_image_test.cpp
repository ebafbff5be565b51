// Base images that a vendor names: read, packed on, and refused.
#include "base_image.h"

#include <gmock/gmock.h>

#include "mifeng/archive/tar.h"
#include "mifeng/json/value.h"
#include "mifeng/os/child_process.h"
#include "mifeng/package/package_file.h"
#include "mifeng/package/sha256.h"
#include "test_project.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string tar_with(const std::string& name, const std::string& text) {
  std::string out;
  archive::TarWriter tar([&](ByteView bytes) {
    out.append(as_text(bytes));
    return ok();
  });
  EXPECT_TRUE(tar.add_file(name, as_bytes(text)));
  EXPECT_TRUE(tar.finish());
  return out;
}

int run(std::vector<std::string> argv) {
  ChildOptions options;
  options.argv = std::move(argv);
  const auto done = run_command(std::move(options), std::chrono::seconds(60));
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->exit.code, 0) << done->output;
  return done->exit.code;
}

// An OCI folder, as another tool would have written it.
class Image {
 public:
  Image(const TestProject& project, std::string name) : project_(project), name_(std::move(name)) {
    project_.put(name_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  }

  void add_layer(const std::string& tar, bool gzip) {
    std::string blob = tar;
    if (gzip) {
      project_.put("layer.tar", tar);
      run({"gzip", "-1", "-n", "-f", project_.path("layer.tar").string()});
      blob = *read_text_file(project_.path("layer.tar.gz"), 1 << 20);
    }
    layers.push_back(put(blob, gzip ? "application/vnd.oci.image.layer.v1.tar+gzip"  //
                                    : "application/vnd.oci.image.layer.v1.tar"));
    diff_ids.push_back(sha256_digest(as_bytes(tar)));
  }

  json::Object put(const std::string& blob, const std::string& type) const {
    const std::string digest = sha256_digest(as_bytes(blob));
    project_.put(name_ + "/blobs/sha256/" + digest.substr(7), blob);
    return {{"mediaType", type}, {"digest", digest}, {"size", blob.size()}};
  }

  json::Object manifest() const {
    const json::Object config{{"architecture", architecture},
                              {"os", "linux"},
                              {"config", json::Object{{"Env", env}, {"Cmd", json::Array{"sh"}}}},
                              {"history", json::Array{}},
                              {"rootfs", json::Object{{"type", "layers"}, {"diff_ids", diff_ids}}}};
    const json::Object made{{"schemaVersion", 2},
                            {"config", put(json::serialize(config), "application/vnd.oci.image.config.v1+json")},
                            {"layers", layers}};
    return put(json::serialize(made), "application/vnd.oci.image.manifest.v1+json");
  }

  void tag(const std::string& tag) {
    json::Object entry = manifest();
    entry.set("annotations", json::Object{{"org.opencontainers.image.ref.name", tag}});
    entries.push_back(std::move(entry));
    write_index();
  }
  void write_index() const {
    project_.put(name_ + "/index.json", json::serialize(json::Object{{"schemaVersion", 2}, {"manifests", entries}}));
  }
  fs::path blob(const json::Value& descriptor) const {
    return project_.path(name_ + "/blobs/sha256") / descriptor.if_object()->find("digest")->if_string()->substr(7);
  }

  std::string architecture = "amd64";
  json::Array env{"LANG=C.UTF-8", "LD_PRELOAD=/evil.so"};
  json::Array layers, diff_ids, entries;

 private:
  const TestProject& project_;
  std::string name_;
};

struct BaseImages : testing::Test {
  BaseImages() : image(project, "base") {
    image.add_layer(tar_with("etc/one", "1"), true);
    image.add_layer(std::string(1024, '\0'), true);  // a build step without a file
    image.add_layer(tar_with("etc/two", "2"), false);
  }
  PackOptions options() const {
    PackOptions made = project.options();
    made.base = "oci:" + project.path("base").string();
    return made;
  }
  // What packing on `base` is refused with.
  std::string refused(const std::string& base, const char* reason = "bad-base") const {
    PackOptions made = project.options();
    made.base = base;
    const auto packed = project.pack_it(made);
    EXPECT_FALSE(packed);
    if (packed) return {};
    EXPECT_EQ(packed.error().reason(), reason) << packed.error().message();
    EXPECT_FALSE(fs::exists(made.output));
    return std::string(packed.error().message());
  }
  std::string refused() const { return refused("oci:" + project.path("base").string()); }

  TestProject project;
  Image image;
};

TEST_F(BaseImages, TheirLayersComeFirstAndTheirEnvironmentIsKept) {
  image.tag("12");
  const auto packed = project.pack_it(options());
  ASSERT_TRUE(packed) << packed.error().message();
  const auto& layers = packed->manifest.layers;
  ASSERT_EQ(layers.size(), 5U);
  EXPECT_EQ(layers[0].role, LayerRole::kBase);
  EXPECT_EQ(layers[0].diff_id, *image.diff_ids[0].if_string());
  EXPECT_EQ(layers[1].diff_id, *image.diff_ids[2].if_string());
  EXPECT_EQ(layers[2].role, LayerRole::kDependencies);

  const auto package = PackageFile::open(project.path("echo.mfpkg"));
  ASSERT_TRUE(package) << package.error().message();
  const auto verified = package->verify(project.vendor.public_key());
  ASSERT_TRUE(verified) << verified.error().message();
  Bytes config(package->blobs()[0].size);
  ASSERT_TRUE(package->read_blob(package->blobs()[0], 0, config));
  EXPECT_THAT(std::string(as_text(config)), HasSubstr(R"("Env":["LANG=C.UTF-8","PATH=)"));
  EXPECT_EQ(std::string(as_text(config)).find("LD_PRELOAD"), std::string::npos);
  // No Debian package was asked for.
  EXPECT_FALSE(fs::exists(project.path("cache/base")));
  EXPECT_THAT(*read_text_file(project.path("echo.mfpkg"), 1 << 20), testing::Not(HasSubstr("LD_PRELOAD")));
}

TEST_F(BaseImages, AProjectNamesItsOwnAndAChangeOfItIsSeen) {
  image.tag("12");
  fs::rename(project.path("base"), project.path("project/base"));
  project.edit("project/mifeng.yaml", "documents:", "base: oci:base:12\ndocuments:");
  ASSERT_TRUE(project.pack_it(project.options()));
  EXPECT_TRUE(project.pack_it(project.options())->was_current);
  // The same tag on another image.
  Image other(project, "project/base");
  other.add_layer(tar_with("etc/three", "3"), true);
  other.tag("12");
  const auto packed = project.pack_it(project.options());
  ASSERT_TRUE(packed) << packed.error().message();
  EXPECT_FALSE(packed->was_current);
  EXPECT_EQ(packed->manifest.layers[0].diff_id, *other.diff_ids[0].if_string());
}

TEST_F(BaseImages, TheSameImageCompressedOtherwiseGivesTheSameLayers) {
  image.tag("12");
  TestProject second;
  Image plain(second, "base");
  plain.add_layer(tar_with("etc/one", "1"), false);
  plain.add_layer(tar_with("etc/two", "2"), true);
  plain.tag("other");
  PackOptions with_plain = second.options();
  with_plain.base = "oci:" + second.path("base").string() + ":other";
  const auto a = project.pack_it(options());
  const auto b = second.pack_it(with_plain);
  ASSERT_TRUE(a && b);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(a->manifest.layers[i], b->manifest.layers[i]);
}

TEST_F(BaseImages, WhatNoPlatformTakesIsRefusedBeforeItIsSealed) {
  const auto with = [](archive::TarEntry entry) {
    std::string out;
    archive::TarWriter tar([&](ByteView bytes) {
      out.append(as_text(bytes));
      return ok();
    });
    EXPECT_TRUE(tar.add(entry));
    EXPECT_TRUE(tar.finish());
    return out;
  };
  using Type = archive::TarEntry::Type;
  int number = 0;
  for (const archive::TarEntry& entry : {archive::TarEntry{"app", Type::kSymlink, 0777, 0, "usr"},
                                         {"mifeng", Type::kDirectory, 0755, 0, {}},
                                         {"data", Type::kSymlink, 0777, 0, "/mifeng/start"}}) {
    TestProject other;
    other.edit("project/deployment.yaml", "  ports:",
               "  volumes: [{name: d, emptyDir: {}}]\n  volumeMounts: [{name: d, mountPath: /data}]\n  ports:");
    Image made(other, "base");
    made.add_layer(with(entry), ++number % 2 == 0);
    made.tag("12");
    PackOptions options = other.options();
    options.base = "oci:" + other.path("base").string();
    const auto packed = other.pack_it(options);
    ASSERT_FALSE(packed) << entry.path;
    EXPECT_EQ(packed.error().reason(), "bad-package");
    EXPECT_THAT(std::string(packed.error().message()), HasSubstr("\"/" + entry.path + "\""));
    EXPECT_FALSE(fs::exists(options.output));
  }
}

TEST_F(BaseImages, ADockerArchiveIsTheSameImage) {
  image.tag("12");
  const auto direct = project.pack_it(options());
  ASSERT_TRUE(direct);
  run({"skopeo", "--insecure-policy", "copy", "--quiet", "oci:" + project.path("base").string() + ":12",
       "docker-archive:" + project.path("image.tar").string() + ":base:12"});
  PackOptions archived = project.options();
  archived.base = "docker-archive:" + project.path("image.tar").string();
  const auto packed = project.pack_it(archived);
  ASSERT_TRUE(packed) << packed.error().message();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(packed->manifest.layers[i], direct->manifest.layers[i]);
  EXPECT_TRUE(project.pack_it(archived)->was_current);

  fs::remove(project.path("echo.mfpkg"));
  EXPECT_THAT(refused("docker-archive:" + project.path("nothing.tar").string(), "no-such-base"),
              HasSubstr("there is no file"));
  project.put("text.tar", "this is no archive\n");
  EXPECT_THAT(refused("docker-archive:" + project.path("text.tar").string()), HasSubstr("skopeo cannot read it"));
}

TEST_F(BaseImages, OneOfSeveralIsNamedByItsTagOrItsPlatform) {
  image.tag("12");
  image.tag("13");
  EXPECT_THAT(refused(), HasSubstr("several images"));
  EXPECT_THAT(refused(), HasSubstr("12, 13"));
  EXPECT_THAT(refused("oci:" + project.path("base").string() + ":14"), HasSubstr("no image 14"));
  PackOptions tagged = options();
  tagged.base += ":13";
  EXPECT_TRUE(project.pack_it(tagged));

  // A list of platforms below the index.
  json::Object arm = image.manifest();
  arm.set("platform", json::Object{{"os", "linux"}, {"architecture", "arm64"}});
  json::Object amd = image.manifest();
  amd.set("platform", json::Object{{"os", "linux"}, {"architecture", "amd64"}});
  const auto list_of = [&](json::Array entries) {
    image.entries = {image.put(json::serialize(json::Object{{"schemaVersion", 2}, {"manifests", std::move(entries)}}),
                               "application/vnd.oci.image.index.v1+json")};
    image.write_index();
  };
  list_of({arm, amd});
  EXPECT_TRUE(project.pack_it(options()));
  fs::remove(project.path("echo.mfpkg"));
  list_of({arm});
  EXPECT_THAT(refused(), HasSubstr("no image for linux/amd64; there are: linux/arm64"));
}

TEST_F(BaseImages, WhatIsNoImageIsRefusedInASentence) {
  EXPECT_THAT(refused("docker://example.com/debian"), HasSubstr("must be oci:FOLDER"));
  EXPECT_THAT(refused("oci:" + project.path("nowhere").string(), "no-such-base"), HasSubstr("there is no folder"));
  EXPECT_THAT(refused("oci:" + project.path("project").string()), HasSubstr("is no OCI image folder"));
  project.put("base/index.json", "{");
  EXPECT_THAT(refused(), HasSubstr("its index: "));
  project.put("base/index.json", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(refused(), HasSubstr("is no OCI image folder"));
}

TEST_F(BaseImages, AnotherArchitectureIsRefused) {
  image.architecture = "arm64";
  image.tag("12");
  EXPECT_THAT(refused(), HasSubstr("it is for linux/arm64, and linux/amd64 is needed"));
}

TEST_F(BaseImages, EveryDigestIsChecked) {
  image.tag("12");
  const json::Value layer = image.layers[0];
  const std::string good = *read_text_file(image.blob(layer), 1 << 20);
  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  const auto put = [&](const std::string& text) { EXPECT_TRUE(write_file_atomic(image.blob(layer), as_bytes(text))); };
  for (const std::string& text : {bad, good + "x", good.substr(1), std::string()}) {
    put(text);
    EXPECT_THAT(refused(), HasSubstr("has other content than its digest says"));
  }
  fs::remove(image.blob(layer));
  EXPECT_THAT(refused(), HasSubstr("is missing"));
  put(good);
  const json::Value manifest = image.entries[0];
  EXPECT_TRUE(write_file_atomic(image.blob(manifest), as_bytes("{}")));
  EXPECT_THAT(refused(), HasSubstr("has other content than its digest says"));

  // A configuration that names other contents than the layers have.
  image.diff_ids[0] = sha256_digest(as_bytes("something else"));
  image.entries.clear();
  image.tag("12");
  EXPECT_THAT(refused(), HasSubstr("unpacks to something else than its diff id says"));
  image.diff_ids = json::Array{image.diff_ids[0]};
  image.entries.clear();
  image.tag("12");
  EXPECT_THAT(refused(), HasSubstr("its manifest has 3 layers, and its configuration 1"));
}

TEST_F(BaseImages, ALayerThatCannotBeReadIsNamed) {
  const std::string zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
  image.layers[0] = image.put("not read at all", zstd);
  image.tag("12");
  EXPECT_THAT(refused(), HasSubstr(zstd));
  for (const std::string& text :
       {std::string("no gzip"), std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10)}) {
    image.layers[0] = image.put(text, "application/vnd.oci.image.layer.v1.tar+gzip");
    image.entries.clear();
    image.tag("12");
    EXPECT_THAT(refused(), testing::AnyOf(HasSubstr("no gzip"), HasSubstr("cut off")));
  }
}

TEST_F(BaseImages, APackedModelIsNoBase) {
  image.tag("12");
  ASSERT_TRUE(project.pack_it(options()));
  const fs::path packed = project.path("packed");
  fs::create_directories(packed);
  run({"tar", "-C", packed.string(), "-xf", project.path("echo.mfpkg").string(), "--strip-components=1", "oci"});
  fs::remove(project.path("echo.mfpkg"));
  EXPECT_THAT(refused("oci:" + packed.string()), HasSubstr("layer already"));
}

TEST_F(BaseImages, DebianPackagesDoNotGoIntoIt) {
  image.tag("12");
  project.edit("project/mifeng.yaml", "documents:", "packages: [libgomp1]\ndocuments:");
  EXPECT_THAT(refused(), HasSubstr("packages of mifeng.yaml"));
}

}  // namespace
}  // namespace mifeng::package
