// mifeng-messages [--gateway] FOLDER SOURCE: for the build alone. Makes SOURCE of the catalogue FOLDER (spec/messages):
// the tables that apps/mifeng/cli/language.h declares, or with --gateway the one that nginx/src/said.h does, of the
// phrases that a gateway says. Exit status 1 and a line for each mistake where the catalogue has some; SOURCE stays as
// it was then.
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

constexpr std::string_view kOfGateways = "what a gateway answers to a caller";  // a group of phrases.json

struct Wanted {
  std::string header, name_space;
  bool gateway = false;
};

std::string source_of(const std::vector<MessageTable>& tables, const Wanted& wanted) {
  std::string out = "// Made by mifeng-messages of spec/messages.\n#include \"" + wanted.header + "\"\n\nnamespace " +
                    wanted.name_space + " {\n";
  for (const MessageTable& table : tables) {
    if (wanted.gateway && table.name != "phrases") continue;
    out += "std::span<const Translation> chinese_" + table.name + "() {\n  static constexpr Translation kRows[] = {\n";
    for (const Message& one : table.entries)
      if (!wanted.gateway || one.group == kOfGateways)
        out += "      {" + literal(one.english) + ", " + literal(one.chinese) + "},\n";
    out += "  };\n  return kRows;\n}\n";
  }
  return out + "}  // namespace " + wanted.name_space + "\n";
}

Result<void> run(const std::string& folder, const std::string& source, const Wanted& wanted) {
  MIFENG_TRY(const auto tables, read_catalogue(folder));
  return write_file_atomic(source, as_bytes(source_of(tables, wanted)));
}

}  // namespace

int main(int argc, char** argv) {
  const bool gateway = argc == 4 && std::string_view(argv[1]) == "--gateway";
  if (argc != 3 && !gateway) {
    std::fputs("usage: mifeng-messages [--gateway] FOLDER SOURCE\n", stderr);
    return 2;
  }
  const Wanted wanted =
      gateway ? Wanted{"said.h", "mifeng::nginx", true} : Wanted{"cli/language.h", "mifeng::cli", false};
  if (const auto done = run(argv[argc - 2], argv[argc - 1], wanted); !done) {
    std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
