#include "mifeng/models/submit_service.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <shared_mutex>

#include "mifeng/base/phrase.h"
#include "mifeng/models/context.h"
#include "mifeng/models/image_push.h"
#include "mifeng/os/file.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "submission.h"

namespace mifeng::models {
namespace {

constexpr UnixMillis kUploadLifetime = 24LL * 3600 * 1000;
constexpr std::size_t kUploadsOfOne = 64;  // unfinished ones of one person

Error disk_full() {
  return Error(ErrorCode::kResourceExhausted, "disk-full",
               phrase("The platform's disk for uploads is full; what was stored before is intact. Make room there, or "
                      "ask its administrator to, and submit again."));
}

std::filesystem::path folder_of(const Context& context) { return context.options.uploads; }
std::filesystem::path path_of(const Context& context, const std::string& id) {
  return folder_of(context) / (id + ".mfpkg");
}

std::int64_t bytes_at(const std::filesystem::path& path) {
  struct ::stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

Result<store::UploadRow> own_upload(const Context& context, const trust::Actor& actor, const std::string& id) {
  MIFENG_TRY(auto row, context.db.read([&](store::Transaction& tx) { return store::find<store::UploadRow>(tx, id); }));
  if (!row || row->person_id != actor.id || row->expires_ms <= context.clock.now_ms())
    return trust::not_found("upload", id);
  return std::move(*row);
}

// On the disk it needs its own bytes, and the image's layers once more on their way into the registry.
std::int64_t room_for(std::int64_t size, std::int64_t received) { return 2 * size - received; }

Error over_quota(const Context& context, std::int64_t taken) {
  return Error(ErrorCode::kResourceExhausted, "vendor-quota",
               "A vendor's packages may take " + std::to_string(context.options.vendor_quota) + " bytes, and " +
                   std::to_string(taken) +
                   " are taken. Remove versions that nobody needs (mifeng delete models), or "
                   "ask an administrator of the platform for more (mifengd --vendor-quota).");
}

// What is on its way has its room already, and a vendor has no more than his share of what is stored.
Result<void> check_room(store::Transaction& tx, const Context& context, const trust::Actor& actor, std::int64_t size) {
  MIFENG_TRY(const auto stored, store::image_bytes_of_vendor(tx, actor.vendor_id));
  MIFENG_TRY(const auto rows, store::all<store::UploadRow>(tx));
  std::int64_t promised = 0, own = 0;
  std::size_t unfinished = 0;
  for (const auto& row : rows) {
    promised += room_for(row.size, bytes_at(path_of(context, row.id)));
    if (row.person_id != actor.id) continue;
    own += row.size;
    ++unfinished;
  }
  if (unfinished >= kUploadsOfOne)
    return Error(ErrorCode::kResourceExhausted, "too-many-uploads",
                 "You have " + std::to_string(unfinished) + " uploads that are not finished. Finish or give up some.");
  if (!actor.vendor_id.empty() && stored + own + size > context.options.vendor_quota)
    return over_quota(context, stored + own);
  if (context.reserve.room_for_others(folder_of(context)) < promised + room_for(size, 0)) return disk_full();
  return ok();
}

Upload upload_of(const Context& context, const store::UploadRow& row) {
  auto upload = made_of<Upload, "received">(row);
  upload.received = bytes_at(path_of(context, row.id));
  return upload;
}

}  // namespace

struct SubmitService::State {
  std::mutex mutex;
  std::set<std::string> busy;  // uploads that a call is working on
};

// An upload has one call at a time: two pieces at once would mix.
class BusyUpload {
 public:
  static Result<BusyUpload> take(std::mutex& mutex, std::set<std::string>& busy, const std::string& id) {
    std::lock_guard lock(mutex);
    if (!busy.insert(id).second)
      return Error(ErrorCode::kConflict, "upload-busy", "Another request works on this upload. Wait for it.");
    return BusyUpload(mutex, busy, id);
  }
  BusyUpload(BusyUpload&& other) noexcept : mutex_(other.mutex_), busy_(other.busy_), id_(std::move(other.id_)) {
    other.id_.clear();
  }
  BusyUpload& operator=(BusyUpload&&) = delete;
  ~BusyUpload() {
    if (id_.empty()) return;
    std::lock_guard lock(mutex_);
    busy_.erase(id_);
  }

