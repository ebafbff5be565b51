// What all services do with rows: pages, ids, digests as text.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"
#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/store/rows.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {

// kInvalidArgument "bad-page".
Result<store::Window> window_of(const PageRequest& page);

// "mv-" and 16 random hex digits.
std::string new_id(Random& random, const char* prefix);
std::string sm3_hex(std::string_view text);
std::string sm3_hex(ByteView bytes);

template <typename Item, typename Row, typename Convert>
Page<Item> page_of(store::Slice<Row>&& slice, Convert&& convert) {
  Page<Item> page;
  page.total = slice.total;
  for (Row& row : slice.rows) page.items.push_back(convert(row));
  return page;
}

// Where a row's members make the item.
template <typename Item, typename Row>
Page<Item> page_of(store::Slice<Row>&& slice) {
  return page_of<Item>(std::move(slice), [](const Row& row) { return made_of<Item>(row); });
}

Error not_found(const std::string& what, const std::string& id);

}  // namespace mifeng::trust
