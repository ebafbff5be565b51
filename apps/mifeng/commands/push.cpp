// mifeng push, mifeng accept
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "mifeng/base/file.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kPiece = 8 << 20;
constexpr int kTriesInARow = 5;

const std::vector<Column> kVersionColumns{{"ID", "id"},           {"VENDOR", "vendor_id"}, {"NAME", "name"},
                                          {"VERSION", "version"}, {"STATE", "state"},      {"FUNCTION", "function"}};

std::int64_t number_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.if_object() == nullptr ? nullptr : object.if_object()->find(name);
  return value == nullptr || value->if_int64() == nullptr ? 0 : *value->if_int64();
}

// Goes on from what the platform has when a connection breaks.
Result<void> upload(const PlatformClient& client, const std::string& id, int fd, std::int64_t size,
                    const std::string& title, Console& console) {
  std::int64_t offset = 0;
  int failures = 0;
  while (offset < size) {
    std::string piece(static_cast<std::size_t>(std::min<std::int64_t>(kPiece, size - offset)), '\0');
    const ::ssize_t count = ::pread(fd, piece.data(), piece.size(), offset);
    if (count <= 0) return errno_error(count < 0 ? errno : EIO, "read the package");
    piece.resize(static_cast<std::size_t>(count));
    auto taken = client.send_bytes("PATCH", "/uploads/" + id + "?offset=" + std::to_string(offset), std::move(piece));
    if (!taken) {
      const auto code = taken.error().code();
      const bool passing = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout;
      if (!passing || ++failures >= kTriesInARow) return std::move(taken).error();
      taken = client.get("/uploads/" + id);
      if (!taken) continue;
    } else {
      failures = 0;
    }
    offset = number_of(*taken, "received");
    console.progress(title, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size));
  }
  return ok();
}

Result<int> push(const PlatformFlags& flags, const std::string& file, const std::string& format, Console& console) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Error(ErrorCode::kNotFound, "no-such-file", say("There is no package {}. `mifeng pack` makes one.", {file}));
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  const json::Value announce = json::Object{{"size", static_cast<std::int64_t>(info.st_size)}};
  MIFENG_TRY(const auto begun, client.send("POST", "/uploads", &announce));
  const std::string id = text_of(begun, "id");
  const auto uploaded = upload(client, id, fd.get(), info.st_size, tr("upload"), console);
  console.progress_end();
  if (!uploaded) {
    (void)client.send("DELETE", "/uploads/" + id);
    return uploaded.error();
  }
  console.message(tr("Uploaded; the platform verifies it now."));
  MIFENG_TRY(const auto submitted, client.send("POST", "/uploads/" + id + "/submission"));
  if (text_of(submitted, "outcome") == "already-there")
    console.message(tr("The very same package was there already; nothing changed."));
  const json::Value* version = submitted.if_object()->find("version");
  MIFENG_CHECK(print_objects(console, version == nullptr ? submitted : *version, format, kVersionColumns));
  return 0;
}

Result<int> accept(const PlatformFlags& flags, const std::string& name, const std::string& refusal,
                   const std::string& format, Console& console) {
  MIFENG_TRY(const auto client, PlatformClient::connect(flags));
  MIFENG_TRY(const auto version, find_version(client, name));
  const std::string path = "/models/" + text_of(version, "id");
  const json::Value reason = json::Object{{"reason", refusal}};
  MIFENG_TRY(const auto decided, refusal.empty() ? client.send("POST", path + "/acceptance")
                                                 : client.send("POST", path + "/refusal", &reason));
  MIFENG_CHECK(print_objects(console, decided, format, kVersionColumns));
  return 0;
}

}  // namespace

void add_push(Command& root) {
  Command command = root.add("push", "Submit a package to a platform");
  auto flags = add_platform_flags(command);
  auto file = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("PACKAGE", *file, "a .mfpkg file", Need::kRequired);
  add_output_flag(command, *format);
  command.examples("  mifeng push digits-1.2.0.mfpkg");
  command.run([=](Console& console) { return push(*flags, *file, *format, console); });
}

void add_accept(Command& root) {
  Command command = root.add("accept", "Take delivery of a version, or refuse it");
  auto flags = add_platform_flags(command);
  auto name = std::make_shared<std::string>();
  auto refusal = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("VERSION", *name, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .text("--refuse", *refusal, "refuse it, for this reason");
  add_output_flag(command, *format);
  command.examples("  mifeng accept acme/digits@1.2.0\n  mifeng accept acme/digits@1.2.0 --refuse 'no test data'");
  command.run([=](Console& console) { return accept(*flags, *name, *refusal, *format, console); });
}

}  // namespace mifeng::cli
