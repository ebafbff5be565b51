#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "mifeng/archive/payload.h"
#include "mifeng/json/fields.h"
#include "mifeng/os/file.h"

namespace mifeng::archive {
namespace {

namespace fs = std::filesystem;

Error bad_payload(ErrorCode code, const std::string& sentence) { return Error(code, "bad-payload", sentence); }

TarEntry entry_of(const PayloadFile& file) {
  return {file.path, TarEntry::Type::kFile, file.executable ? 0755U : 0644U, file.size, {}};
}

TarEntry manifest_entry(std::uint64_t size) {
  return {std::string(kPayloadManifestName), TarEntry::Type::kFile, 0644, size, {}};
}

// The first thing wrong with a list of files, or nothing.
std::optional<std::string> complaint_about(const std::vector<PayloadFile>& files) {
  if (files.empty()) return "a payload holds at least one file";
  std::set<std::string, std::less<>> folders;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    if (const auto complaint = check_entry_path(path)) return *complaint;
    if (path == kPayloadManifestName) return "the name " + path + " belongs to the manifest";
    if (i > 0 && !(files[i - 1].path < path)) return "files are not in order, or one is there twice";
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
      folders.insert(path.substr(0, slash));
  }
  for (const PayloadFile& file : files)
    if (folders.contains(file.path)) return "\"" + file.path + "\" is a file and a folder";
  return std::nullopt;
}

Result<void> copy_file(const fs::path& path, const PayloadFile& file, TarWriter& tar) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(errno, "open " + path.string());
  Bytes buffer(std::size_t{1} << 20);
  std::uint64_t left = file.size;
  for (;;) {
    const ::ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "read " + path.string());
    }
    if (got == 0) break;
    if (static_cast<std::uint64_t>(got) > left) break;
    left -= static_cast<std::uint64_t>(got);
    MIFENG_CHECK(tar.data(ByteView(buffer).first(static_cast<std::size_t>(got))));
  }
  if (left != 0)
    return bad_payload(ErrorCode::kInvalidArgument, path.string() + " changed while it was packed; pack again");
  return ok();
}

}  // namespace

std::uint64_t PayloadManifest::total_size() const {
  std::uint64_t total = 0;
  for (const PayloadFile& file : files) total += file.size;
  return total;
}

Result<PayloadManifest> parse_payload_manifest(std::string_view text, const PayloadLimits& limits) {
  const auto refuse = [](const std::string& sentence) {
    return bad_payload(ErrorCode::kVerificationFailed, "the payload's manifest: " + sentence);
  };
  json::ParseLimits parse_limits;
  parse_limits.bytes = limits.manifest_bytes;
  parse_limits.depth = 4;
  parse_limits.values = limits.files * 4 + 100;
  auto object = json::parse_object(text, parse_limits);
  if (!object) return refuse(object.error().message());
  json::Fields fields(*object);
  PayloadManifest manifest;
  const std::string format = fields.string("format");
  std::uint64_t total = 0;
  for (json::Fields& one : fields.objects("files", {.min = 1, .max = limits.files})) {
    PayloadFile file;
    file.path = one.string("path", {.min = 1, .max = 1024});
    file.size = static_cast<std::uint64_t>(one.integer("size", 0, static_cast<std::int64_t>(limits.total_size)));
    file.executable = one.boolean("executable");
    total += file.size;
    manifest.files.push_back(std::move(file));
  }
  const std::int64_t stated = fields.integer("total_size", 0, static_cast<std::int64_t>(limits.total_size));
  if (auto finished = fields.finish(); !finished) return refuse(finished.error().message());
  if (format != "mifeng-payload/1") return refuse("its format is not mifeng-payload/1");
  if (static_cast<std::uint64_t>(stated) != total) return refuse("total_size is not the sum of the sizes");
  if (const auto complaint = complaint_about(manifest.files)) return refuse(*complaint);
  return manifest;
}

std::string serialize_payload_manifest(const PayloadManifest& manifest) {
  json::Array files;
  for (const PayloadFile& file : manifest.files)
    files.push_back(json::Object{{"path", file.path}, {"size", file.size}, {"executable", file.executable}});
  return json::serialize(json::Object{
             {"format", "mifeng-payload/1"}, {"files", std::move(files)}, {"total_size", manifest.total_size()}}) +
         "\n";
}

Result<PayloadManifest> scan_payload(const fs::path& folder) {
  const auto refuse = [](const fs::path& path, const std::string& sentence) {
    return bad_payload(ErrorCode::kInvalidArgument, path.string() + ": " + sentence);
  };
  PayloadManifest manifest;
  try {
    const fs::path root = fs::canonical(folder);
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const fs::path& path = entry.path();
      if (entry.is_symlink()) {
        std::error_code error;
        const std::string target = fs::canonical(path, error).string();
        if (error) return refuse(path, "a link to nothing");
        if (!target.starts_with(root.string() + "/")) return refuse(path, "a link that leads out of the payload");
        if (!fs::is_regular_file(target)) return refuse(path, "a link to what is not a file");
      } else if (entry.is_directory()) {
        continue;
      } else if (!entry.is_regular_file()) {
        return refuse(path, "neither a file, a folder nor a link");
      }
      struct ::stat facts {};
      if (::stat(path.c_str(), &facts) != 0) return errno_error(errno, "stat " + path.string());
      manifest.files.push_back({path.lexically_relative(root).generic_string(),
                                static_cast<std::uint64_t>(facts.st_size), (facts.st_mode & 0100) != 0});
    }
  } catch (const fs::filesystem_error& error) {
    return refuse(folder, error.what());
  }
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const PayloadFile& a, const PayloadFile& b) { return a.path < b.path; });
  if (const auto complaint = complaint_about(manifest.files)) return refuse(folder, *complaint);
  return manifest;
}

std::uint64_t payload_archive_size(const PayloadManifest& manifest) {
  std::uint64_t size = tar_entry_size(manifest_entry(serialize_payload_manifest(manifest).size())) + 2 * kTarBlock;
  for (const PayloadFile& file : manifest.files) size += tar_entry_size(entry_of(file));
  return size;
}

Result<void> write_payload(const fs::path& folder, const PayloadManifest& manifest, const Sink& sink) {
  TarWriter tar(sink);
  MIFENG_CHECK(tar.add_file(kPayloadManifestName, as_bytes(serialize_payload_manifest(manifest))));
  for (const PayloadFile& file : manifest.files) {
    MIFENG_CHECK(tar.add(entry_of(file)));
    MIFENG_CHECK(copy_file(folder / file.path, file, tar));
  }
  return tar.finish();
}

}  // namespace mifeng::archive
