// Words that every service of the platform shares.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/base/bounds.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::trust {

// Lists come page by page. `page` counts from 1, `page_size` is 1..200; anything else is kInvalidArgument "bad-page".
struct PageRequest {
  std::int64_t page = 1;
  std::int64_t page_size = 50;
};
template <typename T>
struct Page {
  std::vector<T> items;
  std::int64_t total = 0;  // rows that match, over all pages
};

// SM3 in lower-case hex, base64 and PEM are told apart by the members' names: *_sm3, *_base64, *_pem.

// Fingerprints are as crypto::Sm2PublicKey gives them: SM3 of the point as upper-case hex in groups of four. Comparing
// ignores case, white space, ':' and '-', because people read them over the telephone.
bool same_fingerprint(const std::string& a, const std::string& b);

// Names that go into contexts, container names and URLs. kInvalidArgument "bad-name" names the field.
// A DNS label: 1..max of [a-z0-9-], no hyphen at either end.
Result<void> check_label(const std::string& field, const std::string& value, std::size_t max = bounds::kLabelMax);
// Text for people: UTF-8 without control characters, 1..max bytes (0.. where `may_be_empty`).
Result<void> check_text(const std::string& field, const std::string& value, std::size_t max, bool may_be_empty = false);
// A version as in an image tag: 1..64 of [A-Za-z0-9._-], first an alphanumeric.
Result<void> check_version(const std::string& value);

}  // namespace mifeng::trust
