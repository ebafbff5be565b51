// mifeng-messages FOLDER SOURCE: for the build alone. Makes SOURCE, the tables that apps/mifeng/cli/language.h
// declares, of the catalogue FOLDER (spec/messages). Exit status 1 and a line for each mistake where the catalogue has
// some; SOURCE stays as it was then.
#include <cstdio>
#include <string>

#include "catalogue.h"
#include "mifeng/os/file.h"

namespace {

using namespace mifeng;

// A literal of C++. UTF-8 stands in it as it is.
std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char octal[5];  // always three digits: what follows may be one too
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(c));
      out += octal;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string source_of(const std::vector<MessageTable>& tables) {
  std::string out =
      "// Made by mifeng-messages of spec/messages.\n"
      "#include \"cli/language.h\"\n\n"
      "namespace mifeng::cli {\n";
  for (const MessageTable& table : tables) {
    out += "std::span<const Translation> chinese_" + table.name + "() {\n  static constexpr Translation kRows[] = {\n";
    for (const auto& [english, chinese] : table.entries)
      out += "      {" + literal(english) + ", " + literal(chinese) + "},\n";
    out += "  };\n  return kRows;\n}\n";
  }
  return out + "}  // namespace mifeng::cli\n";
}

Result<void> run(const std::string& folder, const std::string& source) {
  MIFENG_TRY(const auto tables, read_catalogue(folder));
  return write_file_atomic(source, as_bytes(source_of(tables)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: mifeng-messages FOLDER SOURCE\n", stderr);
    return 2;
  }
  if (const auto done = run(argv[1], argv[2]); !done) {
    std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
