// The web service around a vendor's function: /predict, Open Inference Protocol and health on the Unix socket that
// MIFENG_SOCKET names. It knows nothing of the vendor's code, so it is compiled once and kept.
#pragma once

#include <mifeng/model.h>

namespace mifeng::server {

struct Model {
  Json (*predict)(const Json& request) = nullptr;
  void (*load)() = nullptr;      // or none
  Json (*metadata)() = nullptr;  // or none
};

// Until SIGTERM; the exit status of the program.
int serve(const Model& model);

}  // namespace mifeng::server
