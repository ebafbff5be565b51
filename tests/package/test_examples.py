"""The examples, packed for real: taken apart, opened, run in the root of their own image, and compared with what they
gave in the process that trained them."""
import concurrent.futures
import json
import os
import pathlib

import pytest
import yaml

import support

EXAMPLES = ["tumor-cpp", "digits-python"]


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request, packed, keys, tmp_path_factory):
    package, project = packed(request.param)
    manifest = support.manifest_of(package)
    config = yaml.safe_load(dict_of_small(package)["config.yaml"])
    root = support.unpack_image(package, tmp_path_factory.mktemp("image") / "root")
    files = support.open_payload(root, keys, manifest)
    return {"name": request.param, "package": package, "project": project, "manifest": manifest, "config": config,
            "root": root, "files": files}


def dict_of_small(package):
    import tarfile
    with tarfile.open(package, "r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.size < 1 << 20}


@pytest.fixture(scope="module")
def model(example):
    with support.serve(example["root"], example["config"], example["manifest"]) as running:
        yield running


def test_it_verifies(example, keys):
    done = support.mifeng("verify", example["package"], "--vendor", keys / "vendor.pub")
    assert done.stdout.startswith("verified: acme/")


def test_every_answer_equals_the_one_of_the_training_process(example, model):
    calls = [json.loads(line) for line in (example["project"] / "build/calls.jsonl").read_text().splitlines()]
    assert len(calls) == {"tumor-cpp": 143, "digits-python": 360}[example["name"]]
    connection = model.connect()
    for call in calls:
        status, answer = connection.call("POST", call["path"], call["request"])
        assert status == 200
        assert answer == call["answer"]


def test_it_has_unix_sockets_alone(model):
    connection = model.connect()
    assert connection.call("GET", "/v2/health/live")[0] == 200
    assert model.other_sockets() == []


def test_many_connections_at_once(example, model):
    call = json.loads((example["project"] / "build/calls.jsonl").read_text().splitlines()[0])

    def one(_):
        return model.connect().call("POST", call["path"], call["request"]) == (200, call["answer"])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(200)))


def test_open_inference_protocol(example, model):
    name, version = example["manifest"]["model"]["name"], example["manifest"]["model"]["version"]
    call = json.loads((example["project"] / "build/calls.jsonl").read_text().splitlines()[0])
    if example["name"] == "tumor-cpp":
        row = call["request"]["samples"][0]
        header = (example["project"] / "data/wdbc.csv").read_text().splitlines()[0].split(",")
        tensor = {"name": "samples", "shape": [1, 30], "datatype": "FP64", "data": [row[key] for key in header[:30]]}
    else:
        flat = [value for line in call["request"]["images"][0] for value in line]
        tensor = {"name": "images", "shape": [1, 8, 8], "datatype": "FP64", "data": flat}
    connection = model.connect()
    for prefix in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
        status, answer = connection.call("POST", prefix + "/infer", {"id": "7", "inputs": [tensor]})
        assert status == 200
        assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", name, version)
        got = {output["name"]: output["data"] for output in answer["outputs"]}
        assert got == call["answer"]
        assert all(output["shape"] == [1] for output in answer["outputs"])
        status, facts = connection.call("GET", prefix)
        assert status == 200 and facts["name"] == name and facts["versions"] == [version]
        assert {one["name"] for one in facts["outputs"]} == set(call["answer"])
        assert connection.call("GET", prefix + "/ready") == (200, {"name": name, "ready": True})
    assert connection.call("GET", "/v2")[1]["name"] == name
    assert connection.call("GET", "/v2/health/live") == (200, {"live": True})
    assert connection.call("GET", "/v2/health/ready") == (200, {"ready": True})
    assert connection.call("GET", "/v2/models/another")[0] == 404
    assert connection.call("GET", f"/v2/models/{name}/versions/0.0.1")[0] == 404


BAD = [("/predict", "{"), ("/predict", "[]"), ("/predict", "{}"), ("/predict", '{"images": [], "samples": []}'),
       ("/predict", '{"images": [[[1]]], "samples": [[1]]}'), ("INFER", "{}"), ("INFER", '{"inputs": []}'),
       ("INFER", '{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1]}]}'),
       ("INFER", '{"inputs": [{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}]}'),
       ("INFER", '{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]}')]


@pytest.mark.parametrize("target,body", BAD)
def test_a_request_that_does_not_fit_gets_a_sentence(example, model, target, body):
    if target == "INFER":
        target = f"/v2/models/{example['manifest']['model']['name']}/infer"
    status, answer = model.connect().call("POST", target, body)
    assert status == 400
    assert len(answer["error"]) > 10
    assert model.connect().call("GET", "/health")[0] == 200


def test_nobody_can_look_into_the_process(example, model):
    # The files of a process that is not dumpable belong to root, whoever runs it; it runs as 65532.
    assert os.stat(f"/proc/{model.process.pid}/mem").st_uid == 0
    limits = pathlib.Path(f"/proc/{model.process.pid}/limits").read_text()
    core = [line for line in limits.splitlines() if line.startswith("Max core file size")][0].split()
    assert core[4:6] == ["0", "0"]


def test_no_source_and_no_weights_in_the_clear(example):
    root = example["root"]
    plain = [path for path in root.rglob("*") if path.is_file() and not path.is_relative_to(root / "app")]
    if example["name"] == "digits-python":
        assert example["files"] == [".mifeng-payload.json", "build/digits.joblib",
                                    "digits/__init__.cpython-311-x86_64-linux-gnu.so",
                                    "digits/features.cpython-311-x86_64-linux-gnu.so",
                                    "digits/serve.cpython-311-x86_64-linux-gnu.so"]
        marks = [b"grey values are from 0 (white)"]
    else:
        assert example["files"] == [".mifeng-payload.json", "build/tumor.json", "model"]
        marks = [b"a sample lacks the measurement", b"worst_fractal_dimension"]
    for path in plain:
        if path.is_symlink():
            continue
        data = path.read_bytes()
        assert not any(mark in data for mark in marks), f"{path} holds the vendor's code in the clear"
    payload = b"".join((root / "app" / name).read_bytes() for name in example["files"])
    assert any(mark in payload for mark in marks), "the marks are not those of this model"
    assert str(example["project"]).encode() not in payload, "a path of the vendor's machine is in the payload"


def test_the_config_has_all_nine_fields(example):
    spec = example["config"]["spec"]
    assert spec["model"] == {"name": example["manifest"]["model"]["name"], "version": "1.0.0"}
    assert spec["image"] == f"acme/{spec['model']['name']}@{example['manifest']['image']['digest']}"
    assert spec["imagePullPolicy"] == "IfNotPresent"
    assert spec["ports"] == [{"name": "http", "containerPort": 8080}]
    assert spec["command"][0].startswith("/")
    assert {"name": "LANG", "value": "C.UTF-8"} in spec["env"]
    assert spec["replicas"] == 1
    assert spec["resources"]["limits"]["memory"] in ("512Mi", "1Gi")
    assert spec["volumes"][0]["name"] == spec["volumeMounts"][0]["name"] == "cache"


def test_it_stops_at_once_when_idle(example):
    with support.serve(example["root"], example["config"], example["manifest"]) as running:
        idle = running.connect()
        assert idle.call("GET", "/health")[0] == 200  # stays open
        running.process.terminate()
        assert running.process.wait(5) in (0, -15, 143)
