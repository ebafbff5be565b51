#include "mifeng/trust/rows.h"

#include "mifeng/base/phrase.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::trust {

Result<store::Window> window_of(const trust::PageRequest& page) {
  if (page.page < 1 || page.page > 1'000'000 || page.page_size < 1 || page.page_size > 200)
    return Error(ErrorCode::kInvalidArgument, "bad-page", "page counts from 1, and page_size is 1 to 200.");
  return store::Window{.offset = (page.page - 1) * page.page_size, .limit = page.page_size};
}

std::string new_id(Random& random, const char* prefix) { return std::string(prefix) + random.hex(8); }

std::string sm3_hex(ByteView bytes) { return to_hex(crypto::sm3(bytes)); }
std::string sm3_hex(std::string_view text) { return sm3_hex(as_bytes(text)); }

Error not_found(const std::string& what, const std::string& id) {
  return Error(ErrorCode::kNotFound, "not-found", phrase("There is no {} \"{}\".", what, id));
}

}  // namespace mifeng::trust
