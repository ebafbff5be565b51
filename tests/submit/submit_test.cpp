// Submitting packages to a platform with a real registry: what is stored, and what an attacker or an accident cannot
// do.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "mifeng/archive/tar.h"
#include "mifeng/os/child_process.h"
#include "mifeng/package/layer.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sealed_layers.h"
#include "mifeng/package/sha256.h"
#include "mifeng/store/deployments.h"
#include "submit_fixture.h"

namespace mifeng::submit {
namespace {

TEST_F(Submit, StoresConfigDocumentsAndImage) {
  add_vendor("acme", *vendor_key_);
  const auto package_parts = parts({}, *vendor_key_);
  const std::string file = file_of(package_parts, *vendor_key_);
  const auto done = submit(ann_, file);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->outcome, models::SubmitOutcome::kStored);
  const models::ModelVersion& model = done->version;
  EXPECT_EQ(model.state, models::VersionState::kSubmitted);
  EXPECT_EQ(model.image_address, registry_name_ + "/acme/digits@" + model.image_digest);
  EXPECT_EQ(model.config_address, "/api/v1/configs/" + model.config_sm3);
  EXPECT_EQ(platform_->models().config(ann_, model.config_sm3).value(), package_parts.config_yaml);
  EXPECT_EQ(platform_->models().document(ann_, model.id, models::DocumentKind::kUsage).value(),
            package_parts.documents[1]);
  EXPECT_TRUE(std::filesystem::is_empty(options_.data_dir / "uploads"));
  // The registry has it under this digest, and gives back what was signed.
  ChildOptions inspect;
  inspect.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + model.image_address};
  const auto raw = run_command(inspect, std::chrono::seconds(60));
  ASSERT_TRUE(raw && raw->exit.success()) << raw->output;
  EXPECT_EQ(raw->output, package_parts.image_manifest);

  // The same bytes again, and the same content signed again, change nothing.
  EXPECT_EQ(submit(ann_, file)->outcome, models::SubmitOutcome::kAlreadyThere);
  EXPECT_EQ(submit(ann_, file_of(package_parts, *vendor_key_))->outcome, models::SubmitOutcome::kAlreadyThere);
  EXPECT_EQ(stored(), 1);
  // Other bytes under the same version are a conflict, before and after it was accepted.
  EXPECT_EQ(refusal(ann_, package_file({.payload = "other weights"})), "version-exists");
  ASSERT_TRUE(platform_->models().accept(operator_, model.id));
  EXPECT_EQ(refusal(ann_, package_file({.usage = "# Usage, better\n"})), "version-exists");
  EXPECT_EQ(platform_->models().get(ann_, model.id)->package_sm3, model.package_sm3);
  EXPECT_TRUE(submit(ann_, package_file({.version = "1.0.1"})));
  EXPECT_EQ(stored(), 2);
  // It can be deployed as it came.
  deployments::DeploymentRequest request;
  request.name = "digits";
  request.version_id = model.id;
  const auto deployment = platform_->deployments().create(operator_, request);
  EXPECT_TRUE(deployment) << deployment.error().message();
}

TEST_F(Submit, AVendorsFirstPackageWaitsForItsKey) {
  const std::string file = package_file();
  auto& submits = platform_->submits();
  const auto upload = submits.begin(operator_, static_cast<std::int64_t>(file.size())).value();
  ASSERT_TRUE(submits.append(operator_, upload.id, 0, as_bytes(file)));
  EXPECT_EQ(submits.finish(operator_, upload.id).error().reason(), "vendor-key-not-confirmed");
  const auto vendor = platform_->vendors().get(admin_, "acme").value();
  EXPECT_EQ(vendor.name, "Vendor acme");
  EXPECT_EQ(vendor.pending_fingerprint, vendor_key_->public_key().fingerprint());
  // Who could write the package could write the number to call in it as well.
  EXPECT_EQ(platform_->vendors().confirm_key(admin_, "acme", vendor.pending_fingerprint).error().reason(),
            "telephone-not-confirmed");
  ASSERT_TRUE(platform_->vendors().confirm_telephone(admin_, "acme", vendor.telephone));
  ASSERT_TRUE(platform_->vendors().confirm_key(admin_, "acme", vendor.pending_fingerprint));
  const auto done = submits.finish(operator_, upload.id);
  ASSERT_TRUE(done) << done.error().message() << ": the upload was kept";
  EXPECT_EQ(stored(), 1);
}

TEST_F(Submit, RefusesWhatIsNotThisVendorsPackageForThisPlatform) {
  add_vendor("acme", *vendor_key_);
  const auto thief = crypto::Sm2PrivateKey::generate().value();
  add_vendor("thief", thief);
  const trust::Actor thief_actor = actor_with(trust::Role::kVendor, "thief");
  const std::string honest = package_file();
  EXPECT_EQ(refusal(thief_actor, honest), "not-your-vendor");

  // Another vendor's payload, its header signed again by the thief, in a package of the thief's.
  {
    auto stolen = parts({}, *vendor_key_);
    stolen.manifest.vendor.id = "thief";
    stolen.manifest.image_name = "thief/digits";
    stolen.manifest.vendor_public_key = thief.public_key().to_pem().value();
    refresh(stolen);
    EXPECT_EQ(refusal(thief_actor, file_of(stolen, thief)), "payload-not-verified") << "as it was";
    auto resigned = parts({.vendor = "thief"}, thief);
    // The recipient blocks of acme's header between the fixed part and the thief's own signature and MAC: what somebody
    // can do who has seen the ciphertexts but not the root key.
    const std::size_t own = stolen.payload_header.size();
    const std::size_t theirs =
        28 + 10 + (static_cast<std::size_t>(stolen.payload_header[36]) << 8) + stolen.payload_header[37];
    Bytes header(stolen.payload_header.begin(), stolen.payload_header.begin() + static_cast<std::ptrdiff_t>(theirs));
    const Bytes message = [&] {
      Bytes out = to_bytes("mifeng/v1/sender");
      out.push_back(header[4]);
      out.push_back(header[5]);
      out.push_back(header[24]);
      append(out, ByteView(header).subspan(28));
      return out;
    }();
    const Bytes signature = thief.sign(message).value();
    append(header, thief.public_key().key_id());
    append_be(header, static_cast<std::uint16_t>(signature.size()));
    append(header, signature);
    append(header, ByteView(stolen.payload_header).subspan(own - 32));
    header[6] = static_cast<std::uint8_t>(header.size() >> 8);
    header[7] = static_cast<std::uint8_t>(header.size());
    resigned.payload_header = header;
    refresh(resigned);
    const auto refused = submit(thief_actor, file_of(resigned, thief));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "payload-not-verified") << "signed again";
    EXPECT_NE(refused.error().message().find("bad-header-mac"), std::string::npos)
        << "the signature fits, the MAC does not: " << refused.error().message();
  }
  // Another name or version around an honest payload.
  for (const auto change : {0, 1}) {
    auto renamed = parts({}, *vendor_key_);
    if (change == 0) {
      renamed.manifest.model.name = "letters";
      renamed.manifest.image_name = "acme/letters";
    } else {
      renamed.manifest.model.version = "9.9.9";
    }
    refresh(renamed);
    EXPECT_EQ(refusal(ann_, file_of(renamed, *vendor_key_)), "payload-not-verified") << change;
  }
  // Sealed for another platform.
  {
    auto elsewhere = card();
    const auto identity = crypto::Sm2PrivateKey::generate().value(),
               delivery = crypto::Sm2PrivateKey::generate().value();
    elsewhere.identity = identity.public_key();
    elsewhere.output.reset();
    elsewhere.delivery = messages::make_key_statement({.purpose = messages::KeyPurpose::kDelivery,
                                                       .key = delivery.public_key(),
                                                       .serial = 1,
                                                       .not_before_ms = 0,
                                                       .not_after_ms = std::int64_t{1} << 50},
                                                      identity)
                             .value();
    const auto folder = work_->path() / "elsewhere";
    std::filesystem::create_directories(folder);
    const auto made = package::package_parts({}, elsewhere, *vendor_key_, folder, random_).value();
    EXPECT_EQ(refusal(ann_, file_of(made, *vendor_key_)), "payload-not-verified");
  }
  // The manifest signed by somebody else; signed before a change.
  EXPECT_EQ(refusal(ann_, file_of(parts({}, *vendor_key_), thief)), "bad-signature");
  // A byte changed anywhere is found. The last kilobyte is the archive's end.
  int refused = 0;
  for (std::size_t at = 512; at + 1024 < honest.size(); at += honest.size() / 23) {
    std::string changed = honest;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const std::string reason = refusal(ann_, changed);
    EXPECT_NE(reason, "stored") << at;
    ++refused;
    if (reason == "stored" || reason == "already-there") break;
  }
  EXPECT_GT(refused, 20);
  EXPECT_NE(refusal(ann_, honest.substr(0, honest.size() / 2)), "stored");
  EXPECT_NE(refusal(ann_, "PK\x03\x04"), "stored");
  EXPECT_EQ(stored(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(options_.data_dir / "uploads"));
  EXPECT_EQ(refusal(ann_, honest), "stored") << "and the honest one is still welcome";
}

