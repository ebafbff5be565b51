#include "nginx_config.h"

#include <unistd.h>

#include "mifeng/keyholder/nginx.h"
#include "mifeng/os/file.h"

namespace mifeng::guard {

namespace {

constexpr std::size_t kTemplateSizeMax = 1 << 20;
// Above the gateway's limit, so that no caller can provoke an unsealed 413 (docs/gateway.md).
constexpr const char* kBodyMax = "17m";

std::string listen_lines(const std::vector<keyholder::ListenSocket>& sockets) {
  std::string lines;
  for (const keyholder::ListenSocket& socket : sockets) lines += "listen " + socket.name() + "; ";
  return lines;
}

}  // namespace

Result<std::string> nginx_configuration(const GuardOptions& options, const std::filesystem::path& key_socket,
                                        const std::vector<ServedPort>& ports) {
  MIFENG_TRY(std::string text, read_text_file(options.nginx_template, kTemplateSizeMax));
  std::vector<std::map<std::string, std::string>> sections;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    MIFENG_TRY(const std::string model, keyholder::plain_path(ports[i].upstream));
    sections.push_back({{"NAME", i == 0 ? "model" : "model_" + std::to_string(i)},
                        {"MODEL", model},
                        {"MODEL_USER", std::to_string(options.config.model_uid)},
                        {"LISTEN", listen_lines(ports[i].sockets)}});
  }
  MIFENG_TRY(text, keyholder::repeat_section(text, "PORT", sections));
  MIFENG_TRY(const std::string module, keyholder::plain_path(options.module));
  MIFENG_TRY(const std::string prefix, keyholder::plain_path(options.config.folders.run));
  MIFENG_TRY(const std::string link, keyholder::plain_path(key_socket));
  return keyholder::fill_template(text, {{"MODULE", module},
                                         {"PREFIX", prefix},
                                         {"USER", ::geteuid() == 0 ? "user root;" : ""},
                                         {"LINK", link},
                                         {"BODY_MAX", kBodyMax}});
}

}  // namespace mifeng::guard
