// Runs a libFuzzer target over a corpus folder as an ordinary test: every file once, and then a fixed number of
// mutations of each (one byte changed, cut, doubled), so that even without clang a parser sees some broken input.
// Fails when the folder holds no file: a corpus that went missing must not look like a success.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
    return 2;
  }
  std::size_t files = 0;
  std::size_t runs = 0;
  std::mt19937 random(20240611);  // fixed: a failure here must be repeatable
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++files;
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
  std::printf("%zu corpus files, %zu runs\n", files, runs);
  return files == 0 ? 1 : 0;
}
