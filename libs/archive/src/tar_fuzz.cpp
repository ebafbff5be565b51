// Any bytes: the reader ends with a value or an error, never calls its handler out of order, and what it accepts is
// what the writer would have written.
#include <cstdlib>

#include "mifeng/archive/payload.h"
#include "mifeng/archive/tar.h"

namespace {

using namespace mifeng;

struct Copier final : archive::TarHandler {
  explicit Copier(archive::TarWriter& writer) : tar(writer) {}
  Result<void> entry(const archive::TarEntry& one) override {
    if (open) std::abort();
    open = true;
    left = one.size;
    return tar.add(one);
  }
  Result<void> data(ByteView bytes) override {
    if (!open || bytes.size() > left) std::abort();
    left -= bytes.size();
    return tar.data(bytes);
  }
  Result<void> end() override {
    if (!open || left != 0) std::abort();
    open = false;
    return ok();
  }
  archive::TarWriter& tar;
  bool open = false;
  std::uint64_t left = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  Bytes copy;
  archive::TarWriter writer([&](ByteView bytes) {
    append(copy, bytes);
    return ok();
  });
  Copier copier(writer);
  archive::TarLimits limits;
  limits.symlinks = true;
  archive::TarReader reader(copier, limits);
  const std::size_t cut = size == 0 ? 0 : data[0] % size;
  if (reader.feed(input.first(cut)) && reader.feed(input.subspan(cut)) && reader.finish()) {
    // Spellings differ (blanks in numbers), lengths and a second reading do not.
    if (!writer.finish()) std::abort();
    Bytes second;
    archive::TarWriter again_writer([&](ByteView bytes) {
      append(second, bytes);
      return ok();
    });
    Copier again(again_writer);
    archive::TarReader again_reader(again, limits);
    if (!again_reader.feed(copy) || !again_reader.finish() || !again_writer.finish() || second != copy) std::abort();
  }
  if (const auto manifest = archive::parse_payload_manifest(as_text(input)))
    if (!archive::parse_payload_manifest(archive::serialize_payload_manifest(*manifest))) std::abort();
  return 0;
}