 private:
  BusyUpload(std::mutex& mutex, std::set<std::string>& busy, std::string id)
      : mutex_(mutex), busy_(busy), id_(std::move(id)) {}
  std::mutex& mutex_;
  std::set<std::string>& busy_;
  std::string id_;
};

// Nobody else's, which nobody learns about; and looked at again once it is ours alone: it may have been given up or
// submitted meanwhile, and a piece that is written then would be a file without a row.
Result<BusyUpload> SubmitService::take_own(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(own_upload(context_, actor, id));
  MIFENG_TRY(auto busy, BusyUpload::take(state_->mutex, state_->busy, id));
  MIFENG_CHECK(own_upload(context_, actor, id));
  return busy;
}

std::string_view to_string(SubmitOutcome outcome) {
  return outcome == SubmitOutcome::kStored ? "stored" : "already-there";
}

SubmitService::SubmitService(const Context& context) : context_(context), state_(new State) {}
SubmitService::~SubmitService() = default;

Result<Upload> SubmitService::begin(const trust::Actor& actor, std::int64_t size) {
  MIFENG_CHECK(require(actor, trust::Permission::kSubmit));
  if (size < 1) return Error(ErrorCode::kInvalidArgument, "bad-size", "size: the package's size in bytes.");
  if (size > context_.options.package_size_max)
    return Error(ErrorCode::kResourceExhausted, "package-too-large",
                 "A package may have " + std::to_string(context_.options.package_size_max) + " bytes at most.");
  if (context_.options.registry.empty())
    return Error(ErrorCode::kUnavailable, "no-registry", "The platform has no image registry. Start mifengd with one.");
  std::error_code failed;
  std::filesystem::create_directories(folder_of(context_), failed);
  std::filesystem::permissions(folder_of(context_), std::filesystem::perms::owner_all, failed);
  const store::UploadRow row{.id = trust::new_id(context_.random, "up-"),
                             .person_id = actor.id,
                             .size = size,
                             .expires_ms = context_.clock.now_ms() + kUploadLifetime};
  // In one transaction, so that two at once do not both find the last room.
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(check_room(tx, context_, actor, size));
    return store::insert(tx, row);
  }));
  return upload_of(context_, row);
}

Result<Upload> SubmitService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kSubmit));
  MIFENG_TRY(const auto row, own_upload(context_, actor, id));
  return upload_of(context_, row);
}

Result<Upload> SubmitService::append(const trust::Actor& actor, const std::string& id, std::int64_t offset,
                                     ByteView piece) {
  MIFENG_CHECK(require(actor, trust::Permission::kSubmit));
  MIFENG_TRY(const auto busy, take_own(actor, id));
  MIFENG_TRY(auto row, own_upload(context_, actor, id));
  const std::filesystem::path path = path_of(context_, id);
  const std::int64_t received = bytes_at(path);
  if (offset != received)
    return Error(ErrorCode::kConflict, "wrong-offset",
                 "The upload goes on at byte " + std::to_string(received) + ", not " + std::to_string(offset) + ".");
  if (static_cast<std::int64_t>(piece.size()) > row.size - received)
    return Error(ErrorCode::kInvalidArgument, "too-many-bytes", "More bytes came than the upload was announced with.");
  if (context_.reserve.room_for_others(folder_of(context_)) < static_cast<std::int64_t>(piece.size()))
    return disk_full();
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return errno == ENOSPC ? disk_full() : errno_error(errno, "open the upload");
  for (std::size_t done = 0; done < piece.size();) {
    const ::ssize_t wrote = ::write(file.get(), piece.data() + done, piece.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && (errno == ENOSPC || errno == EDQUOT)) return disk_full();
    if (wrote < 0) return errno_error(errno, "write the upload");
    done += static_cast<std::size_t>(wrote);
  }
  // The day starts anew, once an hour so that not every piece is a transaction.
  const UnixMillis expires = context_.clock.now_ms() + kUploadLifetime;
  if (row.expires_ms + kUploadLifetime / 24 < expires) {
    row.expires_ms = expires;
    MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) { return store::update(tx, row); }));
  }
  return upload_of(context_, row);
}

