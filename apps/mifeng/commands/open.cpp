// mifeng open
#include "mifeng/sealed/open.h"
#include "cli/console.h"
#include "cli/stream_files.h"
#include "commands/commands.h"
#include "commands/key_files.h"

namespace mifeng::cli {
namespace {

struct OpenArguments {
  std::string key;
  std::string kind;
  std::string signer;
  bool require_signature = false;
  std::string context_hex;
  std::string input;
  std::string output;
};

constexpr std::size_t kPiece = 256 * 1024;

Result<int> run(const OpenArguments& arguments, Console&) {
  auto context = from_hex(arguments.context_hex);
  if (!context) return context.error().with_context("--context-hex");
  MIFENG_TRY(const auto key, read_private_key(arguments.key));
  sealed::Policy policy;
  if (!arguments.kind.empty()) policy.kind = sealed::kind_from_string(arguments.kind);
  if (arguments.require_signature) policy.signature = sealed::SignatureRule::kRequired;
  if (!arguments.signer.empty()) {
    MIFENG_TRY(policy.signer, read_public_key(arguments.signer));
  }

  MIFENG_TRY(const auto provider, crypto::Sm4GcmProvider::create());
  sealed::Opener opener(policy, key, std::move(*context), *provider);
  MIFENG_TRY(Input input, Input::open(arguments.input));
  MIFENG_TRY(Output output, Output::create(arguments.output, 0600));
  Bytes piece(kPiece);
  for (;;) {
    MIFENG_TRY(const std::size_t size, input.read(piece));
    if (size == 0) break;
    ByteView rest = ByteView(piece).first(size);
    while (!rest.empty()) {
      MIFENG_TRY(const ByteView plaintext, opener.next(rest));
      MIFENG_CHECK(output.write(plaintext));
    }
  }
  MIFENG_CHECK(opener.finish());
  MIFENG_CHECK(output.commit());
  return 0;
}

}  // namespace

void add_open(Command& root) {
  auto arguments = std::make_shared<OpenArguments>();
  Command command = root.add("open", "Verify and decrypt a sealed stream");
  command.text("-k,--key", arguments->key, "private key (PEM) of a recipient", Need::kRequired)
      .word("--kind", arguments->kind, {"payload", "response", "grant"}, "refuse any other kind")
      .text("--signer", arguments->signer, "public key (PEM): a signature must be this key's")
      .flag("--require-signature", arguments->require_signature, "refuse a stream that is not signed")
      .text("--context-hex", arguments->context_hex, "the context that it was sealed under")
      .text("-i,--input", arguments->input, "file; else standard input")
      .text("--output-file", arguments->output,
            "file, which appears only when all of it has verified; else standard output")
      .examples(
          "  mifeng open --key customer.pem --kind payload --signer vendor.pub.pem --require-signature \\\n"
          "      --output-file model.tar < model.sealed\n\n"
          "Exit status 6 and the class of failure on standard error where the stream is refused. With --output-file no "
          "file is\n"
          "left then; standard output has had the segments that verified before the bad one.");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli
