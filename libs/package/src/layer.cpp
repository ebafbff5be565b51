#include "mifeng/package/layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>

#include "layer_store.h"
#include "mifeng/archive/tar.h"
#include "mifeng/json/fields.h"
#include "mifeng/os/file.h"
#include "mifeng/os/part_file.h"
#include "mifeng/package/oci.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using archive::TarEntry;

// `moved`: is told of each piece of a file, how long it is.
Result<void> write_tree(const TreeLayer& tree, const std::vector<TarEntry>& entries, const archive::Sink& sink,
                        const std::function<void(std::size_t)>& moved) {
  archive::TarWriter tar(sink);
  for (const TarEntry& entry : entries) {
    MIFENG_CHECK(tar.add(entry));
    if (entry.type != TarEntry::Type::kFile || entry.size == 0) continue;
    MIFENG_CHECK(each_piece(tree.folder / entry.path, [&](ByteView bytes) {
      moved(bytes.size());
      return tar.data(bytes);
    }));
  }
  return tar.finish();
}

// One gzip member: no name, no time.
class Deflater {
 public:
  explicit Deflater(archive::Sink sink) : sink_(std::move(sink)) {
    ready_ = ::deflateInit2(&stream_, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Deflater() { ::deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  Result<void> feed(ByteView bytes) { return run(bytes, Z_NO_FLUSH); }
  Result<void> finish() { return run({}, Z_FINISH); }

 private:
  Result<void> run(ByteView bytes, int flush) {
    if (!ready_) return Error(ErrorCode::kInternal, "no-memory", "zlib could not be started");
    stream_.next_in = const_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    int result = Z_OK;
    do {
      stream_.next_out = out_.data();
      stream_.avail_out = static_cast<uInt>(out_.size());
      result = ::deflate(&stream_, flush);
      const std::size_t got = out_.size() - stream_.avail_out;
      if (got > 0) MIFENG_CHECK(sink_(ByteView(out_).first(got)));
    } while (stream_.avail_out == 0 || (flush == Z_FINISH && result != Z_STREAM_END));
    return ok();
  }
  archive::Sink sink_;
  ::z_stream stream_{};
  Bytes out_ = Bytes(1 << 18);
  bool ready_ = false;
};

// CACHE/layers/<hex of the diff id>.{tar.gz,json}; the JSON is written last.
std::optional<Layer> find_cached(const fs::path& blob, const fs::path& note, const Layer& wanted) {
  const auto text = read_text_file(note, 4096);
  if (!text) return std::nullopt;
  const auto object = json::parse_object(*text);
  if (!object) return std::nullopt;
  json::Fields fields(*object);
  Layer layer = wanted;
  layer.digest = fields.string("digest");
  layer.size = static_cast<std::uint64_t>(fields.integer("size", 1, std::int64_t{1} << 40));
  std::error_code error;
  if (!fields.finish() || !is_digest(layer.digest) || fs::file_size(blob, error) != layer.size || error)
    return std::nullopt;
  return layer;
}

}  // namespace

Result<std::vector<TarEntry>> list_tree(const fs::path& folder,
                                        const std::function<bool(const std::string&)>& leave_out) {
  std::vector<TarEntry> entries;
  try {
    for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at) {
      TarEntry entry;
      entry.path = at->path().lexically_relative(folder).generic_string();
      if (leave_out && leave_out(entry.path)) {
        if (at->is_directory() && !at->is_symlink()) at.disable_recursion_pending();
        continue;
      }
      struct ::stat facts {};
      if (::lstat(at->path().c_str(), &facts) != 0) return errno_error(errno, "look at " + at->path().string());
      if (S_ISLNK(facts.st_mode)) {
        entry.type = TarEntry::Type::kSymlink;
        entry.mode = 0777;
        entry.link_target = fs::read_symlink(at->path()).string();
      } else if (S_ISDIR(facts.st_mode)) {
        entry.type = TarEntry::Type::kDirectory;
        entry.mode = 0755;
      } else if (S_ISREG(facts.st_mode)) {
        entry.mode = (facts.st_mode & 0100) != 0 ? 0755 : 0644;
        entry.size = static_cast<std::uint64_t>(facts.st_size);
      } else {
        continue;
      }
      entries.push_back(std::move(entry));
    }
  } catch (const fs::filesystem_error& error) {
    return Error(error.code() == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kInternal,
                 "cannot-read", error.what());
  }
  std::sort(entries.begin(), entries.end(), [](const TarEntry& a, const TarEntry& b) { return a.path < b.path; });
  return entries;
}

Result<void> each_piece(const fs::path& path, const archive::Sink& sink) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error(errno, "open " + path.string());
  Bytes buffer(1 << 18);
  for (;;) {
    const ::ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "read " + path.string());
    if (got == 0) return ok();
    MIFENG_CHECK(sink(ByteView(buffer).first(static_cast<std::size_t>(got))));
  }
}

