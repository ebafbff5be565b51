#include "mifeng/base/spelling.h"

#include <algorithm>

namespace mifeng {
namespace {

constexpr std::size_t kWordMax = 64;  // nobody types a longer one by mistake

// Optimal string alignment: Levenshtein's distance with swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  if (word.empty() || word.size() > kWordMax) return "";
  // One slip in a short word, two in a longer one.
  std::size_t best = word.size() < 5 ? 2 : 3;
  std::string found;
  for (const std::string& candidate : words) {
    // The beginning of a word is a way to write it.
    const std::size_t far = word.size() >= 3 && candidate.starts_with(word) ? 1 : distance(word, candidate);
    if (far >= best || far >= candidate.size()) continue;
    best = far;
    found = candidate;
  }
  return found;
}

}  // namespace mifeng
