// The view of a cluster, kept by one list and one watch for each kind of object.
//
// Listing in pages and watching from the list's version works with every API server since 1.21; the newer way, by which
// a watch begins with all objects (sendInitialEvents), is refused by many and would be a second one to test.
#include <algorithm>

#include "kubernetes_engine.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"

namespace mifeng::kubernetes {
namespace {

using namespace std::chrono_literals;
using cluster::text_at;
using std::chrono::milliseconds;

constexpr int kPage = 500;
constexpr milliseconds kPauseMin{100}, kPauseMax{10'000};
constexpr milliseconds kSilenceMax{90'000};  // a watch has a bookmark about every minute
constexpr milliseconds kRelistMin{600'000};  // a watch that goes on misses nothing, and lists are long
constexpr int kRefusedMax = 10;              // an API server that has just started knows of no rights for a moment

std::string key_of(const json::Object& object) {
  const std::string name_space = text_at(object, "metadata", "namespace");
  const std::string name = text_at(object, "metadata", "name");
  return name_space.empty() ? name : name_space + "/" + name;
}

std::string name_of(const json::Object& object) { return text_at(object, "metadata", "name"); }

milliseconds jittered(milliseconds pause, const Clock& clock) {
  return pause / 2 + milliseconds(clock.now_ms() * 7919 % std::max<std::int64_t>(1, pause.count() / 2));
}

}  // namespace

std::vector<KubernetesEngine::Feed> KubernetesEngine::feeds(UnixMillis since) {
  const std::string& space = options_.name_space;
  const std::string ours =
      "labelSelector=" + net::percent_encode(std::string(kLabelInstallation) + "=" + options_.installation);
  std::vector<Feed> feeds(kFeedCount);
  feeds[kPods] = {"pods",
                  "/api/v1/pods",
                  "/api/v1/namespaces/" + space + "/pods",
                  "",
                  [this](const json::Object& object) { return view_.put(pod_in(object)); },
                  [this](const json::Object& object) { return view_.erase_pod(key_of(object)); },
                  [this](const std::set<std::string>& keys) { return view_.keep_pods(keys, {}); }};
  feeds[kDeployments] = {"deployments",
                         "",
                         target_of(Kind::kDeployment, space),
                         ours,
                         [this](const json::Object& object) { return view_.put(deployment_in(object)); },
                         [this](const json::Object& object) { return view_.erase_deployment(name_of(object)); },
                         [this](const std::set<std::string>& keys) {
                           std::set<std::string> names;
                           for (const auto& key : keys) names.insert(key.substr(key.find('/') + 1));
                           return view_.keep_deployments(names, {});
                         }};
  feeds[kServices] = {"services",
                      "/api/v1/services",
                      target_of(Kind::kService, space),
                      "",
                      [this](const json::Object& object) { return view_.put(service_in(object)); },
                      [this](const json::Object& object) { return view_.erase_service(key_of(object)); },
                      [this](const std::set<std::string>& keys) { return view_.keep_services(keys, {}); }};
  feeds[kNodes] = {"nodes",
                   "/api/v1/nodes",
                   "",
                   "",
                   [this](const json::Object& object) { return view_.put(node_in(object)); },
                   [this](const json::Object& object) { return view_.erase_node(name_of(object)); },
                   [this](const std::set<std::string>& keys) {
                     view_.keep_nodes(keys);
                     return std::vector<std::string>();
                   }};
  feeds[kEvents] = {"events",
                    "",
                    "/api/v1/namespaces/" + space + "/events",
                    "",
                    [this, since](const json::Object& object) { return view_.put(event_in(object), since); },
                    [](const json::Object&) { return ClusterView::News(); },
                    [](const std::set<std::string>&) { return std::vector<std::string>(); }};
  return feeds;
}

void KubernetesEngine::tell(const std::string& deployment) {
  std::shared_ptr<cluster::Subscription> subscription;
  {
    const std::lock_guard guard(mutex_);
    subscription = subscription_;
  }
  if (subscription) subscription->tell(deployment);
}

bool KubernetesEngine::is_live() const { return live_[kPods] && live_[kDeployments] && live_[kServices]; }

void KubernetesEngine::set_live(std::size_t feed, bool live) {
  const bool was = is_live();
  live_[feed] = live;
  if (was != is_live()) tell("");
}

std::shared_ptr<void> KubernetesEngine::watch(Changed changed, milliseconds resync) {
  // Shared with the engine, which may go first.
  auto subscription = std::make_shared<cluster::Subscription>(std::move(changed), loop_.executor());
  {
    const std::lock_guard guard(mutex_);
    subscription_ = subscription;
  }
  is_watched_ = true;
  std::size_t number = 0;
  for (Feed& feed : feeds(clock_.now_ms() - 1000)) {
    const std::string name = feed.name;
    subscription->spawn(name, [this, number, resync, feed = std::move(feed)]() mutable {
      return follow(number, std::move(feed), resync);
    });
    ++number;
  }
  return std::shared_ptr<void>(subscription.get(), [subscription](void*) { subscription->end(); });
}

boost::asio::awaitable<void> KubernetesEngine::follow(std::size_t number, Feed feed, milliseconds resync) {
  struct Live {
    std::atomic<bool>& flag;
    ~Live() { flag = false; }  // also when cancelled
  } live{live_[number]};
  milliseconds pause = kPauseMin;
  bool sees_all = false;
  int refused = 0;
  for (;;) {
    std::string target = feed.everywhere.empty() ? feed.own : feed.everywhere;
    auto version = co_await list(feed, target);
    const bool forbidden = !version && version.error().reason() == "forbidden";
    refused = forbidden ? refused + 1 : 0;
    if (version) sees_all = true;
    if (forbidden && target != feed.own && !feed.own.empty() && (!sees_all || refused > kRefusedMax)) {
      target = feed.own;  // we may see no other namespace
      version = co_await list(feed, target);
    }
    Result<void> ended = ok();
    if (version) {
      heard_[number] = clock_.now_ms();
      set_live(number, true);
      pause = kPauseMin;
      ended = co_await watch_from(number, feed, target, std::move(*version), std::max(resync, kRelistMin));
    } else {
      ended = version.error();
    }
    if (ended) continue;  // it is time to list again
    if (ended.error().reason() != "expired") set_live(number, false);
    co_await net::sleep_for(jittered(pause, clock_));
    pause = std::min(pause * 2, kPauseMax);
  }
}

Task<std::string> KubernetesEngine::list(const Feed& feed, const std::string& target) {
  std::set<std::string> keys;
  std::string version, next;
  do {
    std::string page = target + "?limit=" + std::to_string(kPage);
    if (!feed.query.empty()) page += "&" + feed.query;
    if (!next.empty()) page += "&continue=" + net::percent_encode(next);
    auto answer = co_await api_->call("GET", std::move(page));
    if (!answer) co_return answer.error();
    if (!answer->success()) co_return error_of(*answer, std::string("list ") + feed.name);
    if (answer->object() == nullptr) co_return Error(ErrorCode::kInternal, "bad-api-answer", "a list is no object");
    const json::Object& body = *answer->object();
    version = text_at(body, "metadata", "resourceVersion");
    next = text_at(body, "metadata", "continue");
    const json::Value* items = body.find("items");
    const json::Array* objects = items == nullptr ? nullptr : items->if_array();
    if (objects == nullptr) continue;
    for (const json::Value& one : *objects) {
      const json::Object* object = one.if_object();
      if (object == nullptr) continue;
      keys.insert(key_of(*object));
      if (const auto news = feed.put(*object)) tell(*news);
    }
  } while (!next.empty());
  for (const std::string& deployment : feed.keep(keys)) tell(deployment);
  co_return version;
}

Task<void> KubernetesEngine::watch_from(std::size_t number, const Feed& feed, const std::string& target,
                                        std::string version, milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  int failures = 0;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - std::chrono::steady_clock::now());
    if (left < 1s) co_return ok();
    std::string query = target + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + version +
                        "&timeoutSeconds=" + std::to_string(std::min<std::int64_t>(left.count(), 600));
    if (!feed.query.empty()) query += "&" + feed.query;
    auto opened = co_await api_->open(std::move(query), kSilenceMax);
    if (!opened) {
      if (opened.error().reason() == "expired" || ++failures > 1) co_return opened.error();
      co_await net::sleep_for(kPauseMin);
      continue;
    }
    LineReader reader(kNewsMax);
    for (;;) {
      auto piece = co_await (*opened)->read();
      if (!piece || piece->empty()) break;  // cut off, or its time is over: it goes on from where it was
      failures = 0;
      heard_[number] = clock_.now_ms();
      if (!live_[number]) set_live(number, true);
      std::vector<std::string> lines;
      if (!reader.feed(*piece, lines))
        co_return Error(ErrorCode::kInternal, "bad-api-answer", "an event of the API server has no end");
      for (const std::string& line : lines) {
        const auto taken = take_news(feed, line, version);
        if (!taken) co_return taken.error();
      }
    }
  }
}

Result<void> KubernetesEngine::take_news(const Feed& feed, const std::string& line, std::string& version) {
  MIFENG_TRY(NewsSeen news, read_news(line));
  if (!news.resource_version.empty()) version = std::move(news.resource_version);
  if (news.kind == NewsSeen::Kind::kBookmark) return ok();
  if (const auto changed = news.kind == NewsSeen::Kind::kGone ? feed.erase(news.object) : feed.put(news.object))
    tell(*changed);
  return ok();
}

Task<void> KubernetesEngine::look_at(std::string deployment) {
  const std::vector<Feed> all = feeds(clock_.now_ms());
  const std::string query = "labelSelector=" + net::percent_encode(selector(deployment));
  static constexpr std::array kOfOurs{kDeployments, kPods, kServices};
  for (const Feeds number : kOfOurs) {
    Feed feed = all[number];
    feed.query = query;
    feed.keep = [this, number, deployment](const std::set<std::string>& keys) {
      const ClusterView::Listed listed{.only_ours = true, .deployment = deployment};
      if (number == kPods) return view_.keep_pods(keys, listed);
      if (number == kServices) return view_.keep_services(keys, listed);
      std::set<std::string> names;
      for (const auto& key : keys) names.insert(key.substr(key.find('/') + 1));
      return view_.keep_deployments(names, listed);
    };
    const auto listed = co_await list(feed, feed.own);
    if (!listed) co_return listed.error();
  }
  co_return ok();
}

Task<void> KubernetesEngine::look_unless_live(std::string deployment) {
  if (is_live()) co_return ok();
  co_return co_await look_at(std::move(deployment));
}

std::string KubernetesEngine::selector(const std::string& deployment) const {
  std::string text = std::string(kLabelInstallation) + "=" + options_.installation;
  if (!deployment.empty()) text += "," + std::string(kLabelDeployment) + "=" + deployment;
  return text;
}

}  // namespace mifeng::kubernetes
