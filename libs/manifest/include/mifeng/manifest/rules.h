// What names may look like, in one place: the package, the platform and the command line ask the same functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include "mifeng/base/bounds.h"

namespace mifeng::manifest {

// Each says in a sentence what is wrong, or nothing where the value is fine.
using Complaint = std::optional<std::string>;

// RFC 1123 label: 1..63 of a-z 0-9 and '-', no '-' at either end. Vendor ids, model names, namespaces, port names
// (these at most 15), volumes.
Complaint check_label(std::string_view text, std::size_t max_length = bounds::kLabelMax);
// 1..63 of A-Z a-z 0-9 . _ -, the first a letter or digit: also a tag of an image.
Complaint check_version(std::string_view text);
// A line for people: 1..max_bytes bytes of UTF-8 without control characters.
Complaint check_line(std::string_view text, std::size_t max_bytes = 256);
// A path below a project: relative, no empty, "." or ".." part, no backslash, at most 400 bytes.
Complaint check_relative_path(std::string_view text);
// "oci:FOLDER", "oci:FOLDER:TAG" or "docker-archive:FILE", of at most 400 bytes.
Complaint check_base_image(std::string_view text);
// "vendor/model@sha256:<64 hex>" without a registry.
Complaint check_image(std::string_view text);
// The name of an environment variable that a config may set: not MIFENG_*, LD_*, KUBERNETES_*, GLIBC_TUNABLES, which
// belong to the platform or change which code the guard runs.
Complaint check_env_name(std::string_view text);
// Names of the variables that an image may bring with it: those that tell a program where it stands and how it speaks.
// Any other can change which code a program runs (OPENSSL_CONF, GCONV_PATH, …), and there is no end of such names.
std::span<const std::string_view> image_env_names();
Complaint check_image_env_name(std::string_view text);
// A mount path: absolute, normal, and not where the guard, the payload or the system live.
Complaint check_mount_path(std::string_view text);
// An absolute path of a URL, for probes.
Complaint check_url_path(std::string_view text);
// "cpu", "memory", "ephemeral-storage" or domain/name.
Complaint check_resource_name(std::string_view text);
// The key of a taint of Kubernetes' nodes: a name of 1..63, or domain/name. Not of node.kubernetes.io/, by which a
// cluster says that a node is not well: how long that is borne is the engine's own to say.
Complaint check_taint_key(std::string_view text);
Complaint check_taint_value(std::string_view text);  // may be empty
// A Debian package name (Debian Policy 5.6.1).
Complaint check_debian_package(std::string_view text);

}  // namespace mifeng::manifest
