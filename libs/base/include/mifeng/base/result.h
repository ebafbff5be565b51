// Result<T>: a value or an Error, with the member names of C++23's std::expected.
#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "mifeng/base/error.h"

namespace mifeng {

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Programmer errors: value() of an error, error() of a value.
  T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  template <typename U>
  T value_or(U&& other) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(other));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const { assert(has_value()); }

  const Error& error() const& {
    assert(!has_value());
    return *error_;
  }
  Error&& error() && {
    assert(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

// What a function that returns Result<void> returns at its end.
inline Result<void> ok() { return {}; }

}  // namespace mifeng

#define MIFENG_CONCAT_INNER(a, b) a##b
#define MIFENG_CONCAT(a, b) MIFENG_CONCAT_INNER(a, b)

// MIFENG_TRY(auto x, f()) declares x from the value of f(), or returns its error. MIFENG_CHECK(f()) is the same for
// a value that nobody needs. The CO_ forms are for coroutines; bind what is awaited to a local of its own first
// (g++ 12 destroys some temporaries of a co_await expression twice). Each use has a variable of its own name, so that
// a lambda inside of one may use them too.
#define MIFENG_TRY(declaration, ...) \
  MIFENG_TRY_INNER(MIFENG_CONCAT(mifeng_result_, __COUNTER__), declaration, return, __VA_ARGS__)
#define MIFENG_CO_TRY(declaration, ...) \
  MIFENG_TRY_INNER(MIFENG_CONCAT(mifeng_result_, __COUNTER__), declaration, co_return, __VA_ARGS__)
#define MIFENG_TRY_INNER(result, declaration, leave, ...) \
  auto result = (__VA_ARGS__);                            \
  if (!result) leave std::move(result).error();           \
  declaration = std::move(result).value()
#define MIFENG_CHECK(...) MIFENG_CHECK_INNER(MIFENG_CONCAT(mifeng_result_, __COUNTER__), return, __VA_ARGS__)
#define MIFENG_CO_CHECK(...) MIFENG_CHECK_INNER(MIFENG_CONCAT(mifeng_result_, __COUNTER__), co_return, __VA_ARGS__)
#define MIFENG_CHECK_INNER(result, leave, ...)    \
  do {                                            \
    auto result = (__VA_ARGS__);                  \
    if (!result) leave std::move(result).error(); \
  } while (false)