// Whoever holds the vendor's key can sign any image. What its layers put where a container mounts something is refused,
// compressed or not, and stays out of the registry.
TEST_F(Submit, RefusesLayersThatReachWhereSomethingIsMounted) {
  add_vendor("acme", *vendor_key_);
  using Type = archive::TarEntry::Type;
  const archive::TarEntry file{"", Type::kFile, 0644, 0, {}}, folder{"", Type::kDirectory, 0755, 0, {}};
  const auto link = [](const char* target) { return archive::TarEntry{"", Type::kSymlink, 0777, 0, target}; };
  const auto at = [](const char* path, archive::TarEntry entry) {
    entry.path = path;
    return entry;
  };
  const std::vector<archive::TarEntry> refused[] = {
      {at("app", link("usr"))},
      {at("tmp", link("/mifeng/guard"))},
      {at("mifeng", link("usr"))},
      {at("mifeng", folder), at("mifeng/start", link("/usr/bin"))},
      {at("mifeng", folder), at("mifeng/start", folder), at("mifeng/start/mifeng-start", file)},
      {at("mifeng", folder), at("mifeng/payload", folder), at("mifeng/payload/segments", file)},
      {at("app", folder), at("app/model", file)},
      {at("tmp", file)},
      {at(".wh.mifeng", file)},
      {at("x", link("/")), at("x/mifeng", folder)},
  };
  const auto with_layer = [&](const std::vector<archive::TarEntry>& entries, package::LayerRole role, bool plain) {
    auto made = parts({.model = "reaching"}, *vendor_key_);
    const auto place = work_->path() / ("layer-" + std::to_string(++made_));
    package::LayerFile layer;
    if (plain) {
      std::string text;
      archive::TarWriter tar([&](ByteView bytes) {
        text.append(as_text(bytes));
        return ok();
      });
      for (const archive::TarEntry& entry : entries) EXPECT_TRUE(tar.add(entry));
      EXPECT_TRUE(tar.finish());
      EXPECT_TRUE(write_file_atomic(place, as_bytes(text)));
      const std::string digest = package::sha256_digest(as_bytes(text));
      layer = {{role, std::string(package::kLayerTar), digest, text.size(), digest}, place};
    } else {
      for (const archive::TarEntry& entry : entries) {
        const auto path = place / entry.path;
        std::filesystem::create_directories(path.parent_path());
        if (entry.type == Type::kSymlink)
          std::filesystem::create_symlink(entry.link_target, path);
        else if (entry.type == Type::kDirectory)
          std::filesystem::create_directory(path);
        else
          EXPECT_TRUE(write_file_atomic(path, {}));
      }
      layer = package::build_layer({.role = role, .folder = place, .cache = work_->path() / "cache"}).value();
    }
    const auto position = role == package::LayerRole::kBase ? 0 : 1;
    made.manifest.layers.insert(made.manifest.layers.begin() + position, layer.layer);
    made.layers.insert(made.layers.begin() + position, layer.path);
    refresh(made);
    return submit(ann_, file_of(made, *vendor_key_));
  };
  for (std::size_t i = 0; i < std::size(refused); ++i) {
    SCOPED_TRACE(i);
    // A folder on a disk cannot hold an entry behind a link of its own.
    const bool only_plain = i + 1 == std::size(refused);
    for (const bool plain : {true, false}) {
      if (only_plain && !plain) continue;
      for (const auto role : {package::LayerRole::kBase, package::LayerRole::kDependencies}) {
        const auto done = with_layer(refused[i], role, plain);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().reason(), "bad-package") << done.error().message();
      }
    }
  }
  EXPECT_EQ(stored(), 0);
  EXPECT_FALSE(std::filesystem::exists(place_->path() / "registry/data/docker/registry/v2/repositories/acme/reaching"));
  // The same with what an image may hold there.
  const auto taken = with_layer({at("app", folder), at("tmp", folder), at("opt", folder), at("opt/x", link("/app"))},
                                package::LayerRole::kBase, true);
  EXPECT_TRUE(taken) << taken.error().message();
}

