// The entry of the model: {"samples": [{measurement: number}]} to {"malignant": [bool], "probability": [number]}.
#include <mifeng/model.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <string>
#include <vector>

#include "tumor/features.h"

namespace tumor {
namespace {

constexpr std::size_t kSamplesMax = 1000;

void check(int status) {
  if (status != 0) throw std::runtime_error(std::string("XGBoost: ") + XGBGetLastError());
}

// Loaded once; XGBoost's in-place prediction may run in several threads at once.
BoosterHandle booster() {
  static const BoosterHandle loaded = [] {
    BoosterHandle handle = nullptr;
    check(XGBoosterCreate(nullptr, 0, &handle));
    check(XGBoosterSetParam(handle, "nthread", "1"));
    check(XGBoosterLoadModel(handle, kWeights));
    return handle;
  }();
  return loaded;
}

// One row of numbers for each sample; a measurement that is null counts as missing.
std::vector<float> to_rows(const mifeng::Json& request) {
  if (!request.is_object() || !request.contains("samples") || !request["samples"].is_array())
    throw mifeng::BadRequest("the request needs \"samples\", a list");
  const mifeng::Json& samples = request["samples"];
  if (samples.empty() || samples.size() > kSamplesMax) throw mifeng::BadRequest("1 to 1000 samples in one request");
  std::vector<float> rows;
  rows.reserve(samples.size() * kFeatures.size());
  for (const mifeng::Json& sample : samples) {
    // A list has the order of kFeatures: so tensors work as well as objects.
    if (sample.is_array() && sample.size() != kFeatures.size())
      throw mifeng::BadRequest("a sample that is a list has 30 measurements");
    if (!sample.is_array() && !sample.is_object())
      throw mifeng::BadRequest("a sample is an object of measurements, or a list of 30");
    for (std::size_t i = 0; i < kFeatures.size(); ++i) {
      const char* const name = kFeatures[i];
      if (sample.is_object() && !sample.contains(name))
        throw mifeng::BadRequest(std::string("a sample lacks the measurement ") + name +
                                 " (null says that it is unknown)");
      const mifeng::Json& value = sample.is_array() ? sample[i] : sample[name];
      if (value.is_null()) {
        rows.push_back(std::nanf(""));
      } else if (value.is_number() && value.get<double>() >= 0 && std::isfinite(value.get<float>())) {
        rows.push_back(value.get<float>());
      } else {
        throw mifeng::BadRequest(std::string(name) + " must be a number from 0, or null");
      }
    }
    if (sample.is_object() && sample.size() != kFeatures.size())
      throw mifeng::BadRequest("a sample holds a measurement that this model does not know");
  }
  return rows;
}

}  // namespace

void load() { booster(); }

mifeng::Json metadata() {
  return {{"inputs", {{{"name", "samples"}, {"datatype", "FP64"}, {"shape", {-1, 30}}}}},
          {"outputs",
           {{{"name", "malignant"}, {"datatype", "BOOL"}, {"shape", {-1}}},
            {{"name", "probability"}, {"datatype", "FP64"}, {"shape", {-1}}}}}};
}

mifeng::Json predict(const mifeng::Json& request) {
  const std::vector<float> rows = to_rows(request);
  const std::size_t count = rows.size() / kFeatures.size();
  // NumPy's array interface: XGBoost reads our memory in place.
  const mifeng::Json array = {{"data", {reinterpret_cast<std::uintptr_t>(rows.data()), true}},
                              {"shape", {count, kFeatures.size()}},
                              {"typestr", "<f4"},
                              {"version", 3}};
  static const char* const kConfig =
      R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false, "cache_id": 0, "missing": NaN})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  check(XGBoosterPredictFromDense(booster(), array.dump().c_str(), kConfig, nullptr, &shape, &dimensions, &result));
  if (dimensions < 1 || shape[0] != count) throw std::runtime_error("XGBoost gave another number of answers");
  mifeng::Json malignant = mifeng::Json::array();
  mifeng::Json probability = mifeng::Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    malignant.push_back(result[i] >= 0.5F);
    probability.push_back(static_cast<double>(result[i]));
  }
  return {{"malignant", malignant}, {"probability", probability}};
}

}  // namespace tumor
