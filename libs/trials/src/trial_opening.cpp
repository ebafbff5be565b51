#include "trial_opening.h"

#include <algorithm>

#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/fields.h"
#include "mifeng/proxy/open_filter.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/length.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/text.h"

namespace mifeng::trials {
namespace {

constexpr std::size_t kFieldShownMax = 1024;

Error refused(const char* reason, std::string message) {
  return Error(ErrorCode::kVerificationFailed, reason, std::move(message));
}

// How often the field is there, and its first value without white space around.
struct Said {
  std::size_t count = 0;
  std::string_view value;
};
Said field(const net::Headers& headers, std::string_view name) {
  const std::string* value = headers.find(name);
  if (value == nullptr) return {};
  return {headers.count(name), proxy::trim(*value)};
}

bool is_bodyless(const TrialContext& context) {
  return context.method == "HEAD" || context.status == 204 || context.status == 304;
}

// The stream, of whichever form the answer has.
Result<Bytes> stream_of(const Exchange& answer, const TrialContext& context, TrialSeal& seal) {
  if (answer.status < 200)
    return refused("informational-status", phrase("The answer has a status below 200, or none."));
  const Said in_field = field(answer.headers, "Mifeng-Seal"), type = field(answer.headers, "Content-Type");
  const bool is_twice = in_field.count > 1 || type.count > 1 ||
                        field(answer.headers, "Mifeng-Content-Type").count > 1 ||
                        field(answer.headers, "Mifeng-Content-Encoding").count > 1;
  if (is_twice) return refused("duplicate-field", phrase("A field that belongs to the seal stands there twice."));
  const bool in_body = type.value == proxy::kSealedContentType;
  if (in_field.count == 0 && (!in_body || is_bodyless(context)))
    return refused(
        "unsealed",
        phrase("The answer is not sealed: who answers is no guard, or refused the request before reading it."));
  if (in_field.count == 1 && (in_body || (!is_bodyless(context) && !answer.body.empty())))
    return refused("both-forms", phrase("The answer has a Mifeng-Seal and a body as well."));
  seal.form = in_field.count == 1 ? "field" : "body";
  if (in_field.count == 1) return from_base64(in_field.value);
  return to_bytes(answer.body);
}

// How many segments follow the header, by their length fields alone; -1 where these do not fit.
std::int64_t count_segments(ByteView segments) {
  constexpr std::uint32_t kFinal = 0x80000000u;
  for (std::int64_t count = 1;; ++count) {
    if (segments.size() < sealed::kSegmentOverhead) return -1;
    const auto length = load_be<std::uint32_t>(segments);
    const std::size_t size = (length & ~kFinal) + sealed::kSegmentOverhead;
    if (segments.size() < size) return -1;
    segments = segments.subspan(size);
    if ((length & kFinal) != 0) return segments.empty() ? count : -1;
  }
}

TrialHeader describe(const sealed::Header& header, const trust::KeySet& keys) {
  TrialHeader shown;
  shown.version = header.bytes()[3];
  shown.kind = std::string(to_string(header.kind()));
  shown.size = static_cast<std::int64_t>(header.size());
  shown.segment_size = static_cast<std::int64_t>(header.segment_size());
  shown.fixed = header.is_fixed();
  shown.is_signed = header.is_signed();
  shown.salt_hex = to_hex(header.salt());
  for (std::size_t i = 0; i < header.recipient_count(); ++i) {
    const sealed::Recipient recipient = header.recipient(i);
    shown.recipients.push_back({.key_id = to_hex(recipient.key_id),
                                .ours = keys.reveal_for_trial(recipient.key_id) != nullptr,
                                .size = static_cast<std::int64_t>(recipient.ciphertext.size())});
  }
  if (header.is_signed()) {
    shown.signer_key_id = to_hex(header.signer_key_id());
    shown.signature_size = static_cast<std::int64_t>(header.signature().size());
  }
  shown.mac_hex = to_hex(header.mac());
  return shown;
}

struct Proved {
  sealed::RootKey root_key;
  std::string instance_id;
};
Result<Proved> prove(const sealed::Header& header, ByteView context, const Goal& goal) {
  const crypto::Sm2PrivateKey* private_key = nullptr;
  for (std::size_t i = 0; private_key == nullptr && i < header.recipient_count(); ++i)
    private_key = goal.keys->reveal_for_trial(header.recipient(i).key_id);
  if (private_key == nullptr)
    return refused("no-recipient", phrase("The answer is sealed to no output key that the platform has."));
  if (!header.is_signed()) return refused("missing-signature", phrase("The answer is not signed."));
  const crypto::KeyId signer_id = header.signer_key_id();
  const auto is_signer = [&](const Signer& one) { return one.key.key_id() == signer_id; };
  if (std::ranges::none_of(goal.signers, is_signer))
    return refused("unknown-signer", phrase("No live instance of the deployment has the key that signed the answer."));
  MIFENG_TRY(sealed::RootKey root_key, sealed::unwrap_root_key(header, *private_key));
  MIFENG_CHECK(sealed::check_header_mac(header, root_key, context));
  for (const Signer& one : goal.signers)
    if (is_signer(one) && sealed::check_signature(header, one.key)) return Proved{std::move(root_key), one.instance_id};
  return refused("bad-signature", phrase("The signature of the answer is not the instance's."));
}

Result<Bytes> open_segments(const sealed::Header& header, const sealed::RootKey& root_key, ByteView context,
                            ByteView segments, crypto::Sm4GcmProvider& provider) {
  MIFENG_TRY(auto opener, sealed::Opener::resume(proxy::response_policy(), header, root_key, context, provider));
  Bytes plaintext;
  while (!segments.empty()) {
    MIFENG_TRY(const ByteView piece, opener.next(segments));
    append(plaintext, piece);
  }
  MIFENG_CHECK(opener.finish());
  return plaintext;
}

// Of an answer that was opened: what a gateway lets through.
std::vector<TrialField> passed_fields(const net::Headers& headers, const Goal& goal) {
  proxy::RouteEntry route;
  if (goal.route) route.pass_headers.insert(goal.route->pass_headers.begin(), goal.route->pass_headers.end());
  std::vector<TrialField> fields;
  for (const auto& [name, value] : headers) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (proxy::passes_to_caller(lower, route))
      fields.push_back({.name = trust::clean_text(name, bounds::kTrialHeaderNameMax),
                        .value = trust::clean_text(value, kFieldShownMax)});
  }
  return fields;
}

Result<Bytes> bytes_of(const TrialContext& context) {
  return sealed::response_context({.request_id = context.request_id,
                                   .status = static_cast<int>(context.status),
                                   .content_type = context.content_type,
                                   .content_encoding = context.content_encoding,
                                   .method = context.method,
                                   .target = context.target,
                                   .body_digest = context.body_digest});
}

}  // namespace

