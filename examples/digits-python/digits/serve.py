"""The entry of the model: {"images": [[[grey]]]} to {"digits": [...], "margin": [...]}."""
import functools

import joblib
import numpy

from digits.features import to_matrix

WEIGHTS = "build/digits.joblib"


@functools.lru_cache(maxsize=1)
def classifier():
    return joblib.load(WEIGHTS)


def predict(request):
    """One digit for each image, and by how much its score is ahead of the next digit's."""
    if not isinstance(request, dict) or "images" not in request:
        raise ValueError("the request needs \"images\"")
    model = classifier()
    scores = model.decision_function(to_matrix(request["images"]))
    best = scores.argmax(axis=1)
    ordered = numpy.sort(scores, axis=1)
    return {
        "digits": [int(model.classes_[index]) for index in best],
        "margin": [float(first - second) for first, second in zip(ordered[:, -1], ordered[:, -2])],
    }


def metadata():
    return {
        "inputs": [{"name": "images", "datatype": "FP64", "shape": [-1, 8, 8]}],
        "outputs": [{"name": "digits", "datatype": "INT64", "shape": [-1]},
                    {"name": "margin", "datatype": "FP64", "shape": [-1]}],
    }


classifier()
