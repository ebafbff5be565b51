#include "gunzip.h"

namespace mifeng::package {
namespace {

constexpr std::size_t kPiece = 1 << 18;

Error bad_gzip() { return Error(ErrorCode::kInvalidArgument, "bad-gzip", "it is no gzip"); }

}  // namespace

Gunzip::Gunzip(Members members, std::uint64_t& left) : members_(members), left_(left), out_(kPiece) {
  ready_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK;
}

Gunzip::~Gunzip() { ::inflateEnd(&stream_); }

Result<void> Gunzip::feed(ByteView bytes, const archive::Sink& sink) {
  if (!ready_) return Error(ErrorCode::kInternal, "no-memory", "zlib could not be started");
  stream_.next_in = const_cast<Bytef*>(bytes.data());
  stream_.avail_in = static_cast<uInt>(bytes.size());
  while (stream_.avail_in > 0) {
    if (ended_ && (members_ == Members::kOne || ::inflateReset(&stream_) != Z_OK)) return bad_gzip();
    stream_.next_out = out_.data();
    stream_.avail_out = static_cast<uInt>(out_.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END) return bad_gzip();
    ended_ = result == Z_STREAM_END;
    const std::size_t got = out_.size() - stream_.avail_out;
    if (got > left_) return Error(ErrorCode::kInvalidArgument, "too-large", "it unpacks to more than is allowed");
    left_ -= got;
    MIFENG_CHECK(sink(ByteView(out_).first(got)));
  }
  return ok();
}

}  // namespace mifeng::package