Result<void> open_answer(const Goal& goal, const Exchange& answer, crypto::Sm4GcmProvider& provider, Trial& trial) {
  trial.context->status = answer.status;
  TrialSeal seal;
  MIFENG_TRY(const Bytes stream, stream_of(answer, *trial.context, seal));
  TrialContext context = *trial.context;
  context.content_type = field(answer.headers, "Mifeng-Content-Type").value;
  context.content_encoding = field(answer.headers, "Mifeng-Content-Encoding").value;
  trial.context->content_type = trust::clean_text(context.content_type, kFieldShownMax);
  trial.context->content_encoding = trust::clean_text(context.content_encoding, kFieldShownMax);
  seal.size = static_cast<std::int64_t>(stream.size());
  seal.stream_base64 = to_base64(stream);
  trial.seal = std::move(seal);

  MIFENG_TRY(const sealed::Header header, sealed::Header::parse(stream, proxy::response_policy()));
  const ByteView segments = ByteView(stream).subspan(header.size());
  trial.seal->header = describe(header, *goal.keys);
  trial.seal->segments = count_segments(segments);
  MIFENG_TRY(const Bytes bound, bytes_of(context));
  MIFENG_TRY(const Proved proved, prove(header, bound, goal));
  MIFENG_TRY(const Bytes plaintext, open_segments(header, proved.root_key, bound, segments, provider));
  if (trial.seal->form == "field" && !plaintext.empty())
    return refused("seal-not-empty",
                   phrase("A Mifeng-Seal opened to a body; the instance does not keep to the format."));
  trial.instance_id = proved.instance_id;
  trial.fields = passed_fields(answer.headers, goal);
  trial.opened = TrialOpened{.status = answer.status,
                             .content_type = trial.context->content_type,
                             .content_encoding = trial.context->content_encoding,
                             .size = static_cast<std::int64_t>(plaintext.size()),
                             .body_base64 = to_base64(plaintext)};
  return ok();
}

}  // namespace mifeng::trials
