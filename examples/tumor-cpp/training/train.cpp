// Trains on data/wdbc.csv, measures on the test split, and writes the trees and, for the comparison with the served
// model, what the model's own function gives in this process: build/tumor.json and build/calls.jsonl.
#include <mifeng/model.h>
#include <xgboost/c_api.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tumor/features.h"

namespace tumor {
mifeng::Json predict(const mifeng::Json& request);
}

namespace {

using tumor::kFeatures;

constexpr std::size_t kTestSamples = 143;  // a quarter
constexpr int kRounds = 120;

struct Sample {
  std::vector<double> values;
  bool malignant = false;
};

void check(int status) {
  if (status != 0) throw std::runtime_error(std::string("XGBoost: ") + XGBGetLastError());
}

std::vector<Sample> read_samples(const char* path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error(std::string("cannot read ") + path);
  std::vector<Sample> samples;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string cell;
    Sample sample;
    while (std::getline(cells, cell, ',')) sample.values.push_back(std::stod(cell));
    if (sample.values.size() != kFeatures.size() + 1) throw std::runtime_error("a line has another number of cells");
    sample.malignant = sample.values.back() == 0;  // the last column says benign
    sample.values.pop_back();
    samples.push_back(std::move(sample));
  }
  return samples;
}

// Fisher and Yates with a generator whose sequence the standard fixes, so that the split is the same everywhere.
void shuffle(std::vector<Sample>& samples) {
  std::mt19937 random(20240611);
  for (std::size_t i = samples.size() - 1; i > 0; --i) std::swap(samples[i], samples[random() % (i + 1)]);
}

void train(const std::vector<Sample>& samples) {
  std::vector<float> rows, labels;
  for (const Sample& sample : samples) {
    for (const double value : sample.values) rows.push_back(static_cast<float>(value));
    labels.push_back(sample.malignant ? 1.F : 0.F);
  }
  DMatrixHandle matrix = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), samples.size(), kFeatures.size(), -1.F, &matrix));
  check(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), labels.size()));
  BoosterHandle booster = nullptr;
  check(XGBoosterCreate(&matrix, 1, &booster));
  for (const auto& [name, value] :
       {std::pair{"objective", "binary:logistic"}, std::pair{"max_depth", "4"}, std::pair{"eta", "0.1"},
        std::pair{"nthread", "1"}, std::pair{"seed", "7"}, std::pair{"tree_method", "exact"}})
    check(XGBoosterSetParam(booster, name, value));
  for (int round = 0; round < kRounds; ++round) check(XGBoosterUpdateOneIter(booster, round, matrix));
  check(XGBoosterSaveModel(booster, tumor::kWeights));
  check(XGBoosterFree(booster));
  check(XGDMatrixFree(matrix));
}

double measure(const std::vector<Sample>& samples) {
  std::ofstream calls("build/calls.jsonl");
  std::size_t right = 0;
  for (const Sample& sample : samples) {
    mifeng::Json measurements = mifeng::Json::object();
    for (std::size_t i = 0; i < kFeatures.size(); ++i) measurements[kFeatures[i]] = sample.values[i];
    const mifeng::Json request = {{"samples", {measurements}}};
    const mifeng::Json answer = tumor::predict(request);
    right += answer["malignant"][0].get<bool>() == sample.malignant ? 1 : 0;
    calls << mifeng::Json{{"path", "/predict"}, {"request", request}, {"answer", answer}}.dump() << "\n";
  }
  if (!calls.flush()) throw std::runtime_error("cannot write build/calls.jsonl");
  return static_cast<double>(right) / static_cast<double>(samples.size());
}

}  // namespace

int main() try {
  std::vector<Sample> samples = read_samples("data/wdbc.csv");
  shuffle(samples);
  const std::vector<Sample> test(samples.end() - kTestSamples, samples.end());
  samples.resize(samples.size() - kTestSamples);
  train(samples);
  const double accuracy = measure(test);
  std::printf("%zu samples learned, %.1f %% of %zu test samples right\n", samples.size(), 100 * accuracy, test.size());
  if (accuracy < 0.93) {
    std::fprintf(stderr, "the classifier is worse than it should be; nothing was packed\n");
    return 1;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "train: %s\n", error.what());
  return 1;
}
