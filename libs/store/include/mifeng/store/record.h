// A table's record, its members listed once: the struct, the columns' names and what binds them follow from the list.
#pragma once

#include <cstddef>

#include "mifeng/base/listed.h"

// MIFENG_RECORD(PersonRow, "people", 1, text(id), text(name), number(created_ms))
//
// makes `struct PersonRow`, whose members (listed.h: text, number, absent, word) are the columns of the table "people"
// in this order, and its Table (rows.h). The first `KEYS` of them are the table's key. At namespace mifeng::store.
#define MIFENG_RECORD(ROW, TABLE, KEYS, ...)   \
  MIFENG_LISTED(ROW, __VA_ARGS__);             \
  template <>                                  \
  struct Table<ROW> {                          \
    static constexpr const char* name = TABLE; \
    static constexpr std::size_t keys = KEYS;  \
  }
