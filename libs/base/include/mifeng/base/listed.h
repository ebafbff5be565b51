// Structs whose members are listed once: what goes through all of them (a table's columns, JSON, copying from one to
// the other) follows from the list.
#pragma once

#include <algorithm>
#include <array>
#include <boost/preprocessor/cat.hpp>
#include <boost/preprocessor/seq/enum.hpp>
#include <boost/preprocessor/seq/for_each.hpp>
#include <boost/preprocessor/seq/transform.hpp>
#include <boost/preprocessor/variadic/to_seq.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// MIFENG_LISTED(Upload, text(id), number(size), flag(complete));
//
// makes `struct Upload` with these members in this order, and `Upload::member_names`; members_of(upload) is a
// std::tuple of references to them all. A member is one of:
//   text(x)      std::string
//   number(x)    std::int64_t, 0 at first
//   absent(x)    std::int64_t, -1 at first: where 0 means something
//   flag(x)      bool, false at first
//   word(E, x)   an enumeration that to_string() has words for, its first at first
//   of(T, x)     any other type, as T{}; without a comma in its name
#define MIFENG_LISTED(STRUCT, ...)                                                                                   \
  struct STRUCT {                                                                                                    \
    BOOST_PP_SEQ_FOR_EACH(MIFENG_LISTED_DECLARE, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__))                            \
    static constexpr const char* member_names[] = {                                                                  \
        BOOST_PP_SEQ_ENUM(BOOST_PP_SEQ_TRANSFORM(MIFENG_LISTED_NAME, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)))};     \
    template <typename Self>                                                                                         \
    static auto members(Self& self) {                                                                                \
      return std::tie(                                                                                               \
          BOOST_PP_SEQ_ENUM(BOOST_PP_SEQ_TRANSFORM(MIFENG_LISTED_ITSELF, , BOOST_PP_VARIADIC_TO_SEQ(__VA_ARGS__)))); \
    }                                                                                                                \
  }

#define MIFENG_LISTED_DECLARE(R, DATA, MEMBER) BOOST_PP_CAT(MIFENG_DECLARE_, MEMBER)
#define MIFENG_DECLARE_text(X) std::string X{};
#define MIFENG_DECLARE_number(X) std::int64_t X = 0;
#define MIFENG_DECLARE_absent(X) std::int64_t X = -1;
#define MIFENG_DECLARE_flag(X) bool X = false;
#define MIFENG_DECLARE_word(ENUM, X) ENUM X{};
#define MIFENG_DECLARE_of(TYPE, X) TYPE X{};

#define MIFENG_LISTED_NAME(S, DATA, MEMBER) BOOST_PP_CAT(MIFENG_NAME_, MEMBER)
#define MIFENG_NAME_text(X) #X
#define MIFENG_NAME_number(X) #X
#define MIFENG_NAME_absent(X) #X
#define MIFENG_NAME_flag(X) #X
#define MIFENG_NAME_word(ENUM, X) #X
#define MIFENG_NAME_of(TYPE, X) #X

#define MIFENG_LISTED_ITSELF(S, DATA, MEMBER) BOOST_PP_CAT(MIFENG_ITSELF_, MEMBER)
#define MIFENG_ITSELF_text(X) self.X
#define MIFENG_ITSELF_number(X) self.X
#define MIFENG_ITSELF_absent(X) self.X
#define MIFENG_ITSELF_flag(X) self.X
#define MIFENG_ITSELF_word(ENUM, X) self.X
#define MIFENG_ITSELF_of(TYPE, X) self.X

namespace mifeng {

template <typename T>
concept Listed = requires {
  std::remove_const_t<T>::member_names;
};

// A template, as what it calls is: most files that see a listed struct never make this tuple, and need not compile it.
template <Listed T>
auto members_of(T& record) {
  return std::remove_const_t<T>::members(record);
}

// The number of members; of member_names as well.
template <Listed T>
inline constexpr std::size_t kMembers = std::size(T::member_names);

// Where `name` stands in the list; kMembers<T> where it does not.
template <Listed T>
constexpr std::size_t member_index(std::string_view name) {
  std::size_t at = 0;
  while (at < kMembers<T> && name != T::member_names[at]) ++at;
  return at;
}

// A member's name as a template's argument: made_of<Vendor, "fingerprint">(row).
template <std::size_t N>
struct MemberName {
  constexpr MemberName(const char (&text)[N]) { std::copy_n(text, N, value); }  // NOLINT: implicit on purpose
  char value[N];
};

namespace detail {

template <typename To, typename From>
void take_member(To& to, const From& from) {
  if constexpr (std::is_same_v<To, From>) {
    to = from;
  } else if constexpr (std::is_same_v<To, bool> && std::is_same_v<From, std::int64_t>) {
    to = from != 0;
  } else {
    static_assert(std::is_same_v<To, int> && std::is_same_v<From, std::int64_t>,
                  "a member of this name has another type: set it by hand and name it");
    to = static_cast<int>(from);
  }
}

template <typename To, typename From, MemberName... kByHand, std::size_t kAt>
void take_member_at(To& to, const From& from, std::integral_constant<std::size_t, kAt>) {
  constexpr std::string_view name = To::member_names[kAt];
  if constexpr (!((name == std::string_view(kByHand.value)) || ...)) {
    constexpr std::size_t there = member_index<From>(name);
    static_assert(there < kMembers<From>, "there is no member of this name to take: set it by hand and name it");
    take_member(std::get<kAt>(members_of(to)), std::get<there>(members_of(from)));
  }
}

}  // namespace detail

// A `To` whose members have the values of those of the same name in `from`, a number as flag or int where that is what
// it is. What is named in `kByHand` is left as it is at first, for the caller to set: a member that is neither there
// nor named is an error of the compiler, so that nothing new is forgotten.
template <Listed To, MemberName... kByHand, Listed From>
To made_of(const From& from) {
  static_assert(((member_index<To>(kByHand.value) < kMembers<To>)&&...), "no member is called so");
  To to;
  [&]<std::size_t... kAt>(std::index_sequence<kAt...>) {
    (detail::take_member_at<To, From, kByHand...>(to, from, std::integral_constant<std::size_t, kAt>{}), ...);
  }
  (std::make_index_sequence<kMembers<To>>{});
  return to;
}

// Calls `take` with the name and the value of each member, in the list's order.
template <Listed T, typename Take>
void for_each_member(const T& record, Take&& take) {
  const char* const* name = T::member_names;
  std::apply([&](const auto&... member) { (take(*name++, member), ...); }, members_of(record));
}

}  // namespace mifeng
