#include "transfers.h"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "mifeng/base/phrase.h"

namespace mifeng::kubernetes {
namespace {

constexpr long kConnectMillis = 10'000;
constexpr std::size_t kBufferedMax = 1 << 20;  // of an answer that nobody reads
constexpr long kIdleConnectionsMax = 16;
constexpr int kPollMillis = 1000;

Error error_of(CURLcode code, const char* words) {
  const std::string what = *words != '\0' ? words : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Error(ErrorCode::kTimeout, "api-slow",
                   phrase("the cluster's API server did not answer in time: {}", what));
    case CURLE_PEER_FAILED_VERIFICATION:
      return Error(ErrorCode::kVerificationFailed, "bad-tls-certificate",
                   "the cluster's API server cannot be trusted: " + what);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig", "its certificate or key cannot be used: " + what);
    default:
      return Error(ErrorCode::kUnavailable, "api-unavailable",
                   phrase("the cluster's API server cannot be reached: {}", what));
  }
}

// libcurl keeps what it points to as long as the handle lives.
::curl_blob blob(std::string_view text) {
  ::curl_blob made{};
  made.data = const_cast<char*>(text.data());
  made.len = text.size();
  made.flags = CURL_BLOB_NOCOPY;
  return made;
}

}  // namespace

// Shared by the thread that transfers and the coroutine that reads.
class Exchange {
 public:
  HttpRequest request;
  std::function<void()> wake;  // the thread; empty once it has ended

  // ---- the thread's alone
  CURL* easy = nullptr;
  ::curl_slist* fields = nullptr;
  char words[CURL_ERROR_SIZE] = "";

  std::mutex mutex;  // of what follows
  int status = 0;    // once the header is there
  int retry_after = 0;
  std::string buffered;
  bool paused = false;
  bool ended = false;
  std::optional<Error> failure;
  bool abandoned = false;
  bool resume = false;
  net::Notifier news;

  void end(std::optional<Error> why) {
    {
      const std::lock_guard guard(mutex);
      if (ended) return;
      ended = true;
      failure = std::move(why);
    }
    news.notify();
  }

  std::size_t on_header(std::string_view line) {
    if (line != "\r\n" && line != "\n") return line.size();
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200) return line.size();  // 100 Continue, or a proxy's
    curl_off_t retry = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
    {
      const std::lock_guard guard(mutex);
      status = static_cast<int>(code);
      retry_after = static_cast<int>(std::clamp<curl_off_t>(retry, 0, 3600));
    }
    news.notify();
    return line.size();
  }

  std::size_t on_piece(std::string_view piece) {
    {
      const std::lock_guard guard(mutex);
      if (buffered.size() > kBufferedMax) {
        paused = true;
        return CURL_WRITEFUNC_PAUSE;
      }
      buffered += piece;
    }
    news.notify();
    return piece.size();
  }
};

Transfer::~Transfer() {
  if (!exchange_) return;
  const std::lock_guard guard(exchange_->mutex);
  if (exchange_->ended) return;
  exchange_->abandoned = true;
  if (exchange_->wake) exchange_->wake();
}

net::Task<void> Transfer::begin() {
  for (;;) {
    const std::uint64_t seen = exchange_->news.count();
    {
      const std::lock_guard guard(exchange_->mutex);
      if (exchange_->failure && exchange_->status == 0) co_return *exchange_->failure;
      if (exchange_->status != 0 || exchange_->ended) co_return ok();
    }
    co_await exchange_->news.wait(seen, std::chrono::seconds(10));
  }
}

int Transfer::status() const {
  const std::lock_guard guard(exchange_->mutex);
  return exchange_->status;
}

int Transfer::retry_after_seconds() const {
  const std::lock_guard guard(exchange_->mutex);
  return exchange_->retry_after;
}

net::Task<std::string> Transfer::read() {
  for (;;) {
    const std::uint64_t seen = exchange_->news.count();
    {
      const std::lock_guard guard(exchange_->mutex);
      if (!exchange_->buffered.empty()) {
        std::string piece;
        piece.swap(exchange_->buffered);
        if (exchange_->paused && !exchange_->ended) {
          exchange_->paused = false;
          exchange_->resume = true;
          if (exchange_->wake) exchange_->wake();
        }
        co_return piece;
      }
      if (exchange_->failure) co_return *exchange_->failure;
      if (exchange_->ended) co_return std::string();
    }
    co_await exchange_->news.wait(seen, std::chrono::seconds(10));
  }
}

struct Transfers::Impl {
  Login login;
  CURLM* multi = nullptr;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> begun;        // not yet taken by the thread
  std::map<CURL*, std::shared_ptr<Exchange>> running;  // the thread's alone
  std::thread thread;

  ~Impl() {
    stopping = true;
    if (thread.joinable()) {
      curl_multi_wakeup(multi);
      thread.join();
    }
    if (multi != nullptr) curl_multi_cleanup(multi);
  }

  void run() {
    while (!stopping) {
      take_what_begun();
      look_at_wishes();
      int count = 0;
      curl_multi_perform(multi, &count);
      take_what_ended();
      curl_multi_poll(multi, nullptr, 0, kPollMillis, nullptr);
    }
    take_what_begun();
    while (!running.empty())
      let_go(running.begin(), Error(ErrorCode::kUnavailable, "api-unavailable", "the cluster was let go of"));
  }

