// What a vendor's model includes. A model is one function that answers a request; both are JSON objects:
//
//   #include <mifeng/model.h>
//   namespace acme {
//   mifeng::Json predict(const mifeng::Json& request) { return {{"sum", request.at("a").get<double>() + 1}}; }
//   }
//
// and `entry: acme::predict` in mifeng.yaml. It is called from several threads at once. Beside it, in the same
// namespace, may stand `void load()`, which is called once before the first request, and `mifeng::Json metadata()`, an
// object with the lists "inputs" and "outputs" of the Open Inference Protocol. The working folder holds the project's
// `files` under their own paths.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace mifeng {

using Json = nlohmann::json;

// Thrown by a model for a request that it cannot answer; its message goes to the caller with status 400. Any other
// exception is a 500 whose message goes to the log alone.
class BadRequest : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace mifeng
