"""Each of the nine fields of a deployment config arrives in the running container, told by a model that answers what it
sees; and the model's language is one that Mifeng has never heard of: a pack dropped beside the others."""
import http.client
import json
import os
import pathlib
import shutil
import tarfile
import tempfile
import time

import pytest
import yaml

from installation import SOURCE, ApiError, Installation, wait_until

MIB = 1 << 20


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory(prefix="mf-", dir="/tmp") as path:
        place = pathlib.Path(path)
        shutil.copytree(SOURCE / "packs", place / "packs")
        shutil.copytree(SOURCE / "tests/e2e/packs/plain-c", place / "packs/plain-c")
        shutil.copytree(SOURCE / "tests/e2e/look", place / "models/look")
        yield place


@pytest.fixture(scope="module")
def look(place):
    installation = Installation(place / "d", examples=place / "models", packs=place / "packs")
    with installation:
        installation.wait_answer("/look")
        installation.key = installation.caller_key()
        wait_until(lambda: ask(installation, {})[0] == 200, 20, "an answer")
        yield installation
    assert installation.left_behind() == []


def ask(installation, body, prefix="/look"):
    return installation.call(prefix + "/predict", body, key=installation.key)


@pytest.fixture(scope="module")
def seen(look):
    """What the model sees, its environment as an object."""
    status, body = ask(look, {})
    assert status == 200, body
    value = json.loads(body)
    value["env"] = dict(one.split("=", 1) for one in value["env"])
    value["mounts"] = {line.split()[1]: line.split() for line in value["mounts"].splitlines()}
    return value


@pytest.fixture(scope="module")
def inspected(look):
    """The models' containers, as the engine shows them."""
    return [look.model_of(name) for name in look.containers()]


@pytest.fixture
def deploy(look):
    """Deploys another version, and takes it away again."""
    made = []

    def run(name, version, **more):
        deployment = look.api("POST", "/deployments", {"name": name, "version_id": version,
                                                       "route": {"name": name, "prefix": "/" + name}, **more})
        made.append(deployment["id"])
        return deployment["id"]

    def take_away(deployment):
        look.api("DELETE", "/deployments/" + deployment)
        wait_until(lambda: deployment not in [one["id"] for one in look.deployments()], 90, "the deletion")
        made.remove(deployment)
    run.take_away = take_away
    run.forget = made.remove
    yield run
    for one in list(made):
        take_away(one)