Result<LayerFile> store_layer(LayerRole role, const std::string& diff_id, const fs::path& cache,
                              const std::string& what, const std::function<Result<void>(const archive::Sink&)>& write,
                              StopSignal* stop) {
  LayerFile out;
  out.layer.role = role;
  out.layer.media_type = kLayerGzip;
  out.layer.diff_id = diff_id;
  const fs::path folder = cache / "layers";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return errno_error(error.value(), "make folder " + folder.string());
  const std::string name(digest_hex(diff_id));
  out.path = folder / (name + ".tar.gz");
  const fs::path note = folder / (name + ".json");
  if (const auto cached = find_cached(out.path, note, out.layer)) {
    out.layer = *cached;
    return out;
  }
  // Two packs at once may both come here; each writes a file of its own and the same bytes win twice.
  MIFENG_TRY(PartFile part, PartFile::create(out.path));
  DigestHasher blob;
  auto written = [&]() -> Result<void> {
    Deflater gzip([&](ByteView bytes) -> Result<void> {
      blob.update(bytes);
      out.layer.size += bytes.size();
      while (!bytes.empty()) {
        const ::ssize_t done = ::write(part.fd(), bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno_error(errno, "write " + out.path.string());
        bytes = bytes.subspan(static_cast<std::size_t>(done));
      }
      return ok();
    });
    DigestHasher content;
    MIFENG_CHECK(write([&](ByteView bytes) -> Result<void> {
      MIFENG_CHECK(check(stop));
      content.update(bytes);
      return gzip.feed(bytes);
    }));
    MIFENG_CHECK(gzip.finish());
    if (content.digest() != diff_id) return Error(ErrorCode::kConflict, "changed", what + " is not what it was");
    return part.commit(0644);
  }();
  if (!written) return written.error();
  out.layer.digest = blob.digest();
  MIFENG_CHECK(write_file_atomic(
      note, as_bytes(json::serialize(json::Object{{"digest", out.layer.digest}, {"size", out.layer.size}}))));
  return out;
}

Result<LayerFile> build_layer(const TreeLayer& tree) {
  MIFENG_TRY(const auto entries, list_tree(tree.folder, {}));
  DigestHasher content;
  std::uint64_t done = 0, total = 0;
  for (const TarEntry& entry : entries) total += 2 * entry.size;
  const auto moved = [&](std::size_t bytes) {
    done += bytes;
    if (tree.progress) tree.progress(done, total);
  };
  MIFENG_CHECK(write_tree(
      tree, entries,
      [&](ByteView bytes) {
        content.update(bytes);
        return check(tree.stop);
      },
      moved));
  auto stored = store_layer(
      tree.role, content.digest(), tree.cache, tree.folder.string(),
      [&](const archive::Sink& sink) { return write_tree(tree, entries, sink, moved); }, tree.stop);
  if (!stored && stored.error().reason() == "changed")
    return Error(ErrorCode::kConflict, "changed", tree.folder.string() + " changed while it was packed; pack again");
  return stored;
}

Result<std::string> digest_tree(const fs::path& folder, const std::function<bool(const std::string&)>& leave_out,
                                StopSignal* stop) {
  MIFENG_TRY(const auto entries, list_tree(folder, leave_out));
  DigestHasher digest;
  for (const TarEntry& entry : entries) {
    const json::Array facts{entry.path, static_cast<int>(entry.type), entry.mode, entry.size, entry.link_target};
    digest.update(as_bytes(json::serialize(facts)));
    if (entry.type == TarEntry::Type::kFile)
      MIFENG_CHECK(each_piece(folder / entry.path, [&](ByteView bytes) {
        digest.update(bytes);
        return check(stop);
      }));
  }
  return digest.digest();
}

}  // namespace mifeng::package
