#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mifeng/archive/payload.h"
#include "mifeng/os/file.h"

namespace mifeng::archive {

namespace {

// Another user id of the same group reads, and changes nothing: in a unit that is the model.
constexpr ::mode_t kFolderMode = 0750;
constexpr ::mode_t kProgramMode = 0750;
constexpr ::mode_t kFileMode = 0640;

}  // namespace

// The handler of the archive's entries: the manifest, then exactly its files in its order.
struct PayloadUnpacker::State final : TarHandler {
  State(int folder, const PayloadLimits& payload_limits)
      : folder_fd(folder),
        limits(payload_limits),
        reader(*this, {payload_limits.files + 1, payload_limits.total_size + payload_limits.manifest_bytes, false}) {}

  Error refuse(const std::string& sentence) const {
    return Error(ErrorCode::kVerificationFailed, "bad-payload", sentence);
  }

  Result<void> entry(const TarEntry& entry) override {
    if (!have_manifest) {
      if (entry.path != kPayloadManifestName || entry.type != TarEntry::Type::kFile)
        return refuse("the payload does not begin with its manifest");
      if (entry.size > limits.manifest_bytes) return refuse("the payload's manifest is too large");
      return ok();
    }
    if (next_file == manifest.files.size()) return refuse("the payload holds a file that its manifest does not name");
    const PayloadFile& expected = manifest.files[next_file++];
    if (entry.type != TarEntry::Type::kFile || entry.path != expected.path || entry.size != expected.size ||
        entry.mode != (expected.executable ? 0755U : 0644U))
      return refuse("\"" + entry.path + "\" is not what the payload's manifest says");
    return create_file(expected);
  }

  Result<void> data(ByteView bytes) override {
    if (!have_manifest) {
      manifest_text.append(as_text(bytes));
      return ok();
    }
    while (!bytes.empty()) {
      const ::ssize_t done = ::write(file.get(), bytes.data(), bytes.size());
      if (done < 0) {
        if (errno == EINTR) continue;
        return errno_error(errno, "write " + manifest.files[next_file - 1].path);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return ok();
  }

  Result<void> end() override {
    if (!have_manifest) {
      MIFENG_TRY(manifest, parse_payload_manifest(manifest_text, limits));
      manifest_text.clear();
      have_manifest = true;
      return ok();
    }
    file.reset();
    return ok();
  }

  // Walks from the folder's descriptor, one part at a time, following no link: nothing outside can be reached even
  // where somebody else could write below the folder.
  Result<void> create_file(const PayloadFile& expected) {
    const std::string& path = expected.path;
    UniqueFd parent;
    int at = folder_fd;
    std::size_t begin = 0;
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
      const std::string part = path.substr(begin, slash - begin);
      const bool made = ::mkdirat(at, part.c_str(), kFolderMode) == 0;
      if (!made && errno != EEXIST) return errno_error(errno, "make folder " + path);
      UniqueFd next(::openat(at, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next || (made && ::fchmod(next.get(), kFolderMode) != 0))
        return errno_error(errno, "open folder of " + path);
      parent = std::move(next);
      at = parent.get();
      begin = slash + 1;
    }
    file.reset(
        ::openat(at, path.substr(begin).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    // Set once more, whatever the umask is.
    if (!file || ::fchmod(file.get(), expected.executable ? kProgramMode : kFileMode) != 0)
      return errno_error(errno, "create " + path);
    return ok();
  }

  int folder_fd;
  PayloadLimits limits;
  TarReader reader;
  bool have_manifest = false;
  std::string manifest_text;
  PayloadManifest manifest;
  std::size_t next_file = 0;
  UniqueFd file;
};

Result<PayloadUnpacker> PayloadUnpacker::create(int folder_fd, const PayloadLimits& limits) {
  struct ::stat facts {};
  if (::fstat(folder_fd, &facts) != 0) return errno_error(errno, "the payload's folder");
  if (!S_ISDIR(facts.st_mode))
    return Error(ErrorCode::kInternal, "not-a-folder", "a payload is unpacked into a folder");
  return PayloadUnpacker(std::make_unique<State>(folder_fd, limits));
}

PayloadUnpacker::PayloadUnpacker(std::unique_ptr<State> state) : state_(std::move(state)) {}
PayloadUnpacker::PayloadUnpacker(PayloadUnpacker&&) noexcept = default;
PayloadUnpacker& PayloadUnpacker::operator=(PayloadUnpacker&&) noexcept = default;
PayloadUnpacker::~PayloadUnpacker() = default;

Result<void> PayloadUnpacker::feed(ByteView bytes) { return state_->reader.feed(bytes); }

Result<void> PayloadUnpacker::finish() {
  MIFENG_CHECK(state_->reader.finish());
  if (!state_->have_manifest || state_->next_file != state_->manifest.files.size())
    return state_->refuse("the payload lacks a file that its manifest names");
  return ok();
}

const PayloadManifest& PayloadUnpacker::manifest() const { return state_->manifest; }

}  // namespace mifeng::archive
