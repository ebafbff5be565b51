// nginx's own headers, which are C, and the few things between their types and ours.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
extern "C" {
#include <ngx_config.h>
//
#include <ngx_core.h>
#include <ngx_http.h>
}
#pragma GCC diagnostic pop

#include <string_view>

#include "mifeng/base/bytes.h"

extern "C" ngx_module_t ngx_http_mifeng_module;

namespace mifeng::nginx {

inline std::string_view view(const ngx_str_t& text) { return {reinterpret_cast<const char*>(text.data), text.len}; }
inline u_char* bytes_of(std::string_view text) { return reinterpret_cast<u_char*>(const_cast<char*>(text.data())); }
// For what nginx only reads, and while `text` lives.
inline ngx_str_t as_ngx(std::string_view text) { return {text.size(), bytes_of(text)}; }
// A copy that lives as long as the pool; `data` is null where memory is out.
inline ngx_str_t copy_to(ngx_pool_t* pool, std::string_view text) {
  auto* data = static_cast<u_char*>(ngx_pnalloc(pool, text.empty() ? 1 : text.size()));
  if (data == nullptr) return {0, nullptr};
  ngx_memcpy(data, text.data(), text.size());
  return {text.size(), data};
}
inline std::string_view key_of(const ngx_table_elt_t& field) { return view(field.key); }
inline std::string_view value_of(const ngx_table_elt_t& field) { return view(field.value); }

// Each element of a list, in order.
template <typename Each>
void for_each_field(ngx_list_t& list, Each each) {
  for (ngx_list_part_t* part = &list.part; part != nullptr; part = part->next) {
    auto* fields = static_cast<ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) each(fields[i]);
  }
}

// nginx is C: nothing may be thrown through it. Whatever is thrown here (out of memory) becomes `fallback`.
template <typename Function, typename Value>
Value guarded(ngx_log_t* log, Value fallback, Function function) noexcept {
  try {
    return function();
  } catch (...) {
    ngx_log_error(NGX_LOG_ERR, log, 0, "mifeng: out of memory");
    return fallback;
  }
}
template <typename Function>
void guarded(ngx_log_t* log, Function function) noexcept {
  try {
    function();
  } catch (...) {
    ngx_log_error(NGX_LOG_ERR, log, 0, "mifeng: out of memory");
  }
}

}  // namespace mifeng::nginx
