// Header blocks for tests, as any writer might put them.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace mifeng::package {

struct TarBlock {
  std::string name;
  char type = '0';
  std::string link{};
  std::string content{};
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix{};
  std::string size{};  // in the place of that of the content
};

inline std::string tar_block(const TarBlock& one) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  char number[16];
  std::snprintf(number, sizeof number, "%011o", static_cast<unsigned>(one.content.size()));
  put(0, one.name);
  put(100, "0000644");
  put(124, one.size.empty() ? number : one.size);
  block[156] = one.type;
  put(157, one.link);
  put(257, one.magic);
  put(345, one.prefix);
  put(148, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(number, sizeof number, "%06o", sum);
  put(148, std::string_view(number, 7));
  return block + one.content + std::string((512 - one.content.size() % 512) % 512, '\0');
}

inline std::string tar_end() { return std::string(1024, '\0'); }

// "LENGTH KEY=VALUE\n"
inline std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

}  // namespace mifeng::package
