// mifeng push
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>

#include "cli/connect.h"
#include "cli/console.h"
#include "cli/interrupted.h"
#include "cli/language.h"
#include "cli/output.h"
#include "commands/commands.h"
#include "commands/kinds.h"
#include "commands/upload_note.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kPiece = 8 << 20;
constexpr int kTriesInARow = 5;
constexpr std::chrono::milliseconds kPause{200};
constexpr std::chrono::seconds kFarewell{5};  // how long somebody waits who has pressed Ctrl-C

std::int64_t number_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.if_object() == nullptr ? nullptr : object.if_object()->find(name);
  return value == nullptr || value->if_int64() == nullptr ? 0 : *value->if_int64();
}

struct PackageToSend {
  int fd = -1;
  std::int64_t size = 0;
};

struct Begun {
  std::string id;
  std::int64_t received = 0;
  bool goes_on = false;  // with what a push sent that did not come to its end
};

// So that nothing of it stays on the platform. Whether that succeeded.
bool give_up(const PlatformClient& client, const std::string& id) {
  const auto brief = PlatformClient::create(client.session(), {.silence = kFarewell});
  if (!brief) return false;
  const auto deadline = std::chrono::steady_clock::now() + kFarewell;
  for (;;) {
    const auto gone = brief->send("DELETE", "/uploads/" + id);
    if (gone || gone.error().code() == ErrorCode::kNotFound) return true;
    // It still works on what came before the connection was cut.
    if (gone.error().reason() != "upload-busy" || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// What an earlier push of this file began, or a new upload.
Result<Begun> begin(const PlatformClient& client, UploadNote& note, const PackageToSend& package, Console& console) {
  if (!note.outdated().empty()) (void)give_up(client, note.outdated());
  if (!note.upload().empty()) {
    const auto kept = client.get("/uploads/" + note.upload());
    if (!kept && kept.error().code() != ErrorCode::kNotFound) return kept.error();
    if (kept && number_of(*kept, "size") == package.size) {
      const std::int64_t received = number_of(*kept, "received");
      console.message(say("An earlier push of this file was cut off; going on at byte {} of {}.",
                          {std::to_string(received), std::to_string(package.size)}));
      return Begun{note.upload(), received, true};
    }
  }
  const json::Value announce = json::Object{{"size", package.size}};
  MIFENG_TRY(const auto begun, client.send("POST", "/uploads", announce));
  Begun made{text_of(begun, "id"), 0, false};
  note.keep(made.id);
  return made;
}

// Goes on from what the platform has when a connection breaks.
Result<void> upload(const PlatformClient& client, const Begun& begun, const PackageToSend& package, StopSignal& stop,
                    Console& console) {
  std::int64_t offset = begun.received;
  int failures = 0;
  while (offset < package.size) {
    MIFENG_CHECK(stop.check());
    std::string piece(static_cast<std::size_t>(std::min<std::int64_t>(kPiece, package.size - offset)), '\0');
    const ::ssize_t count = ::pread(package.fd, piece.data(), piece.size(), offset);
    if (count <= 0) return errno_error(count < 0 ? errno : EIO, "read the package");
    piece.resize(static_cast<std::size_t>(count));
    const std::string path = "/uploads/" + begun.id;
    auto taken = client.send_bytes("PATCH", path + "?offset=" + std::to_string(offset), std::move(piece));
    if (!taken) {
      const auto code = taken.error().code();
      // The last two: of a connection that broke off, what was on its way may still arrive.
      const bool passing = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout ||
                           taken.error().reason() == "wrong-offset" || taken.error().reason() == "upload-busy";
      if (!passing || ++failures >= kTriesInARow) return std::move(taken).error();
      if (stop.wait(kPause * failures)) return stop.check();
      taken = client.get(path);
      if (!taken) continue;
    } else {
      failures = 0;
    }
    offset = number_of(*taken, "received");
    console.progress(tr("upload"), static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(package.size));
  }
  return ok();
}

struct Pushed {
  std::optional<json::Value> submitted;
  std::string interrupted;  // the sentence for the person who interrupted it
};

Result<Pushed> try_push(const PlatformClient& client, UploadNote& note, const PackageToSend& package, StopSignal& stop,
                        Console& console) {
  auto begun = begin(client, note, package, console);
  if (!begun && stop.requested())
    return Pushed{{}, tr("Interrupted. Nothing was submitted; push again when you like.")};
  if (!begun) return begun.error();
  const auto uploaded = upload(client, *begun, package, stop, console);
  console.progress_end();
  if (!uploaded) {
    const bool gone = give_up(client, begun->id);
    if (gone) note.drop();
    if (!stop.requested()) return uploaded.error();
    return Pushed{{},
                  gone
                      ? tr("Interrupted. Nothing was submitted, and nothing is left on the platform; push again when "
                           "you like.")
                      : tr("Interrupted. Nothing was submitted. The platform could not be told: what it has already it "
                           "keeps for a day, and the next push of this file goes on from there.")};
  }
  console.message(tr("Uploaded; the platform verifies it now."));
  auto submitted = client.send("POST", "/uploads/" + begun->id + "/submission");
  if (submitted) {
    note.drop();
    return Pushed{std::move(*submitted), {}};
  }
  if (stop.requested()) {
    note.drop();
    return Pushed{{},
                  tr("Interrupted. The package had been uploaded, and the platform goes on verifying it: it takes the "
                     "whole package or nothing. Push it again to see how that ended.")};
  }
  if (submitted.error().code() == ErrorCode::kTimeout)
    return Error(
        ErrorCode::kTimeout, "no-answer",
        tr("The platform has the whole package and still works on it: it verifies it, or waits for its registry. "
           "It goes on; push the package again to see how that ended."));
  // An earlier push may have come further than it could tell: the platform verifies it just now, or has done so.
  const bool elsewhere =
      submitted.error().reason() == "upload-busy" || submitted.error().code() == ErrorCode::kNotFound;
  if (!begun->goes_on || !elsewhere) return submitted.error();
  note.drop();
  return try_push(client, note, package, stop, console);
}

Result<int> push(const PlatformFlags& flags, const std::string& file, const std::string& format, Console& console) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Error(ErrorCode::kNotFound, "no-such-file", say("There is no package {}. `mifeng pack` makes one.", {file}));
  MIFENG_TRY(StopSignal stop, StopSignal::create());
  MIFENG_TRY(auto client, connect(flags));
  client.stop_by(stop);
  UploadNote note = UploadNote::take(client.session().platform, file, info);
  MIFENG_TRY(const Pushed pushed, try_push(client, note, {fd.get(), info.st_size}, stop, console));
  if (!pushed.submitted) return interrupted(console, stop, pushed.interrupted);
  const json::Value& submitted = *pushed.submitted;
  if (text_of(submitted, "outcome") == "already-there")
    console.message(tr("The very same package was there already; nothing changed."));
  const json::Value* version = submitted.if_object()->find("version");
  MIFENG_CHECK(print_objects(console, version == nullptr ? submitted : *version, format, version_columns()));
  return 0;
}

}  // namespace

void add_push(Command& root) {
  Command command = root.add("push", "Submit a package to a platform");
  auto flags = add_platform_flags(command, kLongTimeout);
  auto file = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  command.text("PACKAGE", *file, "a .mfpkg file", Need::kRequired);
  add_output_flag(command, *format);
  command.examples("  mifeng push digits-1.2.0.mfpkg");
  command.run([=](Console& console) { return push(*flags, *file, *format, console); });
}

}  // namespace mifeng::cli
