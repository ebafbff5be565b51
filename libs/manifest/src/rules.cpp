#include "mifeng/manifest/rules.h"

#include <algorithm>
#include <array>

#include "mifeng/base/phrase.h"

namespace mifeng::manifest {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// Calls `part` for each piece between separators; false as soon as one call is.
template <typename Part>
bool each_part(std::string_view text, char separator, Part part) {
  for (;;) {
    const std::size_t at = text.find(separator);
    if (!part(text.substr(0, at))) return false;
    if (at == std::string_view::npos) return true;
    text.remove_prefix(at + 1);
  }
}

// What Kubernetes has behind the '/' of a name, and as the value of a label or a taint.
bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && (is_alpha(text.front()) || is_digit(text.front())) &&
         (is_alpha(text.back()) || is_digit(text.back())) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_domain(std::string_view text) {
  return text.size() <= 253 && each_part(text, '.', [](std::string_view part) { return !check_label(part); });
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool below_or_same(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

}  // namespace

Complaint check_label(std::string_view text, std::size_t max_length) {
  const bool fine =
      !text.empty() && text.size() <= max_length && text.front() != '-' && text.back() != '-' &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (fine) return std::nullopt;
  return phrase("must be 1 to {} characters a-z, 0-9 and '-', with no '-' at either end", max_length);
}

Complaint check_version(std::string_view text) {
  const bool fine = !text.empty() && text.size() <= 63 && (is_alpha(text.front()) || is_digit(text.front())) &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return is_alpha(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
  if (fine) return std::nullopt;
  return phrase("must be 1 to 63 characters A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit");
}

Complaint check_line(std::string_view text, std::size_t max_bytes) {
  if (text.empty()) return phrase("must not be empty");
  if (text.size() > max_bytes) return phrase("must be at most {} bytes long", max_bytes);
  if (has_control_character(text)) return phrase("must be one line without control characters");
  return std::nullopt;
}

Complaint check_relative_path(std::string_view text) {
  const bool fine =
      !text.empty() && text.size() <= 400 && !has_control_character(text) &&
      text.find('\\') == std::string_view::npos &&
      each_part(text, '/', [](std::string_view part) { return part != "" && part != "." && part != ".."; });
  if (fine) return std::nullopt;
  return phrase("must be a path below the project's folder, without '..', '.', '//' or a '/' at either end");
}

Complaint check_base_image(std::string_view text) {
  std::string_view rest = text;
  for (const std::string_view kind : {std::string_view("oci:"), std::string_view("docker-archive:")})
    if (rest.starts_with(kind)) rest.remove_prefix(kind.size());
  const bool fine = rest.size() < text.size() && !rest.empty() && rest.front() != ':' && rest.back() != ':' &&
                    text.size() <= 400 && !has_control_character(text);
  if (fine) return std::nullopt;
  return phrase("must be oci:FOLDER, oci:FOLDER:TAG or docker-archive:FILE");
}

Complaint check_image(std::string_view text) {
  constexpr std::string_view kDigest = "@sha256:";
  const std::size_t at = text.find(kDigest);
  bool fine = at != std::string_view::npos && text.size() == at + kDigest.size() + 64;
  if (fine) {
    const std::string_view hex = text.substr(at + kDigest.size());
    fine = std::all_of(hex.begin(), hex.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
    const std::string_view name = text.substr(0, at);
    int parts = 0;
    fine = fine && each_part(name, '/', [&](std::string_view part) { return ++parts <= 2 && !check_label(part); }) &&
           parts == 2;
  }
  if (fine) return std::nullopt;
  return phrase("must be vendor/model@sha256: and 64 hex digits, without a registry");
}

Complaint check_env_name(std::string_view text) {
  const bool fine =
      !text.empty() && text.size() <= bounds::kEnvNameMax && (is_alpha(text.front()) || text.front() == '_') &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
  if (!fine) return phrase("must be a name of A-Z, a-z, 0-9 and '_' that does not begin with a digit");
  if (text.starts_with("MIFENG_") || text.starts_with("LD_") || text.starts_with("KUBERNETES_") ||
      text == "GLIBC_TUNABLES")
    return phrase("is reserved: names that begin with MIFENG_, LD_ or KUBERNETES_, and GLIBC_TUNABLES, cannot be set");
  return std::nullopt;
}

std::span<const std::string_view> image_env_names() {
  static constexpr std::array<std::string_view, 18> kKnown{"PATH",
                                                           "LANG",
                                                           "LANGUAGE",
                                                           "LC_ALL",
                                                           "LC_CTYPE",
                                                           "TZ",
                                                           "JAVA_HOME",
                                                           "JAVA_VERSION",
                                                           "NODE_VERSION",
                                                           "PYTHON_VERSION",
                                                           "PYTHONUNBUFFERED",
                                                           "PYTHONDONTWRITEBYTECODE",
                                                           "PYTHONIOENCODING",
                                                           "CUDA_VERSION",
                                                           "CUDA_HOME",
                                                           "NCCL_VERSION",
                                                           "NVIDIA_REQUIRE_CUDA",
                                                           "NVIDIA_DRIVER_CAPABILITIES"};
  return kKnown;
}

Complaint check_image_env_name(std::string_view text) {
  const auto known = image_env_names();
  if (std::find(known.begin(), known.end(), text) != known.end()) return std::nullopt;
  return phrase("is none of the variables that an image may bring; set it in the deployment config's spec.env");
}

Complaint check_mount_path(std::string_view text) {
  const bool normal =
      text.size() > 1 && text.size() <= 400 && text.front() == '/' && !has_control_character(text) &&
      text.find_first_of(":\\,") == std::string_view::npos &&
      each_part(text.substr(1), '/', [](std::string_view part) { return part != "" && part != "." && part != ".."; });
  if (!normal) return phrase("must be an absolute path without '..', '.', '//', ':', ',' or a '/' at its end");
  static constexpr std::array<std::string_view, 12> kTaken{"/mifeng", "/app", "/proc", "/sys",   "/dev",  "/etc",
                                                           "/usr",    "/lib", "/bin",  "/lib64", "/sbin", "/boot"};
  for (const std::string_view folder : kTaken)
    if (below_or_same(text, folder)) return phrase("must not be {} or below it", folder);
  return std::nullopt;
}

Complaint check_url_path(std::string_view text) {
  const bool fine =
      !text.empty() && text.size() <= 256 && text.front() == '/' && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("/-._~%").find(c) != std::string_view::npos;
      });
  if (fine) return std::nullopt;
  return phrase("must be a path that begins with '/', of letters, digits and - . _ ~ % /");
}

Complaint check_resource_name(std::string_view text) {
  if (text == "cpu" || text == "memory") return std::nullopt;
  const std::size_t slash = text.find('/');
  const std::string_view domain = text.substr(0, slash);
  const bool fine = slash != std::string_view::npos && domain.find('.') != std::string_view::npos &&
                    is_domain(domain) && is_plain_name(text.substr(slash + 1));
  if (fine) return std::nullopt;
  return phrase("is not a resource; there are cpu, memory, and domain/name as in nvidia.com/gpu");
}

Complaint check_taint_key(std::string_view text) {
  const std::size_t slash = text.find('/');
  const bool fine = slash == std::string_view::npos
                        ? is_plain_name(text)
                        : is_domain(text.substr(0, slash)) && is_plain_name(text.substr(slash + 1));
  if (!fine) return "must be the key of a taint: a name, or domain/name as in nvidia.com/gpu";
  if (text.starts_with("node.kubernetes.io/")) return "is a taint by which a cluster says that a node is not well";
  return std::nullopt;
}

Complaint check_taint_value(std::string_view text) {
  if (text.empty() || is_plain_name(text)) return std::nullopt;
  return "must be at most 63 characters A-Z, a-z, 0-9, '.', '_' and '-', with a letter or digit at either end";
}

Complaint check_debian_package(std::string_view text) {
  const bool fine = text.size() >= 2 && text.size() <= 100 && (is_lower(text.front()) || is_digit(text.front())) &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
  if (fine) return std::nullopt;
  return phrase("must be the name of a Debian package: a-z, 0-9, '+', '-', '.'");
}

}  // namespace mifeng::manifest
