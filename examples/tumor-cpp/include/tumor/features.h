// The 30 measurements that the classifier reads, in its order (columns of data/wdbc.csv).
#pragma once

#include <array>

namespace tumor {

inline constexpr std::array<const char*, 30> kFeatures{
    "mean_radius",       "mean_texture",    "mean_perimeter",       "mean_area",      "mean_smoothness",
    "mean_compactness",  "mean_concavity",  "mean_concave_points",  "mean_symmetry",  "mean_fractal_dimension",
    "error_radius",      "error_texture",   "error_perimeter",      "error_area",     "error_smoothness",
    "error_compactness", "error_concavity", "error_concave_points", "error_symmetry", "error_fractal_dimension",
    "worst_radius",      "worst_texture",   "worst_perimeter",      "worst_area",     "worst_smoothness",
    "worst_compactness", "worst_concavity", "worst_concave_points", "worst_symmetry", "worst_fractal_dimension"};

// Where the trained trees are, relative to the working folder.
inline constexpr const char* kWeights = "build/tumor.json";

}  // namespace tumor
