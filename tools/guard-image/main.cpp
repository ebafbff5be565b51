// mifeng-guard-image FOLDER OUT SOURCE: for the build alone. Makes the guard's image, an OCI layout OUT, of the guard
// folder FOLDER, and SOURCE, a C++ file that says its digest (guard_image_digest.h); SOURCE stays as it is where it
// says so already, so that nothing is linked again.
#include <cstdio>
#include <string>

#include "mifeng/os/file.h"
#include "mifeng/package/guard_image.h"

namespace {

mifeng::Result<void> run(const std::string& folder, const std::string& out, const std::string& source) {
  using namespace mifeng;
  MIFENG_TRY(const std::string digest, package::write_guard_image(folder, out));
  const std::string text =
      "#include \"guard_image_digest.h\"\n\n"
      "namespace mifeng {\n"
      "constinit const std::string_view kGuardImageDigest = \"" +
      digest +
      "\";\n"
      "}  // namespace mifeng\n";
  if (const auto before = read_text_file(source, 4096); before && *before == text) return ok();
  return write_file_atomic(source, as_bytes(text));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: mifeng-guard-image FOLDER OUT SOURCE\n", stderr);
    return 2;
  }
  if (const auto done = run(argv[1], argv[2], argv[3]); !done) {
    std::fprintf(stderr, "mifeng-guard-image: %s\n", std::string(done.error().message()).c_str());
    return 1;
  }
  return 0;
}
