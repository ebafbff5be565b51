// The options of mifengd, spec/processes.md.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::daemon {

struct Options {
  std::filesystem::path data;
  // Where the master key comes from: exactly one of these.
  std::filesystem::path master_key;       // a file
  std::string master_key_env;             // a variable that holds its 64 hex digits
  std::filesystem::path passphrase_file;  // a line, from which it is derived
  int passphrase_fd = -1;
  std::filesystem::path salt_file;  // of the passphrase; default `salt` in the data folder
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 7080;
  std::string public_address;  // a second listener of the API, for other machines; empty: there is none
  std::uint16_t public_port = 0;
  std::string guard_address;  // of the guards' door; empty: there is none
  std::uint16_t guard_port = 0;
  std::string guard_url;                    // where guards of other machines reach it
  std::string gateway_url;                  // where gateways take callers' requests
  std::filesystem::path gateway_ca;         // of its certificate
  std::filesystem::path tls_cert, tls_key;  // both or none
  std::string tls_names;                    // of a self-made certificate, with commas
  std::filesystem::path local_socket;
  std::string registry;  // HOST[:PORT][/PROJECT]
  std::filesystem::path registry_ca;
  std::string registry_user;
  std::filesystem::path registry_password_file;
  bool registry_plain_http = false;  // after parse_options also of a registry on loopback without a CA
  std::filesystem::path engine_socket;
  std::string installation;
  std::filesystem::path sockets;
  std::filesystem::path guard_image;
  std::filesystem::path console;  // folder of its files
  std::string name = "mifeng";
  int port_first = 30000;
  int port_last = 32767;
  int lease_seconds = 300;
  int snapshot_lifetime_seconds = 86'400;
  int output_key_lifetime = 0;              // seconds; after parse_options never 0
  int delivery_key_grace = 30 * 24 * 3600;  // seconds
  int token_days = 366;
  int keep_days = 90;
  int vendor_quota_gib = 500;
  int progress_deadline = 0;  // seconds; 0: 600, in clusters 1800
  int lame_duck = 15;         // seconds, of guards in clusters
  std::string log_level = "info";
  int ready_fd = -1;
};

// What --help or --version print is printed here; nothing then, with the exit status in `exit_status`. A mistake is
// kInvalidArgument "usage".
Result<bool> parse_options(int argc, char** argv, Options& options);

}  // namespace mifeng::daemon
