"""Trains the classifier on scikit-learn's bundled digits, and writes what the test split gives in this process to
build/calls.jsonl, for the comparison with the served model. Run by `mifeng pack` (prepare) in this folder."""
import json
import pathlib

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

BUILD = pathlib.Path("build")
TEST_IMAGES = 360


def main():
    BUILD.mkdir(exist_ok=True)
    data = load_digits()
    train_images, test_images, train_labels, test_labels = train_test_split(
        data.images, data.target, test_size=TEST_IMAGES, random_state=20240611, stratify=data.target)
    model = SVC(C=10, kernel="rbf", gamma=0.25, decision_function_shape="ovr")
    model.fit(train_images.reshape(len(train_images), -1) / 16.0, train_labels)
    joblib.dump(model, BUILD / "digits.joblib", compress=3)

    from digits.serve import predict  # loads what was written just now
    right = 0
    with open(BUILD / "calls.jsonl", "w") as calls:
        for image, label in zip(test_images, test_labels):
            request = {"images": [image.tolist()]}
            answer = predict(request)
            right += answer["digits"][0] == int(label)
            calls.write(json.dumps({"path": "/predict", "request": request, "answer": answer}) + "\n")
    accuracy = right / len(test_images)
    print(f"{len(train_images)} images learned, {right} of {len(test_images)} test images right ({accuracy:.1%})")
    if accuracy < 0.95:
        raise SystemExit("the classifier is worse than it should be; nothing was packed")


if __name__ == "__main__":
    main()
