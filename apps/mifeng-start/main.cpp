// mifeng-start [OPTION...] -- PROGRAM [ARGUMENT...]: the first process of a model's container (spec/start.md).
#include <cstdio>
#include <string>

#include "mifeng/start/keeper.h"

namespace {

void log_line(const std::string& line) { std::fprintf(stderr, "mifeng-start: %s\n", line.c_str()); }

}  // namespace

int main(int argc, char** argv) {
  using namespace mifeng::start;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "--version")) {
    std::fputs(arguments[0] == "--help" ? usage().c_str() : MIFENG_VERSION "\n", stdout);
    return 0;
  }
  const auto options = parse_options(arguments);
  if (!options) {
    log_line(options.error().message());
    std::fputs(usage().c_str(), stderr);
    return 2;
  }
  if (const auto kept = keep_model(*options, log_line); !kept) {
    log_line(kept.error().message());
    return 1;
  }
  return 0;
}
