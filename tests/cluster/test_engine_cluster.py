"""The engine on a real cluster: the suite that every engine must pass, and what is Kubernetes' alone (tests/engine)."""
import json
import os
import pathlib
import subprocess

from machine import places

SECONDS = 2400


def test_the_engine_does_what_every_engine_must_and_what_kubernetes_alone_promises(k8s, tmp_path):
    program = pathlib.Path(os.environ["MIFENG_BUILD"]) / "tests/engine/kubernetes_engine_test"
    report = tmp_path / "report.json"
    environment = {**os.environ, "MIFENG_TEST_CLUSTER": json.dumps(k8s.facts),
                   "MIFENG_CLUSTER_COMMAND": str(places.HERE / "cluster"), "PATH": f"{os.environ['PATH']}:{places.PATH}"}
    # It starts kubectl and the like: what it has begun ends with it.
    process = subprocess.Popen([program, f"--gtest_output=json:{report}"], env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate(timeout=60)
        raise AssertionError(f"it did not end in {SECONDS} s:\n{output}") from None
    assert process.returncode == 0, output
    counted = json.loads(report.read_text())
    ran = {suite["name"]: suite["tests"] for suite in counted["testsuites"] if suite["tests"] > 0}
    assert counted["failures"] == counted["errors"] == counted["disabled"] == 0, output
    assert {"Kubernetes/EngineTest", "KubernetesTest"} <= set(ran), f"these have run: {ran}\n{output}"
