#include "mifeng/vault/wrapper.h"

#include <gtest/gtest.h>

namespace mifeng::vault {
namespace {

constexpr std::string_view kSecret = "thirty-two bytes of a secret key";

Bytes counted(std::uint8_t first, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return bytes;
}

Bytes point() {
  Bytes bytes = counted(0, 64);
  bytes.insert(bytes.begin(), 4);
  return bytes;
}

// Each rule holds for the platform and for a gateway.
class WrapperTest : public testing::TestWithParam<WrapForm> {
 protected:
  std::unique_ptr<Wrapper> wrapper(WrapForm form, const Bytes& master = counted(0, 32)) {
    return Wrapper::create(SecretBytes(master), form, *provider_, random_).value();
  }
  static std::string reason(const Result<SecretBytes>& result) { return result ? "" : result.error().reason(); }

  SystemRandom random_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_ = crypto::Sm4GcmProvider::create().value();
};

INSTANTIATE_TEST_SUITE_P(Forms, WrapperTest, testing::Values(WrapForm::kPlatform, WrapForm::kGateway),
                         [](const auto& form) { return form.param == WrapForm::kPlatform ? "Platform" : "Gateway"; });

TEST_P(WrapperTest, OpensUnderItsOwnLabelAndMasterKeyOnly) {
  const auto own = wrapper(GetParam());
  const WrapLabel label{.purpose = "output", .public_key = point()};
  const std::string wrapped = own->wrap(label, SecretBytes(as_bytes(kSecret))).value();
  EXPECT_EQ(as_text(own->unwrap(label, wrapped)->reveal_for_computing()), kSecret);
  EXPECT_NE(own->wrap(label, SecretBytes(as_bytes(kSecret))).value(), wrapped) << "a salt of its own each time";
  Bytes other_point = point();
  other_point.back() ^= 1;
  for (const WrapLabel& other :
       {WrapLabel{.purpose = "delivery", .public_key = point()},
        WrapLabel{.purpose = "output", .public_key = other_point}, WrapLabel{.purpose = "output", .public_key = {}}})
    EXPECT_EQ(reason(own->unwrap(other, wrapped)), "wrapped-key-does-not-fit");
  EXPECT_EQ(reason(wrapper(GetParam(), counted(1, 32))->unwrap(label, wrapped)), "wrapped-key-does-not-fit");
}

TEST_P(WrapperTest, RefusesWhatWasChangedOrCut) {
  const auto own = wrapper(GetParam());
  const WrapLabel label{.purpose = "output", .public_key = point()};
  const std::string wrapped = own->wrap(label, SecretBytes(as_bytes(kSecret))).value();
  Bytes bytes = from_base64(wrapped).value();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_EQ(reason(own->unwrap(label, to_base64(bytes))), "wrapped-key-does-not-fit") << i;
    bytes[i] ^= 1;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(reason(own->unwrap(label, to_base64(ByteView(bytes).first(size)))), "wrapped-key-does-not-fit") << size;
  for (const std::string& broken : {std::string("x"), wrapped.substr(4), "AAAA" + wrapped, wrapped + "AAAA"})
    EXPECT_EQ(reason(own->unwrap(label, broken)), "wrapped-key-does-not-fit") << broken;
}

TEST_P(WrapperTest, DoesNotOpenTheOthersSecrets) {
  const auto other = GetParam() == WrapForm::kPlatform ? WrapForm::kGateway : WrapForm::kPlatform;
  const WrapLabel label{.purpose = "sign", .public_key = point()};
  const std::string wrapped = wrapper(other)->wrap(label, SecretBytes(as_bytes(kSecret))).value();
  EXPECT_EQ(reason(wrapper(GetParam())->unwrap(label, wrapped)), "wrapped-key-does-not-fit");
}

TEST_P(WrapperTest, AShortMasterKeyIsRefused) {
  EXPECT_EQ(Wrapper::create(SecretBytes(counted(0, 31)), GetParam(), *provider_, random_).error().reason(),
            "short-master-key");
}

// What stands on disks opens as long as there are such disks. Computed outside of this project's code: HKDF over
// Python's hashlib, SM4 by the openssl command in ECB, GCM by hand.
TEST_P(WrapperTest, OpensWhatWasWrappedElsewhere) {
  const bool platform = GetParam() == WrapForm::kPlatform;
  const WrapLabel label{.purpose = platform ? "output" : "receive", .public_key = point()};
  const std::string wrapped =
      platform
          ? "AUBBQkNERUZHSElKS0xNTk9gYWJjZGVmZ2hpamsonhS0RrM5VBEOkhGJ7nWRtGh/GXYEFfyt2LmojH7lgtrmDOOyiz97POmljvYOiso="
          : "QEFCQ0RFRkdISUpLTE1OT2BhYmNkZWZnaGlqa3tWghLZwZ+U3kTmw3Yqp7OlPCcAzQeV7WLKz1jujMJ/vDHiPTmBnsaq8NhBbuAgKg==";
  const auto secret = wrapper(GetParam())->unwrap(label, wrapped);
  ASSERT_TRUE(secret) << secret.error().message();
  EXPECT_EQ(as_text(secret->reveal_for_computing()), kSecret);
}

}  // namespace
}  // namespace mifeng::vault
