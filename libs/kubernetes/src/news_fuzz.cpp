// Any lines of a watch: each is news or an error, and the view that takes them stays one of which all can be asked.
#include <cstdlib>

#include "api_server.h"
#include "cluster_view.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::kubernetes;
  ClusterView view("0123456789abcdef0123456789abcdef");
  LineReader reader(1 << 20);
  std::vector<std::string> lines;
  (void)reader.feed(std::string_view(reinterpret_cast<const char*>(data), size), lines);
  lines.push_back(reader.rest());
  for (const std::string& line : lines) {
    const auto news = read_news(line);
    if (!news) continue;
    (void)view.put(pod_in(news->object));
    (void)view.put(deployment_in(news->object));
    (void)view.put(service_in(news->object));
    (void)view.put(node_in(news->object));
    (void)view.put(event_in(news->object), 0);
  }
  for (const auto& unit : view.all_units())
    if (unit.ready && !unit.reason.empty()) std::abort();
  for (const std::string& id : view.deployments()) (void)view.events(id);
  (void)view.ports_in_use();
  (void)view.capacity();
  return 0;
}
