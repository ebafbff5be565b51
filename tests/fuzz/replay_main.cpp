// Runs a libFuzzer target over a corpus folder as an ordinary test: every file once, and then a fixed number of
// mutations of each (one byte changed, cut, doubled), so that even without clang a parser sees some broken input.
// Fails when the folder holds no file: a corpus that went missing must not look like a success. Where the target ends
// the program, the last line says at which file. tests/fuzz/test_replay.py shows that all this is so.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Of the sanitizers' runtime, where the build has one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

std::string now_at;

void say_where() { [[maybe_unused]] const auto written = ::write(STDERR_FILENO, now_at.data(), now_at.size()); }

// A target says by abort() that something is wrong.
void say_where_and_end(int signal) {
  say_where();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
    return 2;
  }
  // In one order everywhere, and from subfolders too, as libFuzzer does.
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1]))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::size_t runs = 0;
  std::mt19937 random(20240611);  // fixed: a failure here must be repeatable
  std::signal(SIGABRT, say_where_and_end);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_where);
  for (const auto& file : files) {
    now_at = "the target failed at " + file.string() + "\n";
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "%s cannot be read\n", file.c_str());
      return 1;
    }
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    now_at.insert(now_at.size() - 1, ", changed");
    ++runs;
    for (int i = 0; i < 200 && !input.empty(); ++i, ++runs) {
      auto mutated = input;
      const std::size_t at = random() % mutated.size();
      switch (random() % 3) {
        case 0: mutated[at] = static_cast<std::uint8_t>(random()); break;
        case 1: mutated.resize(at); break;
        default: mutated.insert(mutated.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(at)); break;
      }
      // The target reads from a heap block of exactly this size, so that ASan sees an over-read.
      const std::vector<std::uint8_t> exact(mutated.begin(), mutated.end());
      LLVMFuzzerTestOneInput(exact.data(), exact.size());
    }
  }
  std::printf("%zu corpus files, %zu runs\n", files.size(), runs);
  return files.empty() ? 1 : 0;
}
