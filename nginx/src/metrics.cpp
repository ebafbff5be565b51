// The handler of `mifeng_metrics;`: what this worker has counted, for Prometheus, without content of any request.
#include "metrics.h"

#include <string>

#include "worker.h"

namespace mifeng::nginx {
namespace {

void append_counter(std::string& text, const char* name, const char* help, std::uint64_t value) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name);
  text.append(" counter\n").append(name).append(" ").append(std::to_string(value)).append("\n");
}

std::string text_of(const WorkerTotals& totals) {
  std::string text;
  append_counter(text, "mifeng_calls_total", "Requests that were passed on.", totals.calls);
  append_counter(text, "mifeng_errors_total", "Of these, those with a status of 500 or more, or broken off.",
                 totals.errors);
  append_counter(text, "mifeng_refusals_total", "Requests and answers that were refused.", totals.refusals);
  return text;
}

ngx_int_t answer_with(ngx_http_request_t* r, const std::string& text) {
  r->headers_out.status = NGX_HTTP_OK;
  r->headers_out.content_length_n = static_cast<off_t>(text.size());
  r->headers_out.content_type = as_ngx("text/plain; version=0.0.4");
  r->headers_out.content_type_len = r->headers_out.content_type.len;
  const ngx_int_t rc = ngx_http_send_header(r);
  if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
  ngx_buf_t* const buffer = ngx_create_temp_buf(r->pool, text.size());
  if (buffer == nullptr) return NGX_ERROR;
  buffer->last = ngx_cpymem(buffer->last, text.data(), text.size());
  buffer->last_buf = 1;
  buffer->last_in_chain = 1;
  ngx_chain_t out{buffer, nullptr};
  return ngx_http_output_filter(r, &out);
}

ngx_int_t metrics_handler(ngx_http_request_t* r) {
  if (const ngx_int_t rc = ngx_http_discard_request_body(r); rc != NGX_OK) return rc;
  return guarded(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR}, [&]() -> ngx_int_t {
    Worker* const worker = Worker::get();
    return worker == nullptr ? NGX_HTTP_SERVICE_UNAVAILABLE : answer_with(r, text_of(worker->totals()));
  });
}

}  // namespace

char* set_metrics(ngx_conf_t* cf, ngx_command_t*, void*) {
  auto* const location =
      static_cast<ngx_http_core_loc_conf_t*>(ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
  location->handler = &metrics_handler;
  return NGX_CONF_OK;
}

}  // namespace mifeng::nginx