Result<void> SubmitService::cancel(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kSubmit));
  MIFENG_TRY(const auto busy, take_own(actor, id));
  ::unlink(path_of(context_, id).c_str());
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::erase<store::UploadRow>(tx, id));
    return ok();
  });
}

// The steps of a submit. `subject` is what it is about, known once the package was read.
Result<Submitted> SubmitService::submit(const trust::Actor& actor, const std::string& id, std::string& subject) {
  package::PackageLimits limits;
  limits.file_size = static_cast<std::uint64_t>(context_.options.package_size_max);
  MIFENG_TRY(const auto package, package::PackageFile::open(path_of(context_, id), limits));
  subject = subject_of(package.manifest());
  Submission submission{
      .actor = actor, .upload_id = id, .package = package, .package_sm3 = trust::sm3_hex(package.manifest_bytes())};
  MIFENG_TRY(submission.verified, verify_package(context_, actor, package));
  MIFENG_TRY(auto there, find_submitted(context_, submission));
  if (there) return Submitted{.version = std::move(*there), .outcome = SubmitOutcome::kAlreadyThere};
  const std::int64_t size = bytes_at(path_of(context_, id));
  MIFENG_TRY(const auto stored, context_.db.read([&](store::Transaction& tx) {
    return store::image_bytes_of_vendor(tx, package.manifest().vendor.id);
  }));
  if (stored + size > context_.options.vendor_quota) return over_quota(context_, stored);
  if (context_.reserve.room_for_others(folder_of(context_)) < size) return disk_full();
  MIFENG_TRY(submission.segments, package.verify_contents());
  const std::shared_lock image_is_coming(context_.images.mutex);
  MIFENG_CHECK(announce_image(context_, submission));
  MIFENG_TRY(submission.image_address, push_image(package, package.manifest().model.version,
                                                  {.registry = context_.options.registry,
                                                   .access = context_.options.registry_access,
                                                   .work_dir = folder_of(context_)}));
  return store_version(context_, submission);
}

Result<Submitted> SubmitService::finish(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kSubmit));
  MIFENG_TRY(const auto busy, take_own(actor, id));
  MIFENG_TRY(const auto upload, own_upload(context_, actor, id));
  const std::filesystem::path path = path_of(context_, id);
  if (bytes_at(path) != upload.size)
    return Error(ErrorCode::kConflict, "upload-incomplete",
                 std::to_string(bytes_at(path)) + " of " + std::to_string(upload.size) + " bytes have come.");
  std::string subject = id;
  auto submitted = submit(actor, id, subject);
  if (!submitted) {
    context_.audit.append_refusal(actor.name, "version.submit", subject, submitted.error());
    const ErrorCode code = submitted.error().code();
    // Bytes that are wrong stay wrong; an upload that met a full disk or a registry that is away can be finished later.
    const bool again_may_help = code == ErrorCode::kUnavailable || code == ErrorCode::kResourceExhausted ||
                                code == ErrorCode::kTimeout || submitted.error().reason() == "vendor-key-not-confirmed";
    if (again_may_help) return submitted;
  }
  ::unlink(path.c_str());
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) { return store::erase<store::UploadRow>(tx, id); }));
  return submitted;
}

Result<int> SubmitService::remove_expired() {
  MIFENG_TRY(const auto rows, context_.db.read([&](store::Transaction& tx) {
    return store::uploads_expired(tx, context_.clock.now_ms());
  }));
  int removed = 0;
  for (const auto& row : rows) {
    const auto busy = BusyUpload::take(state_->mutex, state_->busy, row.id);
    if (!busy) continue;
    ::unlink(path_of(context_, row.id).c_str());
    MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) { return store::erase<store::UploadRow>(tx, row.id); }));
    ++removed;
  }
  return removed;
}

Result<void> SubmitService::sweep_at_start() {
  // Files without a row: of a process that was killed between the two; and layouts on their way to the registry. Only
  // before anybody can submit, or they might be somebody's.
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder_of(context_), none)) {
    MIFENG_TRY(const auto row, context_.db.read([&](store::Transaction& tx) {
      return store::find<store::UploadRow>(tx, entry.path().stem().string());
    }));
    if (!row) std::filesystem::remove_all(entry.path(), none);
  }
  return ok();
}

}  // namespace mifeng::models
