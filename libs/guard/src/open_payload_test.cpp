#include "mifeng/guard/open_payload.h"

#include <gtest/gtest.h>

#include <fstream>

#include "mifeng/archive/payload.h"
#include "mifeng/os/file.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::guard {
namespace {

namespace fs = std::filesystem;

struct Payload : testing::Test {
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  TempDir dir = TempDir::create("/dev/shm", "mifeng-payload-").value();
  crypto::Sm2PrivateKey vendor = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey delivery = crypto::Sm2PrivateKey::generate().value();
  PayloadProgress progress;
  Bytes header, segments;
  std::optional<PayloadKey> key;
  bool granted_as_they_are = true;  // the grant is of these very segments

  void SetUp() override {
    fs::create_directories(dir.path() / "in/lib");
    fs::create_directories(dir.path() / "app");
    write("in/model", "#!/bin/sh\necho run\n");
    write("in/lib/weights.bin", std::string(300'000, 'w'));
    fs::permissions(dir.path() / "in/model", fs::perms::owner_all);
    seal(vendor);
  }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(dir.path() / name, std::ios::binary) << content;
  }
  void seal(const crypto::Sm2PrivateKey& signer) {
    Bytes archive;
    const auto manifest = archive::scan_payload(dir.path() / "in").value();
    ASSERT_TRUE(archive::write_payload(dir.path() / "in", manifest, [&](ByteView bytes) -> Result<void> {
      append(archive, bytes);
      return ok();
    }));
    const crypto::Sm2PublicKey recipient = delivery.public_key();
    auto sender =
        sealed::SenderKey::create(
            {.kind = sealed::Kind::kPayload, .exponent = 16, .recipients = std::span(&recipient, 1), .signer = &signer},
            random)
            .value();
    const Bytes context = sealed::payload_context("acme", "digits", "1").value();
    const Bytes stream = sealed::seal(sender, {.context = context}, archive, random, *provider).value();
    header.assign(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(sender.header_size()));
    segments.assign(stream.begin() + static_cast<std::ptrdiff_t>(sender.header_size()), stream.end());
    key.emplace(PayloadKey{.vendor = "acme",
                           .model = "digits",
                           .version = "1",
                           .vendor_key = vendor.public_key(),
                           .root_key = sender.root_key().reveal_for_grant().clone(),
                           .segments_size = 0,
                           .segments_sha256 = {}});
  }
  Result<void> open() {
    if (granted_as_they_are) {
      key->segments_size = segments.size();
      key->segments_sha256 = crypto::sha256(segments);
    }
    EXPECT_TRUE(write_file_atomic(dir.path() / "segments", segments));
    auto file = SealedFile::open(dir.path() / "segments", kSegmentsSizeMax);
    if (!file) return file.error();
    return open_payload(header, std::move(*file), *key, dir.path() / "app", *provider, progress);
  }
  std::string reason() {
    const auto opened = open();
    // Whatever went wrong: nothing is left that could be run.
    EXPECT_TRUE(opened.has_value() || fs::is_empty(dir.path() / "app"));
    return opened ? "ok" : opened.error().reason();
  }
};

TEST_F(Payload, IsUnpacked) {
  ASSERT_EQ(reason(), "ok");
  EXPECT_EQ(progress.bytes, segments.size());
  EXPECT_EQ(read_text_file(dir.path() / "app/lib/weights.bin", 1 << 20).value(), std::string(300'000, 'w'));
  // Another user id of this group may run it, and change nothing.
  EXPECT_EQ(fs::status(dir.path() / "app/model").permissions(), fs::perms(0750));
  EXPECT_EQ(fs::status(dir.path() / "app/lib").permissions(), fs::perms(0750));
  EXPECT_EQ(fs::status(dir.path() / "app/lib/weights.bin").permissions(), fs::perms(0640));
  EXPECT_EQ(open().error().reason(), "folder-not-empty");
  EXPECT_TRUE(fs::exists(dir.path() / "app/model"));
}

TEST_F(Payload, AlteredAnywhereIsRefusedAndLeavesNothing) {
  const Bytes good = segments;
  for (const std::size_t at : {std::size_t{4}, good.size() / 2, good.size() - 1}) {
    segments = good;
    segments[at] ^= 1;
    EXPECT_EQ(reason(), "bad-tag") << at;
  }
  segments = good;
  segments[0] ^= 0x40;  // a reserved bit of the first length
  EXPECT_EQ(reason(), "reserved-not-zero");
  segments = good;
  segments.push_back(0);
  EXPECT_EQ(reason(), "trailing-data");
}

// They verify under the accepted header, as the vendor can make any number of them.
TEST_F(Payload, OtherSegmentsThanThoseSubmittedAreRefused) {
  ASSERT_EQ(reason(), "ok");
  fs::remove_all(dir.path() / "app");
  fs::create_directories(dir.path() / "app");
  granted_as_they_are = false;
  key->segments_sha256[0] ^= 1;
  EXPECT_EQ(reason(), "other-segments");
  key->segments_sha256[0] ^= 1;
  key->segments_size += 1;
  EXPECT_EQ(reason(), "other-segments");
}

TEST_F(Payload, CutAtTheBorderOfASegmentIsRefused) {
  segments.resize(2 * ((1 << 16) + 20));  // whole segments, without the final one
  EXPECT_EQ(reason(), "truncated");
}

TEST_F(Payload, OfAnotherVendorModelOrKeyIsRefused) {
  key->model = "letters";
  EXPECT_EQ(reason(), "bad-header-mac");
  key->model = "digits";
  key->vendor_key = delivery.public_key();
  EXPECT_EQ(reason(), "bad-signature");
  key->vendor_key = vendor.public_key();
  key->root_key = Secret<16>();
  EXPECT_EQ(reason(), "bad-header-mac");
}

TEST_F(Payload, FromAnotherImageIsRefused) {
  const Bytes own_header = header;
  const Bytes own_segments = segments;
  auto own_key = std::move(*key);
  seal(vendor);  // the same content for another image: another root key
  key.emplace(std::move(own_key));
  header = own_header;
  EXPECT_EQ(reason(), "bad-tag");
  segments = own_segments;
  EXPECT_EQ(reason(), "ok");
}

TEST_F(Payload, StopsWhenItIsToldTo) {
  progress.cancel = true;
  EXPECT_EQ(reason(), "stopping");
}

TEST(InMemory, IsATmpfsOnly) {
  EXPECT_TRUE(check_in_memory("/dev/shm"));
  EXPECT_EQ(check_in_memory("/proc").error().reason(), "not-in-memory");
  EXPECT_FALSE(check_in_memory("/no/such/folder"));
}

TEST(Standstill, LastsOnceACountHasBeenTheSameForTheWholePatience) {
  using std::chrono::seconds;
  const Standstill::Time start{};
  Standstill standstill(seconds(30), start);
  EXPECT_FALSE(standstill.lasts(0, start + seconds(29)));
  EXPECT_FALSE(standstill.lasts(1, start + seconds(31)));  // slow, and it goes on
  EXPECT_FALSE(standstill.lasts(1, start + seconds(60)));
  EXPECT_TRUE(standstill.lasts(1, start + seconds(61)));
  EXPECT_FALSE(standstill.lasts(2, start + seconds(62)));
}

}  // namespace
}  // namespace mifeng::guard
