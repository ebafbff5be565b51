#include "commands/upload_note.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "commands/pack_places.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNoteMax = 1024;

// Changes with every write to the file, and when another takes its name.
std::string facts_of(const struct ::stat& facts) {
  return std::to_string(facts.st_size) + " " + std::to_string(facts.st_mtim.tv_sec) + "." +
         std::to_string(facts.st_mtim.tv_nsec) + " " + std::to_string(facts.st_ino);
}

bool is_id(const std::string& text) {
  if (text.empty() || text.size() > 100) return false;
  for (const char c : text)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-') return false;
  return true;
}

}  // namespace

UploadNote UploadNote::take(const std::string& platform, const std::string& file, const struct ::stat& facts) {
  UploadNote note;
  note.facts_ = facts_of(facts);
  std::error_code error;
  const fs::path folder = user_cache() / "uploads";
  fs::create_directories(folder, error);
  const std::string name = platform + "\n" + fs::absolute(file, error).lexically_normal().string();
  note.path_ = (folder / to_hex(crypto::sm3(as_bytes(name)))).string();
  UniqueFd fd(::open(note.path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return note;
  note.fd_ = std::move(fd);
  // Two lines: the facts, the upload.
  const auto text = read_text_file(note.path_, kNoteMax);
  const std::size_t line = text ? text->find('\n') : std::string::npos;
  if (line == std::string::npos || !text->ends_with('\n')) return note;
  std::string upload = text->substr(line + 1);
  if (!upload.empty()) upload.pop_back();
  if (is_id(upload)) (text->substr(0, line) == note.facts_ ? note.upload_ : note.outdated_) = upload;
  return note;
}

void UploadNote::keep(const std::string& upload) {
  if (!fd_) return;
  const std::string text = facts_ + "\n" + upload + "\n";
  if (::ftruncate(fd_.get(), 0) == 0)
    (void)!::pwrite(fd_.get(), text.data(), text.size(), 0);  // half a note counts as none
}

void UploadNote::drop() {
  if (fd_) ::unlink(path_.c_str());
  fd_.reset();
  upload_.clear();
  outdated_.clear();
}

}  // namespace mifeng::cli