// One gzip member that unpacks to `chunks` times 64 MiB of zeros, and has some 64 KiB for each: a block of deflate that
// refers to nothing before it, again and again.
std::string gzip_of_zeros(int chunks) {
  std::string block(1 << 20, '\0');
  const std::string zeros(64 << 20, '\0');
  ::z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(block.data());
  stream.avail_out = static_cast<uInt>(block.size());
  EXPECT_EQ(::deflate(&stream, Z_FULL_FLUSH), Z_OK);
  EXPECT_EQ(stream.avail_in, 0u);
  block.resize(block.size() - stream.avail_out);
  ::deflateEnd(&stream);
  std::string file("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  for (int i = 0; i < chunks; ++i) file += block;
  return file + std::string("\x03\0", 2) + std::string(8, '\0');
}

TEST_F(Submit, RefusesWhatUnpacksToMoreThanAnImageOfItsSizeMay) {
  add_vendor("acme", *vendor_key_);
  auto made = parts({.model = "bomb"}, *vendor_key_);
  const std::string layer = gzip_of_zeros(40);
  ASSERT_LT(layer.size(), std::size_t{4} << 20);
  made.layers[0] = work_->path() / "bomb";
  ASSERT_TRUE(write_file_atomic(made.layers[0], as_bytes(layer)));
  made.manifest.layers[0].digest = package::sha256_digest(as_bytes(layer));
  made.manifest.layers[0].size = layer.size();
  refresh(made);
  const auto done = submit(ann_, file_of(made, *vendor_key_));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason(), "bad-package") << done.error().message();
  EXPECT_NE(done.error().message().find("unpacks to more than is allowed"), std::string::npos);
}

TEST_F(Submit, AVendorHasHisShareOfTheRoom) {
  add_vendor("acme", *vendor_key_);
  const std::string first = package_file(), second = package_file({.version = "2.0.0"});
  const auto size = static_cast<std::int64_t>(first.size());
  options_.vendor_quota = 2 * size;
  reopen();
  auto& submits = platform_->submits();
  const auto begun = submits.begin(ann_, size);
  ASSERT_TRUE(begun) << begun.error().message();
  EXPECT_EQ(submits.begin(ann_, size + 1).error().reason(), "vendor-quota") << "what is on its way counts";
  ASSERT_TRUE(submits.cancel(ann_, begun->id));
  ASSERT_TRUE(submit(ann_, first));
  EXPECT_EQ(submits.begin(ann_, 2 * size).error().reason(), "vendor-quota") << "so does what is stored";
  // Whoever brings it for him brings no more than he may.
  options_.vendor_quota = size;
  reopen();
  EXPECT_EQ(refusal(operator_, second), "vendor-quota");
  options_.vendor_quota = 2 * size;
  reopen();
  EXPECT_EQ(refusal(operator_, second), "stored");
}

