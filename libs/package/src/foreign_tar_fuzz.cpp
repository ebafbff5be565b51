// Any bytes as a layer that somebody else made: entries or an error, the same in one piece and in small ones.
#include <cstdlib>
#include <vector>

#include "image_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const auto read = [&](std::size_t piece) {
    std::vector<std::string> seen;
    package::ImageTree tree({"/data"});
    package::ForeignTar tar([&](const package::ForeignEntry& entry) {
      if (entry.path.empty() || entry.path.size() > 4096 || entry.link_target.size() > 4096) std::abort();
      seen.push_back(entry.path + "\n" + entry.link_target);
      return tree.add(entry);
    });
    bool good = true;
    for (std::size_t at = 0; at < size && good; at += piece)
      good = tar.feed({data + at, std::min(piece, size - at)}).has_value();
    seen.push_back(good && tar.finish() ? "whole" : "refused");
    return seen;
  };
  if (read(size == 0 ? 1 : size) != read(511)) std::abort();
  return 0;
}
