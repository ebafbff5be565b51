"""`mifeng render` and `mifeng import` without a platform, and what `get` says of clusters that have no engine."""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

from conftest import BIN

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
CORPUS = SOURCE / "libs/manifest/corpus/import"
ZEROS = "0" * 64


def mifeng(*arguments, status=0, input=None, chinese=False):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MIFENG_", "LC_", "LANG"))}
    done = subprocess.run([BIN / "mifeng", *map(str, arguments)], input=input, capture_output=True, text=True, timeout=60,
                          env=environment | {"LC_ALL": "zh_CN.UTF-8" if chinese else "C"})
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("import") / "deployment.yaml"
    mifeng("import", CORPUS / "digits.yaml", "--output-file", file)
    return file


def test_a_vendors_yaml_becomes_a_config(config):
    made = yaml.safe_load(config.read_text())
    assert (made["apiVersion"], made["kind"]) == ("mifeng.io/v1", "ModelDeployment")
    assert made["metadata"] == {"name": "digits", "namespace": "models"}
    assert made["spec"]["model"] == {"name": "digits", "version": "1.2.0"}
    assert made["spec"]["ports"] == [{"name": "predict", "containerPort": 8080}]
    assert made["spec"]["command"] == ["/app/model", "--threads", "2"]
    assert "image" not in made["spec"]
    # The same from standard input, to standard output; and what is there already is not written over.
    done = mifeng("import", "-", input=(CORPUS / "digits.yaml").read_text())
    assert done.stdout == config.read_text()
    assert "spec.ports[0].nodePort: is left out" in done.stderr
    assert "[file-exists]" in mifeng("import", CORPUS / "digits.yaml", "--output-file", config, status=5).stderr


def test_what_is_not_on_the_list_is_refused_all_at_once_in_both_languages(tmp_path):
    out = tmp_path / "out.yaml"
    english = mifeng("import", CORPUS / "refused.yaml", "--output-file", out, status=2)
    chinese = mifeng("import", CORPUS / "refused.yaml", "--output-file", out, status=2, chinese=True)
    assert english.stdout == chinese.stdout == "" and not out.exists()
    lines = [line for line in english.stderr.splitlines() if line.startswith(str(CORPUS))]
    others = [line for line in chinese.stderr.splitlines() if line.startswith(str(CORPUS))]
    assert len(lines) == len(others) >= 18 and "[not-importable]" in english.stderr
    for path in ("hostNetwork", "initContainers", "containers[0].envFrom", "containers[0].securityContext.privileged",
                 "volumes[0].hostPath"):
        assert any(f": spec.template.spec.{path}: " in line for line in lines), path
    for line, other in zip(lines, others):
        place, path, sentence = line.split(": ", 2)
        assert other.startswith(f"{place}: {path}: ")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in other[len(place) + len(path) + 4:]), other


@pytest.mark.parametrize("options", [(), ("--version", "a b"), ("--model", "Not a label"), ("--namespace", "-x")])
def test_what_is_said_beside_the_files_is_checked_too(options):
    mifeng("import", CORPUS / "digits.yaml", *options, status=2 if options else 0)