TEST_F(Submit, OnePersonsUnfinishedUploadsAreBounded) {
  auto& submits = platform_->submits();
  std::vector<std::string> ids;
  for (int i = 0; i < 64; ++i) {
    const auto upload = submits.begin(ann_, 1000);
    ASSERT_TRUE(upload) << upload.error().message();
    ids.push_back(upload->id);
  }
  EXPECT_EQ(submits.begin(ann_, 1000).error().reason(), "too-many-uploads");
  EXPECT_TRUE(submits.begin(operator_, 1000)) << "somebody else's are his";
  ASSERT_TRUE(submits.cancel(ann_, ids.front()));
  EXPECT_TRUE(submits.begin(ann_, 1000));
}

TEST_F(Submit, RefusesMoreInALayerOfThePayloadOrOnItsCards) {
  add_vendor("acme", *vendor_key_);
  using Type = archive::TarEntry::Type;
  const auto with = [&](const std::optional<archive::TarEntry>& more) {
    auto made = parts({}, *vendor_key_);
    std::string text;
    archive::TarWriter tar([&](ByteView bytes) {
      text.append(as_text(bytes));
      return ok();
    });
    for (const std::string_view folder : package::kHeaderFolders)
      EXPECT_TRUE(tar.add({std::string(folder), Type::kDirectory, 0755, 0, {}}));
    EXPECT_TRUE(tar.add_file(package::kPayloadHeaderPath, made.payload_header));
    if (more) {
      EXPECT_TRUE(tar.add(*more));
    }
    EXPECT_TRUE(tar.finish());
    const auto path = work_->path() / ("header-" + std::to_string(++made_));
    EXPECT_TRUE(write_file_atomic(path, as_bytes(text)));
    package::Layer& layer = made.manifest.layers.at(1);
    EXPECT_EQ(layer.role, package::LayerRole::kPayloadHeader);
    layer.digest = layer.diff_id = package::sha256_digest(as_bytes(text));
    layer.size = text.size();
    made.layers[1] = path;
    refresh(made);
    return refusal(ann_, file_of(made, *vendor_key_));
  };
  for (const char* path : {"usr", "mifeng/bin", "mifeng/start/mifeng-start", "mifeng/payload/segments"}) {
    EXPECT_EQ(with(archive::TarEntry{path, Type::kDirectory, 0755, 0, {}}), "bad-package") << path;
    EXPECT_EQ(with(archive::TarEntry{path, Type::kFile, 0644, 0, {}}), "bad-package") << path;
  }
  EXPECT_EQ(with(archive::TarEntry{"mifeng/run", Type::kSymlink, 0777, 0, "/app"}), "bad-archive");
  // Cards that the payload is not sealed for, beside one that it is.
  auto made = parts({}, *vendor_key_);
  made.manifest.cards.push_back({"elsewhere", std::string(16, '1'), std::string(16, '2')});
  refresh(made);
  EXPECT_EQ(refusal(ann_, file_of(made, *vendor_key_)), "bad-package");
  EXPECT_EQ(stored(), 0);
  EXPECT_EQ(with(std::nullopt), "stored") << "the layer as it is";
}

TEST_F(Submit, APackageOfAnEarlierVersionIsToldToBePackedAgain) {
  add_vendor("acme", *vendor_key_);
  std::string file = package_file();
  const std::string format = "mifeng-package/2";
  file.replace(file.find(format), format.size(), "mifeng-package/1");
  const auto done = submit(ann_, file);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason(), "bad-package");
  EXPECT_NE(done.error().message().find("packed by an earlier version of mifeng; it must be packed again"),
            std::string::npos)
      << done.error().message();
}