def variant(look, place, name, change):
    """A version of its own whose deployment config is changed by `change`."""
    project = place / "variants" / name
    shutil.copytree(SOURCE / "tests/e2e/look", project)
    text = (project / "mifeng.yaml").read_text().replace('version: "1.0.0"', f'version: "1.0.0-{name}"')
    (project / "mifeng.yaml").write_text(text)
    config = yaml.safe_load((project / "deployment.yaml").read_text())
    config["spec"]["model"]["version"] = f"1.0.0-{name}"
    config["spec"]["replicas"] = 1
    change(config["spec"])
    (project / "deployment.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    return look.pack_and_accept(project)


def manifest_of(look):
    with tarfile.open(look.data / "packages/look-1.0.0.mfpkg", "r:") as tar:
        return json.load(tar.extractfile("mifeng-package.json"))


# 1 模型名称

def test_the_models_name_and_version(seen, inspected):
    assert (seen["env"]["MIFENG_MODEL_NAME"], seen["env"]["MIFENG_MODEL_VERSION"]) == ("look", "1.0.0")
    for container in inspected:
        image = container["ImageName"]
        assert image.split("/", 1)[1].startswith("onlookers/look@sha256:")


# 2 镜像名称

def test_the_images_name_and_digest(look, inspected):
    digest = manifest_of(look)["image"]["digest"]
    ports = json.loads((look.data / "ports.json").read_text())
    for container in inspected:
        assert container["ImageName"] == f"127.0.0.1:{ports['registry']}/onlookers/look@{digest}"
        assert container["ImageDigest"] == digest


# 3 镜像抓取策略

def remove_from_registry(look, container):
    ports = json.loads((look.data / "ports.json").read_text())
    connection = http.client.HTTPConnection("127.0.0.1", ports["registry"], timeout=30)
    connection.request("DELETE", f"/v2/onlookers/look/manifests/{container['ImageDigest']}")
    assert connection.getresponse().status == 202


@pytest.mark.parametrize("policy", ["Always", "IfNotPresent"])
def test_the_pull_policy_says_whether_the_registry_is_asked_again(look, place, deploy, policy):
    version = variant(look, place, policy.lower(), lambda spec: spec.update(imagePullPolicy=policy))
    first = deploy("first", version)
    look.wait_state(first, ["ready"])
    (name,) = look.units(first)
    remove_from_registry(look, look.model_of(name))
    deploy.take_away(first)
    # The image is on the machine, and the registry has it no longer.
    second = deploy("second", version)
    if policy == "IfNotPresent":
        look.wait_state(second, ["ready"])
    else:
        def reason():
            text = look.api("GET", f"/deployments/{second}")["reason"]
            return text if "the registry does not have the image" in text else None
        wait_until(reason, 60, "the reason")


def test_the_pull_policy_never_pulls(look, place, deploy):
    version = variant(look, place, "never", lambda spec: spec.update(imagePullPolicy="Never"))
    deployment = deploy("never", version)

    def reason():
        text = look.api("GET", f"/deployments/{deployment}")["reason"]
        return text if "imagePullPolicy is Never" in text else None
    wait_until(reason, 60, "the reason")


# 4 容器端口号

def test_the_containers_port(look, seen, inspected):
    # Beside the model nginx listens on it, on every address; outside, the host's port leads there. Where the model is
    # nobody listens.
    assert seen["listening"].splitlines()[1:] == []
    for container in inspected:
        assert not container["HostConfig"]["PortBindings"] and container["HostConfig"]["NetworkMode"] == "none"
    for name in look.containers():
        container = look.guard_of(name)
        listening = pathlib.Path(f"/proc/{container['State']['Pid']}/net/tcp").read_text()
        assert any(line.split()[1] == "00000000:%04X" % 8123 for line in listening.splitlines()[1:])
        bindings = container["HostConfig"]["PortBindings"]
        assert list(bindings) == ["8123/tcp"]
        connection = http.client.HTTPConnection("127.0.0.1", int(bindings["8123/tcp"][0]["HostPort"]), timeout=30)
        connection.request("GET", "/v2/health/ready")
        answer = connection.getresponse()
        # What stands there seals and asks for the gateway's word: it does not talk to strangers.
        assert answer.status != 200 and b"ready" not in answer.read()


def test_a_second_port_has_a_route_of_its_own(look, place, deploy):
    ports = [{"name": "http", "containerPort": 8123}, {"name": "side-door", "containerPort": 9124}]
    version = variant(look, place, "ports", lambda spec: spec.update(ports=ports))
    deployment = deploy("twoports", version)
    look.wait_state(deployment, ["ready"])
    route = look.api("POST", "/routes", {"name": "side", "prefix": "/side", "forward": f"mifeng://{deployment}:side-door"})
    try:
        def environment(prefix):
            status, body = ask(look, {}, prefix)
            return dict(one.split("=", 1) for one in json.loads(body)["env"]) if status == 200 else None

        side = wait_until(lambda: environment("/side"), 30, "an answer of the second port")
        assert side["SERVES"] == "SIDE_DOOR" and side["MIFENG_SOCKET_SIDE_DOOR"] != side["MIFENG_SOCKET"]
        main = wait_until(lambda: environment("/twoports"), 30, "an answer of the first port")
        assert "SERVES" not in main and main["MIFENG_SOCKET_SIDE_DOOR"] == side["MIFENG_SOCKET_SIDE_DOOR"]
        # Both answers are sealed: each port of the host leads to the guard.
        (name,) = look.units(deployment)
        container = look.guard_of(name)
        assert "MIFENG_PORTS=http=8123,side-door=9124" in container["Config"]["Env"]
        bindings = {port: one[0]["HostPort"] for port, one in container["HostConfig"]["PortBindings"].items()}
        assert set(bindings) == {"8123/tcp", "9124/tcp"} and len(set(bindings.values())) == 2
        for port in bindings.values():
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
            connection.request("POST", "/predict", "{}", {"Mifeng-Request-Id": os.urandom(16).hex()})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200 and body.startswith(b"MFS") and b"SERVES" not in body
    finally:
        look.api("DELETE", "/routes/" + route["id"])


# 5 运行命令

def test_the_command(seen):
    assert seen["argv"] == ["/app/model", "two words", "", "--grüße=\"$HOME\""]


# 6 环境变量

def test_the_environment(seen):
    assert seen["env"]["GREETING"] == "héllo = \"$HOME\" 你好"
    assert seen["env"]["EMPTY"] == ""
    # Of the platform's, the model sees what is meant for it, and nothing else.
    assert {name for name in seen["env"] if name.startswith("MIFENG_")} == {
        "MIFENG_SOCKET", "MIFENG_MODEL_NAME", "MIFENG_MODEL_VERSION"}


def test_an_operators_environment_goes_before_the_vendors(look, deploy):
    version = look.deployments()[0]["version_id"]
    deployment = deploy("changed", version, replicas=1, env=[{"name": "GREETING", "value": "changed"}])
    look.wait_state(deployment, ["ready"])
    status, body = wait_until(lambda: (lambda got: got if got[0] == 200 else None)(ask(look, {}, "/changed")), 20, "an answer")
    env = dict(one.split("=", 1) for one in json.loads(body)["env"])
    assert env["GREETING"] == "changed" and env["EMPTY"] == ""


# 7 容器副本数

def test_the_replicas(look):
    deployment = look.deployments()[0]
    assert deployment["replicas"] == 2
    assert len(deployment["units"]) == 2 and look.containers() == look.units(deployment["id"])
    # Both answer: the gateway takes turns.
    pids = {json.loads(ask(look, {"read": "/etc/hostname"})[1])["content"].strip() for _ in range(20)}
    assert pids == set(look.containers())


# 8 硬件资源

def number(seen, *names):
    """The first of the cgroup files that is there: version 2 or version 1."""
    for name in names:
        if seen[name] is not None:
            return seen[name].split()
    raise AssertionError(f"none of {names} can be read in the container")


def test_the_memory(seen, inspected):
    assert int(number(seen, "memory.max", "memory.limit_in_bytes")[0]) == 96 * MIB
    assert {one["HostConfig"]["MemoryReservation"] for one in inspected} == {48 * MIB}


def test_the_processors(seen, inspected):
    assert int(number(seen, "cpu.max", "cpu.cfs_quota_us")[0]) == 150_000  # of 100,000 microseconds
    weight = int(number(seen, "cpu.weight", "cpu.shares")[0])
    assert weight == (256 if seen["cpu.weight"] is None else 1 + ((256 - 2) * 9999) // 262142)
    assert {one["HostConfig"]["CpuShares"] for one in inspected} == {256}


def test_an_operators_resources_go_before_the_vendors(look, deploy):
    version = look.deployments()[0]["version_id"]
    deployment = deploy("larger", version, replicas=1, limits={"memory": "120Mi"})
    look.wait_state(deployment, ["ready"])
    (name,) = look.units(deployment)
    assert look.model_of(name)["HostConfig"]["Memory"] == 120 * MIB


@pytest.fixture
def accelerator():
    """A device of a kind that no machine has, described as vendors of accelerators describe theirs (CDI): a node, an
    environment variable, and a file of the host's that is mounted. Its name as a resource."""
    vendor = f"mifeng-test-{os.getpid()}.example"
    folder = pathlib.Path("/var/run/cdi")
    had = folder.exists()
    folder.mkdir(exist_ok=True)
    spec = folder / f"{vendor}.json"
    edits = {"deviceNodes": [{"path": "/dev/accelerator0", "hostPath": "/dev/full"}], "env": ["ACCELERATOR=0"],
             "mounts": [{"hostPath": "/etc/debian_version", "containerPath": "/accelerator/driver", "options": ["ro", "bind"]}]}
    spec.write_text(json.dumps({"cdiVersion": "0.5.0", "kind": f"{vendor}/accelerator",
                                "devices": [{"name": "0", "containerEdits": edits}]}))
    yield f"{vendor}/accelerator"
    spec.unlink()
    if not had:
        folder.rmdir()


def test_an_accelerator(look, place, deploy, accelerator):
    version = variant(look, place, "accelerated", lambda spec: spec["resources"]["limits"].update({accelerator: "1"}))
    deployment = deploy("accelerated", version)
    look.wait_state(deployment, ["ready"])
    (name,) = look.units(deployment)
    before = look.model_of(name)
    wait_until(lambda: ask(look, {}, "/accelerated")[0] == 200, 20, "an answer")
    seen = json.loads(ask(look, {}, "/accelerated")[1])
    assert "ACCELERATOR=0" in seen["env"]
    assert json.loads(ask(look, {"read": "/accelerator/driver"}, "/accelerated")[1])["content"]
    assert json.loads(ask(look, {"write": "/dev/accelerator0", "bytes": 1}, "/accelerated")[1])["failed"] == "ENOSPC"
    # What the device's description adds is not taken for tampering: rounds later it is the same container that runs.
    time.sleep(8)
    after = look.model_of(name)
    assert (after["Id"], after["State"]["Pid"]) == (before["Id"], before["State"]["Pid"])
    # A machine without the device says so.
    without = variant(look, place, "lacking", lambda spec: spec["resources"]["limits"].update({"nobody.example/has": "1"}))
    lacking = deploy("lacking", without)

    def reason():
        text = look.api("GET", f"/deployments/{lacking}")["reason"]
        return text if "nobody.example/has" in text else None
    wait_until(reason, 60, "the reason")


# 9 数据卷

def test_the_volumes(look, seen, inspected):
    device, path, kind, options = seen["mounts"]["/fast"][:4]
    assert kind == "tmpfs" and "size=4096k" in options.split(",")
    # Not a memory of its own, but a folder where the data folder is.
    caches = [pathlib.Path(mount["Source"]) for one in inspected for mount in one["Mounts"]
              if mount["Destination"] == "/cache"]
    assert caches and all(cache.is_relative_to(look.data) for cache in caches), caches
    assert {"nosuid", "nodev"} <= set(seen["mounts"]["/cache"][3].split(","))
    # Written and read again; the bound holds; nothing else of the root can be written to.
    write = lambda path, size: json.loads(ask(look, {"write": path, "bytes": size})[1])["failed"]
    assert write("/cache/file", 8 * MIB) == ""
    assert [cache for cache in caches if (cache / "file").exists() and (cache / "file").stat().st_size == 8 * MIB]
    assert write("/fast/file", 3 * MIB) == ""
    assert write("/fast/file", 5 * MIB) == "ENOSPC"
    assert write("/elsewhere", 1) == "EROFS"


def test_a_claimed_volume_outlives_its_deployment(look, deploy):
    version = look.deployments()[0]["version_id"]

    def write(prefix, path):
        return wait_until(lambda: (lambda got: got if got[0] == 200 else None)(
            ask(look, {"write": path, "bytes": 3}, prefix)), 20, "an answer")

    def read(prefix, path):
        status, body = wait_until(lambda: (lambda got: got if got[0] == 200 else None)(
            ask(look, {"read": path}, prefix)), 20, "an answer")
        return json.loads(body)["content"]
    first = deploy("before", version, replicas=1)
    look.wait_state(first, ["ready"])
    assert json.loads(write("/before", "/kept/file")[1])["failed"] == ""
    assert json.loads(write("/before", "/cache/file")[1])["failed"] == ""
    deploy.take_away(first)
    volumes = {one["Name"]: one["Labels"] for one in look.engine("/volumes/json")}
    assert volumes[f"mf-{look.id[:8]}.onlookers.look-data"]["io.mifeng.installation"] == look.id
    assert not [name for name in volumes if first in name]
    second = deploy("after", version, replicas=1)
    look.wait_state(second, ["ready"])
    assert read("/after", "/kept/file") == "xxx"
    assert read("/after", "/cache/file") is None
    # Asked for, and still used by others: it stays, and nobody is disturbed.
    look.mifeng("delete", "deployment", "after", "--claims")
    wait_until(lambda: second not in [one["id"] for one in look.deployments()], 90, "the deletion")
    deploy.forget(second)
    assert read("/look", "/kept/file") == "xxx"


def test_an_operator_puts_volumes_elsewhere(look, deploy):
    """The vendor has `cache` and `bounded` on the disk, `fast` in 4 MiB of memory, `kept` on the claim `look-data`."""
    version = look.deployments()[0]["version_id"]
    volumes = [{"name": "cache", "medium": "memory", "size": "6Mi"}, {"name": "fast", "claim": "moved"},
               {"name": "bounded", "claim": "look-data"}]
    deployment = deploy("moved", version, replicas=1, volumes=volumes)
    look.wait_state(deployment, ["ready"])

    def answer(body):
        status, text = wait_until(lambda: (lambda got: got if got[0] == 200 else None)(ask(look, body, "/moved")), 20,
                                  "an answer")
        return json.loads(text)
    mounts = {line.split()[1]: line.split() for line in answer({})["mounts"].splitlines()}
    assert mounts["/cache"][2] == "tmpfs" and "size=6144k" in mounts["/cache"][3].split(",")
    assert mounts["/fast"][2] != "tmpfs" and {"nosuid", "nodev"} <= set(mounts["/fast"][3].split(","))
    # The bound is the operator's, and no longer the vendor's.
    assert answer({"write": "/cache/file", "bytes": 5 * MIB})["failed"] == ""
    assert answer({"write": "/cache/file", "bytes": 7 * MIB})["failed"] == "ENOSPC"
    assert answer({"write": "/fast/file", "bytes": 5 * MIB})["failed"] == ""
    # Claims are the vendor's, and the same claim is the same folder.
    (name,) = look.units(deployment)
    held = {one["Destination"]: one["Name"] for one in look.model_of(name)["Mounts"] if one.get("Name")}
    assert held["/fast"] == f"mf-{look.id[:8]}.onlookers.moved"
    assert held["/bounded"] == held["/kept"] == f"mf-{look.id[:8]}.onlookers.look-data"
    assert answer({"write": "/bounded/same", "bytes": 3})["failed"] == ""
    assert answer({"read": "/kept/same"})["content"] == "xxx"
    # By the command line it goes back to where the vendor has it, and what the claim keeps stays.
    look.mifeng("update", "moved", "--volume", "cache=disk", "--wait", "90")
    assert look.api("GET", "/deployments/" + deployment)["overlay"]["volumes"] == [{"name": "cache", "medium": "disk"}]
    mounts = {line.split()[1]: line.split() for line in answer({})["mounts"].splitlines()}
    assert mounts["/cache"][2] != "tmpfs"
    assert mounts["/fast"][2] == "tmpfs" and "size=4096k" in mounts["/fast"][3].split(",")
    assert f"mf-{look.id[:8]}.onlookers.moved" in [one["Name"] for one in look.engine("/volumes/json")]


def test_a_taint_is_nothing_that_one_machine_has(look):
    version = look.deployments()[0]["version_id"]
    with pytest.raises(ApiError) as refused:
        look.api("POST", "/deployments", {"name": "tainted", "version_id": version, "tolerations": [{"key": "dedicated"}]})
    assert refused.value.reason == "no-tolerations"
    assert "one machine with Podman, and has no nodes whose taints could be tolerated" in refused.value.message


def test_a_bound_that_the_disk_does_not_hold_is_said_in_the_plan(look):
    version = look.deployments()[0]["version_id"]
    plan = look.api("POST", "/deployments/plan", {"name": "planned", "version_id": version})
    warnings = [text for text in plan["warnings"] if "sizeLimit" in text]
    assert len(warnings) == 1 and "/bounded" in warnings[0] and "8388608 bytes is not enforced" in warnings[0]
    mounts = {one["path"]: one for one in plan["rendered"]["mounts"]}
    assert mounts["/kept"]["claim"] == "onlookers.look-data"


def test_a_folder_of_the_host_is_refused_by_its_path(look, place):
    project = place / "variants/host"
    shutil.copytree(SOURCE / "tests/e2e/look", project)
    text = (project / "deployment.yaml").read_text()
    (project / "deployment.yaml").write_text(text.replace("{name: cache, emptyDir: {}}", "{name: cache, hostPath: {path: /etc}}"))
    with pytest.raises(AssertionError, match=r"spec\.volumes\[0\]\.hostPath: is not allowed"):
        look.pack_and_accept(project)


def test_a_claim_that_nobody_else_uses_goes_when_it_is_asked_for(look, place, deploy):
    version = variant(look, place, "claim", lambda spec: spec["volumes"][2].update(persistentVolumeClaim={"claimName": "own"}))
    deployment = deploy("own", version)
    look.wait_state(deployment, ["ready"])
    name = f"mf-{look.id[:8]}.onlookers.own"
    assert name in [one["Name"] for one in look.engine("/volumes/json")]
    look.mifeng("delete", "deployment", "own", "--claims")
    wait_until(lambda: deployment not in [one["id"] for one in look.deployments()], 90, "the deletion")
    deploy.forget(deployment)
    assert name not in [one["Name"] for one in look.engine("/volumes/json")]