def test_what_cannot_be_read_is_said_with_its_place(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: 1\n---\na: &x 1\n")
    assert f"{bad}:3:4" in mifeng("import", bad, status=2).stderr
    assert "[no-such-file]" in mifeng("import", tmp_path / "none.yaml", status=3).stderr


def test_a_config_is_rendered_without_a_platform(config):
    done = mifeng("render", config)
    objects = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert list(objects) == ["PersistentVolumeClaim", "NetworkPolicy", "Service", "PodDisruptionBudget", "Deployment"]
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert objects["Deployment"]["metadata"]["name"] == "mf-digits-000000"
    assert pod["containers"][0]["image"] == f"REGISTRY/mifeng/guard@sha256:{ZEROS}"
    assert pod["containers"][1]["image"] == f"REGISTRY/vendor/digits@sha256:{ZEROS}"
    assert objects["Service"]["spec"]["ports"][0]["nodePort"] == 30000
    assert {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}["MIFENG_DOOR_TAG"] == "HIDDEN"
    assert "placeholders" in done.stderr
    listed = json.loads(mifeng("render", config, "-o", "json").stdout)
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    assert listed["items"] == list(objects.values())  # YAML says exactly the same


def test_options_are_those_of_deploy(config):
    listed = json.loads(mifeng("render", config, "-o", "json", "--name", "ward", "--replicas", "1", "--registry",
                               "registry.example/p", "--env", "LANG=YES", "--limit", "memory=3Gi").stdout)["items"]
    assert [one["kind"] for one in listed] == ["PersistentVolumeClaim", "NetworkPolicy", "Service", "Deployment"]
    model = listed[-1]["spec"]["template"]["spec"]["containers"][1]
    assert listed[-1]["metadata"]["name"] == "mf-ward-000000" and model["image"].startswith("registry.example/p/vendor/")
    assert model["resources"]["limits"]["memory"] == str(3 << 30)
    as_yaml = list(yaml.safe_load_all(mifeng("render", config, "--env", "LANG=YES").stdout))
    env = {one["name"]: one["value"] for one in as_yaml[-1]["spec"]["template"]["spec"]["containers"][1]["env"]}
    assert env["LANG"] == "YES"
    assert "[bad-overlay]" in mifeng("render", config, "--env", "OTHER=1", status=2).stderr


def test_volumes_and_tolerations_are_rendered(config):
    """The config has `cache` in 64 MiB of memory and `state` on a claim, and tolerates nothing by itself."""
    def objects(*options):
        return {one["kind"]: one for one in json.loads(mifeng("render", config, "-o", "json", *options).stdout)["items"]}
    moved = objects("--volume", "state=memory,size=48Mi")
    assert "PersistentVolumeClaim" not in moved
    volumes = moved["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert {"medium": "Memory", "sizeLimit": str(48 << 20)} in [one.get("emptyDir") for one in volumes]
    claim = objects("--volume", "state=claim:other,size=3Gi,class=fast")["PersistentVolumeClaim"]
    assert claim["metadata"]["name"] == "mf-vendor.other" and claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == str(3 << 30)
    pod = objects("--toleration", "dedicated=lab:NoSchedule", "--toleration", "spot:NoExecute,seconds=0",
                  "--toleration", "nvidia.com/gpu")["Deployment"]["spec"]["template"]["spec"]
    assert pod["tolerations"][2:] == [
        {"key": "dedicated", "operator": "Equal", "value": "lab", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0},
        {"key": "nvidia.com/gpu", "operator": "Exists"}]
    for wrong in ("node.kubernetes.io/not-ready", "a b", "a:Always", "a:NoSchedule,seconds=1"):
        assert "[bad-overlay]" in mifeng("render", config, "--toleration", wrong, status=2).stderr, wrong
    assert "[bad-overlay]" in mifeng("render", config, "--volume", "none=memory", status=2).stderr


def test_what_render_is_asked_wrongly(config):
    mifeng("render", "deployment", status=2)
    mifeng("render", config, "digits", status=2)
    assert "[no-such-file]" in mifeng("render", "none.yaml", status=3).stderr
    assert "[no-such-file]" in mifeng("render", "none.mfpkg", status=3).stderr


def test_of_a_platform_without_an_engine_it_is_said(platform):
    def at(*arguments, status):
        return mifeng(*arguments, "--platform", f"unix:{platform.local_socket}", status=status).stderr
    for kind in ("nodes", "capacity"):
        assert "[no-engine]" in at("get", kind, status=1)
        assert "[no-engine]" in at("get", kind, "--cluster", "local", status=1)
        assert "[not-found]" in at("get", kind, "--cluster", "none", status=3)
        at("describe", kind, "local", status=2)
        at("delete", kind, "local", status=2)
    assert "[no-engine]" in at("get", "events", "--cluster", "local", status=1)
    at("get", "events", "digits", "--cluster", "local", status=2)
    at("get", "routes", "--cluster", "local", status=2)
    at("render", "deployment", "none", status=3)
    at("render", "acme/none@1.0.0", status=3)