  void take_what_begun() {
    std::vector<std::shared_ptr<Exchange>> taken;
    {
      const std::lock_guard guard(mutex);
      taken.swap(begun);
    }
    for (auto& exchange : taken) start(exchange);
  }

  void look_at_wishes() {
    for (auto one = running.begin(); one != running.end();) {
      bool abandoned = false, resume = false;
      {
        const std::lock_guard guard(one->second->mutex);
        abandoned = one->second->abandoned;
        resume = std::exchange(one->second->resume, false);
      }
      if (resume) curl_easy_pause(one->first, CURLPAUSE_CONT);
      one = abandoned ? let_go(one, std::nullopt) : std::next(one);
    }
  }

  void take_what_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto one = running.find(message->easy_handle);
      if (one == running.end()) continue;
      const CURLcode code = message->data.result;
      let_go(one, code == CURLE_OK ? std::nullopt : std::optional(error_of(code, one->second->words)));
    }
  }

  std::map<CURL*, std::shared_ptr<Exchange>>::iterator let_go(std::map<CURL*, std::shared_ptr<Exchange>>::iterator one,
                                                              std::optional<Error> why) {
    const std::shared_ptr<Exchange> exchange = one->second;
    curl_multi_remove_handle(multi, one->first);
    curl_easy_cleanup(one->first);
    exchange->easy = nullptr;
    for (::curl_slist* field = exchange->fields; field != nullptr; field = field->next)
      wipe(field->data, std::strlen(field->data));  // a token is among them
    curl_slist_free_all(exchange->fields);
    exchange->fields = nullptr;
    const auto next = running.erase(one);
    exchange->end(std::move(why));
    return next;
  }

  void start(const std::shared_ptr<Exchange>& exchange) {
    CURL* easy = curl_easy_init();
    exchange->easy = easy;
    const HttpRequest& request = exchange->request;
    const std::string url = login.server + request.target;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A connection each: one stream that stands still holds no other up.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
    const long patience = static_cast<long>(request.patience.count());
    if (request.goes_on) {
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, patience / 1000));
    } else {
      curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, patience);
    }
    curl_easy_setopt(easy, CURLOPT_PROXY, login.proxy_url.c_str());  // "" is none, whatever the environment says
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->words);
    set_tls(easy);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty()) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    add_field(*exchange, "Accept: application/json, application/jwk-set+json");
    add_field(*exchange, "Expect:");
    add_field(*exchange, "User-Agent: mifeng");
    if (!request.body.empty()) add_field(*exchange, "Content-Type: " + request.content_type);
    if (!login.token.empty()) {
      std::string field = "Authorization: Bearer " + std::string(as_text(login.token.reveal_for_output()));
      add_field(*exchange, field);
      wipe(field.data(), field.size());
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->fields);
    curl_easy_setopt(
        easy, CURLOPT_HEADERFUNCTION, +[](char* data, std::size_t, std::size_t size, void* of) {
          return static_cast<Exchange*>(of)->on_header({data, size});
        });
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange.get());
    curl_easy_setopt(
        easy, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* of) {
          return static_cast<Exchange*>(of)->on_piece({data, size});
        });
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange.get());
    running.emplace(easy, exchange);
    if (curl_multi_add_handle(multi, easy) != CURLM_OK)
      let_go(running.find(easy), Error(ErrorCode::kInternal, "unexpected", "libcurl took no further transfer"));
  }

  void set_tls(CURL* easy) const {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!login.ca_pem.empty()) {
      ::curl_blob ca = blob(login.ca_pem);
      curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
    }
    if (login.client_key_pem.empty()) return;
    ::curl_blob certificate = blob(login.client_certificate_pem);
    ::curl_blob key = blob(as_text(login.client_key_pem.reveal_for_computing()));
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
  }

  static void add_field(Exchange& exchange, const std::string& field) {
    exchange.fields = curl_slist_append(exchange.fields, field.c_str());
  }
};

Transfers::Transfers(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transfers::~Transfers() = default;

Result<std::unique_ptr<Transfers>> Transfers::create(Login login) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return Error(ErrorCode::kInternal, "unexpected", "libcurl cannot be used");
  if (!login.tls_server_name.empty())
    return Error(
        ErrorCode::kInvalidArgument, "bad-kubeconfig",
        "It says tls-server-name, which is not supported; reach the server by a name that its certificate has.");
  auto impl = std::make_unique<Impl>();
  impl->login = std::move(login);
  impl->multi = curl_multi_init();
  if (impl->multi == nullptr) return Error(ErrorCode::kInternal, "unexpected", "libcurl cannot be used");
  curl_multi_setopt(impl->multi, CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
  curl_multi_setopt(impl->multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  sigset_t all, before;  // signals are the program's
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  impl->thread = std::thread([&one = *impl] { one.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<Transfers>(new Transfers(std::move(impl)));
}

Transfer Transfers::open(HttpRequest request) const {
  auto exchange = std::make_shared<Exchange>();  // shared with the thread
  exchange->request = std::move(request);
  exchange->wake = [multi = impl_->multi] { curl_multi_wakeup(multi); };
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->begun.push_back(exchange);
  }
  curl_multi_wakeup(impl_->multi);
  return Transfer(std::move(exchange));
}

}  // namespace mifeng::kubernetes
