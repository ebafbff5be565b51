// Uploads: a package goes piece by piece from the socket to the platform's file, never as a whole through memory.
#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

using net::Task;

constexpr std::size_t kPiece = 1 << 20;

net::Response respond(const Reply& answer) {
  net::Response response(answer.status, answer.body, answer.content_type);
  return response;
}

Result<Reply> begin_upload(Call& call) {
  json::Fields body(call.body);
  const auto size = body.integer("size", 1, INT64_MAX);
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto upload, call.platform.submits().begin(call.actor, size));
  return reply(json_of(upload), 201);
}

Result<Reply> get_upload(Call& call) {
  MIFENG_TRY(const auto upload, call.platform.submits().get(call.actor, call.id()));
  return reply(json_of(upload));
}

Result<Reply> cancel_upload(Call& call) {
  MIFENG_CHECK(call.platform.submits().cancel(call.actor, call.id()));
  return no_content();
}

Result<Reply> finish(Call& call, const std::string& id) {
  MIFENG_TRY(const auto submitted, call.platform.submits().finish(call.actor, id));
  return reply(json_of(submitted), submitted.outcome == models::SubmitOutcome::kStored ? 201 : 200);
}

Result<Reply> submit_upload(Call& call) { return finish(call, call.id()); }

// From `offset` on, until the body ends. What was stored stays stored when it breaks off.
Task<models::Upload> append_body(std::shared_ptr<Call> call, std::string id, std::int64_t offset) {
  Bytes buffer(kPiece);
  models::Upload upload;
  bool ended = false;
  while (!ended) {
    std::size_t filled = 0;
    std::optional<Error> broken;
    while (filled < buffer.size() && !ended && !broken) {
      auto count = co_await call->raw->read_some(MutableBytes(buffer).subspan(filled));
      if (!count) {
        broken = std::move(count).error();
      } else {
        ended = *count == 0;
        filled += *count;
      }
    }
    // Also what came before the connection broke off: the client goes on from there.
    auto store = [&]() -> Result<models::Upload> {
      return call->platform.submits().append(call->actor, id, offset, ByteView(buffer).first(filled));
    };
    auto stored = co_await net::run_blocking(call->work, std::move(store));
    if (!stored) co_return std::move(stored).error();
    if (broken) co_return *broken;
    upload = *stored;
    offset += static_cast<std::int64_t>(filled);
  }
  co_return upload;
}

Task<net::Response> append_upload(std::shared_ptr<Call> call) {
  MIFENG_CO_TRY(const auto offset, call->integer("offset", 0, INT64_MAX, std::nullopt));
  const std::string id = call->id();
  auto upload = co_await append_body(call, id, offset);
  if (!upload) co_return std::move(upload).error();
  co_return respond(reply(json_of(*upload)));
}

Task<net::Response> submit_package(std::shared_ptr<Call> call) {
  const auto size = call->raw->announced_size();
  if (!size || *size == 0)
    co_return Error(ErrorCode::kInvalidArgument, "length-required",
                    "Say how long the package is (Content-Length), or use /uploads.");
  auto begin = [&]() -> Result<models::Upload> {
    return call->platform.submits().begin(call->actor, static_cast<std::int64_t>(*size));
  };
  auto begun = co_await net::run_blocking(call->work, std::move(begin));
  if (!begun) co_return std::move(begun).error();
  const std::string id = begun->id;
  auto uploaded = co_await append_body(call, id, 0);
  std::optional<Error> failure;
  if (!uploaded) failure = std::move(uploaded).error();
  if (!failure) {
    auto verify = [&]() -> Result<Reply> { return finish(*call, id); };
    auto verifying = net::run_blocking(call->verifications, std::move(verify), verifies_for(*call));
    auto answer = co_await std::move(verifying);
    if (answer) co_return respond(*answer);
    failure = std::move(answer).error();
  }
  // Nobody knows the id of this upload, so nobody would go on with it.
  auto cancel = [&]() -> Result<void> { return call->platform.submits().cancel(call->actor, id); };
  (void)co_await net::run_blocking(call->work, std::move(cancel));
  co_return *failure;
}

constexpr auto kSubmit = Permission::kSubmit;
constexpr Operation kOperations[] = {
    {"submitPackage", "POST", "/packages", kSubmit, submit_package, BodyKind::kRaw},
    {"beginUpload", "POST", "/uploads", kSubmit, begin_upload, BodyKind::kJson},
    {"getUpload", "GET", "/uploads/{id}", kSubmit, get_upload},
    {"appendUpload", "PATCH", "/uploads/{id}", kSubmit, append_upload, BodyKind::kRaw, "offset"},
    {"cancelUpload", "DELETE", "/uploads/{id}", kSubmit, cancel_upload},
    {"submitUpload", "POST", "/uploads/{id}/submission", kSubmit, submit_upload, BodyKind::kNone, "",
     Pool::kVerifications},
};

}  // namespace

std::span<const Operation> package_operations() { return kOperations; }

}  // namespace mifeng::rest
