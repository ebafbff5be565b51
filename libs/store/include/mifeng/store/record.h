// A table's record, its members listed once: the struct, the columns' names and what binds them follow from the list.
#pragma once

#include <boost/preprocessor/cat.hpp>
#include <boost/preprocessor/seq/enum.hpp>
#include <boost/preprocessor/seq/for_each.hpp>
#include <boost/preprocessor/seq/transform.hpp>
#include <boost/preprocessor/variadic/to_seq.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

// MIFENG_RECORD(PersonRow, "people", 1, text(id), text(name), number(created_ms))
//
// makes `struct PersonRow`, whose members are those of the table "people" in this order, and its Table (rows.h). The
// first `KEYS` of them are the table's key. At namespace mifeng::store. A member is one of:
//   text(x)      std::string
//   number(x)    std::int64_t, 0 at first
//   absent(x)    std::int64_t, -1 at first: where 0 means something
//   word(E, x)   an enumeration of words.h, its first at first
#define MIFENG_RECORD(ROW, TABLE, KEYS, ...)                                                                         \
  struct ROW {                                                                                                       \
    BOOST_PP_SEQ_FOR_EACH(MIFENG_RECORD_DECLARE, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__))                            \
  };                                                                                                                 \
  template <>                                                                                                        \
  struct Table<ROW> {                                                                                                \
    static constexpr const char* name = TABLE;                                                                       \
    static constexpr std::size_t keys = KEYS;                                                                        \
    static constexpr const char* columns[] = {                                                                       \
        BOOST_PP_SEQ_ENUM(BOOST_PP_SEQ_TRANSFORM(MIFENG_RECORD_NAME, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)))};     \
    static auto tie(ROW& row) {                                                                                      \
      return std::tie(                                                                                               \
          BOOST_PP_SEQ_ENUM(BOOST_PP_SEQ_TRANSFORM(MIFENG_RECORD_MEMBER, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)))); \
    }                                                                                                                \
  }

#define MIFENG_RECORD_DECLARE(R, DATA, FIELD) BOOST_PP_CAT(MIFENG_DECLARE_, FIELD)
#define MIFENG_DECLARE_text(X) std::string X{};
#define MIFENG_DECLARE_number(X) std::int64_t X = 0;
#define MIFENG_DECLARE_absent(X) std::int64_t X = -1;
#define MIFENG_DECLARE_word(ENUM, X) ENUM X{};

#define MIFENG_RECORD_NAME(S, DATA, FIELD) BOOST_PP_CAT(MIFENG_NAME_, FIELD)
#define MIFENG_NAME_text(X) #X
#define MIFENG_NAME_number(X) #X
#define MIFENG_NAME_absent(X) #X
#define MIFENG_NAME_word(ENUM, X) #X

#define MIFENG_RECORD_MEMBER(S, DATA, FIELD) BOOST_PP_CAT(MIFENG_MEMBER_, FIELD)
#define MIFENG_MEMBER_text(X) row.X
#define MIFENG_MEMBER_number(X) row.X
#define MIFENG_MEMBER_absent(X) row.X
#define MIFENG_MEMBER_word(ENUM, X) row.X