TEST_F(Submit, AMissingDocumentIsNamed) {
  add_vendor("acme", *vendor_key_);
  const std::string file = package_file();
  for (const char* document : {"design", "usage", "test"}) {
    // The entry's name in the archive is changed to one that nobody expects.
    std::string changed = file;
    const std::string name = std::string("documents/") + document + ".md";
    const std::size_t at = changed.find(name + std::string(1, '\0'));
    ASSERT_NE(at, std::string::npos) << document;
    // Take the whole entry out: header block, content (less than one block) and padding.
    changed.erase(at, 1024);
    const auto done = submit(ann_, changed);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().reason(), "missing-document") << done.error().message();
    EXPECT_NE(done.error().message().find(document), std::string::npos) << done.error().message();
  }
  EXPECT_EQ(stored(), 0);
}

TEST_F(Submit, ARegistryThatIsAwayLosesNothing) {
  add_vendor("acme", *vendor_key_);
  const std::string file = package_file();
  options_.registry = "127.0.0.1:1";
  reopen();
  auto& submits = platform_->submits();
  const auto upload = submits.begin(ann_, static_cast<std::int64_t>(file.size())).value();
  ASSERT_TRUE(submits.append(ann_, upload.id, 0, as_bytes(file)));
  EXPECT_EQ(submits.finish(ann_, upload.id).error().reason(), "registry-unavailable");
  EXPECT_EQ(stored(), 0);
  options_.registry = registry_name_;
  reopen();
  const auto done = platform_->submits().finish(ann_, upload.id);
  ASSERT_TRUE(done) << done.error().message();
}

// In a child with a mount namespace of its own: uploads on a disk of 3 MiB.
TEST_F(Submit, AFullDiskLeavesEverythingAndGoesOnOnceThereIsRoom) {
  add_vendor("acme", *vendor_key_);
  const std::string small = package_file(), large = package_file({.version = "2.0.0", .base_bytes = 2 << 20});
  ASSERT_GT(large.size(), std::size_t{2} << 20);
  ASSERT_TRUE(submit(ann_, small));
  platform_.reset();
  const ::pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto must = [](bool good, int status) {
      if (!good) ::_exit(status);
    };
    must(::unshare(CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER)) == 0, 2);
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, 3);
    const auto uploads = options_.data_dir / "uploads";
    must(::mount("tmpfs", uploads.c_str(), "tmpfs", 0, "size=256m") == 0, 4);
    reopen();
    auto& submits = platform_->submits();
    const auto upload = submits.begin(ann_, static_cast<std::int64_t>(large.size()));
    must(upload.has_value(), 5);
    // What begin() saw as free is taken by somebody else meanwhile.
    must(::mount("tmpfs", uploads.c_str(), "tmpfs", MS_REMOUNT, "size=1m") == 0, 6);
    std::int64_t received = 0;
    std::string reason;
    while (reason.empty() && received < static_cast<std::int64_t>(large.size())) {
      const auto piece = std::string_view(large).substr(static_cast<std::size_t>(received), 100'000);
      const auto went = submits.append(ann_, upload->id, received, as_bytes(piece));
      if (!went) reason = went.error().reason();
      received = submits.get(ann_, upload->id)->received;
    }
    must(reason == "disk-full", 7);
    must(received > 0 && received <= (1 << 20), 8);
    must(platform_->models().search(admin_, {}, {})->total == 1, 9);
    must(*db().check_integrity() == std::nullopt, 10);
    // Room for the package, not for the image's layout beside it.
    must(::mount("tmpfs", uploads.c_str(), "tmpfs", MS_REMOUNT, "size=3m") == 0, 11);
    must(submits
             .append(ann_, upload->id, received,
                     as_bytes(std::string_view(large).substr(static_cast<std::size_t>(received))))
             .has_value(),
         12);
    const auto full = submits.finish(ann_, upload->id);
    must(!full && full.error().reason() == "disk-full", 13);
    must(platform_->models().search(admin_, {}, {})->total == 1, 14);
    must(::mount("tmpfs", uploads.c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0, 15);
    must(submits.finish(ann_, upload->id).has_value(), 16);
    must(platform_->models().search(admin_, {}, {})->total == 2, 17);
    must(std::filesystem::is_empty(uploads), 18);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the step that failed";
}

}  // namespace
}  // namespace mifeng::submit
