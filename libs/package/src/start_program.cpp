#include "gunzip.h"
#include "layer_store.h"
#include "mifeng/os/file.h"
#include "mifeng/package/guard_image.h"
#include "mifeng/package/oci_image.h"

namespace mifeng::package {
namespace {

constexpr std::string_view kName = "mifeng-start";
constexpr std::uint64_t kProgramMax = 64 << 20;
constexpr std::uint64_t kLayerMax = 1 << 30;

class Program : public archive::TarHandler {
 public:
  Result<void> entry(const archive::TarEntry& entry) override {
    is_it_ = entry.path == kName && entry.type == archive::TarEntry::Type::kFile && entry.size <= kProgramMax;
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    if (is_it_) bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return ok();
  }
  Result<void> end() override { return ok(); }
  const Bytes& bytes() const { return bytes_; }

 private:
  bool is_it_ = false;
  Bytes bytes_;
};

}  // namespace

Result<void> take_start_program(const OciImage& image, const std::filesystem::path& file) {
  Program program;
  for (const OciBlob& layer : image.layers) {
    archive::TarReader tar(program);
    std::uint64_t left = kLayerMax;
    Gunzip gunzip(Gunzip::Members::kOne, left);
    MIFENG_CHECK(each_piece(layer.path, [&](ByteView bytes) {
      return gunzip.feed(bytes, [&](ByteView plain) { return tar.feed(plain); });
    }));
    MIFENG_CHECK(tar.finish());
  }
  if (program.bytes().empty())
    return Error(ErrorCode::kVerificationFailed, "bad-image", "the guard's image has no " + std::string(kName));
  return write_file_atomic(file, program.bytes(), 0755);
}

}  // namespace mifeng::package
