// `mifeng up`: a whole installation on one machine, from nothing to models that answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::stack {

inline constexpr const char* kKubernetesCluster = "kubernetes";  // id of the one that `mifeng up` adds

// A Kubernetes cluster beside this machine, where the examples are deployed then.
struct UpCluster {
  std::filesystem::path kubeconfig;  // empty: none
  std::string registry;              // the platform's, as its nodes see it; empty: as the platform does
};

// An image registry that is there, as mifengd is told of it.
struct UpRegistry {
  std::string address;                  // HOST:PORT[/PROJECT]; empty: one of this installation's own is started
  std::filesystem::path ca;             // authority of its certificate (PEM); empty: the system's
  std::string user;                     // empty: nobody has to say who he is
  std::filesystem::path password_file;  // its first line
  bool plain_http = false;              // although it is another machine
};

struct UpOptions {
  bool once = false;                 // play the examples' calls, report, tear down
  std::filesystem::path data;        // empty: the default of default_data_folder()
  std::filesystem::path master_key;  // empty: default_master_key(data)
  std::filesystem::path examples;    // a folder of model projects; empty: none
  bool copy_examples = false;        // they are the system's: packed in the data folder, since packing writes into them
  std::vector<std::string> only;     // of the examples; empty: all
  std::filesystem::path programs;    // the folder of mifeng, mifengd and mifeng-gateway
  std::filesystem::path packs;       // the folder of language packs
  std::filesystem::path guard;       // folder of the guards' image
  std::filesystem::path cache;       // of packing
  std::uint16_t platform_port = 0;   // 0: that of the last start, else 7080 or a free one
  std::uint16_t gateway_port = 0;    // the same with 7081
  std::uint16_t registry_port = 0;   // the same with 7082
  std::string listen;  // an address of this machine: other machines reach platform and gateway there, over TLS; empty:
                       // nobody but this machine does
  int lease_seconds = 0;  // of mifengd; 0: its default
  int snapshot_lifetime_seconds = 0;
  std::string port_range;         // "FIRST-LAST", of mifengd; empty: its default
  std::string guard_listen;       // of mifengd, for guards on other machines; empty: none
  std::string guard_url;          // the same; empty: its default
  int restart_pause_seconds = 0;  // the longest before a program that keeps ending is started again; 0: ten
  UpRegistry registry;
  UpCluster cluster;
};

// Where the person at the terminal is told what happens.
struct UpListener {
  std::function<void(std::string_view)> message;  // a line about what goes on: a phrase(), or an error's message
  std::function<void(std::string_view)> line;     // of a program that works for us, as it wrote it
  // A deployment's new state, and the sentence of the platform that goes with it; may be empty.
  std::function<void(const std::string& name, const std::string& state, const std::string& reason)> state;
  std::function<void(std::string_view)> result;  // standard output: the JSON object of `once`, the addresses otherwise
};

// /var/lib/mifeng for root, else $XDG_DATA_HOME/mifeng or ~/.local/share/mifeng.
std::filesystem::path default_data_folder();
// ~/.config/mifeng/NAME.key, outside of the data folder: NAME is the data folder's path, so that two installations have
// two.
std::filesystem::path default_master_key(const std::filesystem::path& data);

// Runs until SIGINT, SIGTERM or SIGHUP comes (the value is then 0), or with `once` until the examples were called: 0 if
// every answer was right, else 1. The signals must be blocked in every thread before. Everything that it started has
// ended when it returns, and the containers are gone.
Result<int> run_up(const UpOptions& options, const UpListener& listener);

}  // namespace mifeng::stack
