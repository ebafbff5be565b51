// mifeng seal
#include <optional>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/stream_files.h"
#include "commands/commands.h"
#include "commands/key_files.h"
#include "mifeng/base/random.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::cli {
namespace {

struct SealArguments {
  std::string kind;
  std::vector<std::string> recipients;
  std::string signer;
  std::string context_hex;
  std::string input;
  std::string output;
  std::int64_t exponent = 16;
};

constexpr std::size_t kPiece = 256 * 1024;

Result<int> run(const SealArguments& arguments, Console& console) {
  if (arguments.output.empty() && console.output_is_terminal())
    return Error(ErrorCode::kInvalidArgument, "output-is-terminal",
                 tr("a sealed stream is not for a terminal; name a file with --output-file, or pipe it on"));
  auto context = from_hex(arguments.context_hex);
  if (!context) return context.error().with_context("--context-hex");
  std::vector<crypto::Sm2PublicKey> recipients;
  for (const std::string& path : arguments.recipients) {
    MIFENG_TRY(auto key, read_public_key(path));
    recipients.push_back(std::move(key));
  }
  std::optional<crypto::Sm2PrivateKey> signer;
  if (!arguments.signer.empty()) {
    MIFENG_TRY(auto key, read_private_key(arguments.signer));
    signer.emplace(std::move(key));
  }

  SystemRandom random;
  MIFENG_TRY(const auto provider, crypto::Sm4GcmProvider::create());
  sealed::SenderKeyOptions options;
  options.kind = *sealed::kind_from_string(arguments.kind);
  options.exponent = static_cast<int>(arguments.exponent);
  options.recipients = recipients;
  options.signer = signer ? &*signer : nullptr;
  MIFENG_TRY(auto key, sealed::SenderKey::create(options, random));
  MIFENG_TRY(auto sealer, sealed::Sealer::create(key, {.context = *context}, random, *provider));

  MIFENG_TRY(Input input, Input::open(arguments.input));
  MIFENG_TRY(Output output, Output::create(arguments.output));
  MIFENG_CHECK(output.write(sealer.header()));
  Bytes piece(kPiece);
  Bytes segment(sealer.segment_size() + sealed::kSegmentOverhead);
  while (!sealer.finished()) {
    MIFENG_TRY(const std::size_t size, input.read(piece));
    const auto after = size == 0 ? sealed::Sealer::After::kLast : sealed::Sealer::After::kMore;
    ByteView rest = ByteView(piece).first(size);
    do {
      MIFENG_TRY(const std::size_t written, sealer.next(rest, after, segment));
      MIFENG_CHECK(output.write(ByteView(segment).first(written)));
    } while (!rest.empty());
  }
  MIFENG_CHECK(output.commit());
  return 0;
}

}  // namespace

void add_seal(Command& root) {
  auto arguments = std::make_shared<SealArguments>();
  Command command = root.add("seal", "Encrypt a stream to public keys, and sign it");
  command.word("--kind", arguments->kind, {"payload", "response", "grant"}, "what the stream is", Need::kRequired)
      .texts("--to", arguments->recipients, "public key (PEM) of a recipient; again for each, up to 16",
             Need::kRequired)
      .text("--sign", arguments->signer, "private key (PEM) to sign with")
      .text("--context-hex", arguments->context_hex, "what both ends know: needed again to open it")
      .number("--segment-exponent", arguments->exponent, 10, 24, "segments of 2^E bytes")
      .text("-i,--input", arguments->input, "file; else standard input")
      .text("--output-file", arguments->output, "file; else standard output")
      .examples(
          "  mifeng seal --kind payload --to customer.pub.pem --sign vendor.pem --output-file model.sealed < "
          "model.tar\n"
          "  tar c model | mifeng seal --kind payload --to a.pub.pem --to b.pub.pem > model.sealed");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli
