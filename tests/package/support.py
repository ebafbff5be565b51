"""What the tests of packages share: packing, taking a package apart, running a model in the root of its own image."""
import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from unix_http import UnixConnection  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MIFENG_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
BIN = pathlib.Path(os.environ.get("MIFENG_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/bin"))


def mifeng(*arguments, check=True, **more):
    done = subprocess.run([BIN / "mifeng", *map(str, arguments)], capture_output=True, text=True, **more)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def copy_project(source, target):
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("build", "__pycache__", "*.mfpkg"))
    return target


def pack(project, package, keys, cache, *more, check=True):
    return mifeng("pack", project, "--for", keys / "card.json", "--sign", keys / "vendor.key", "--cache", cache,
                  "--output-file", package, *more, check=check, timeout=600)


def read_parts(package):
    """Path and content of every entry, in order. For small packages."""
    with tarfile.open(package, "r:") as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar.getmembers()]


def manifest_of(package):
    with tarfile.open(package, "r:") as tar:
        return json.load(tar.extractfile("mifeng-package.json"))


def unpack_image(package, root):
    """The layers of a package's image, one over the other."""
    root.mkdir()
    with tarfile.open(package, "r:") as tar:
        for layer in json.load(tar.extractfile("mifeng-package.json"))["image"]["layers"]:
            blob = tar.extractfile("oci/blobs/sha256/" + layer["digest"].removeprefix("sha256:"))
            with tarfile.open(fileobj=blob, mode="r|*") as contents:
                contents.extractall(root)
    return root


def open_payload(root, keys, manifest):
    """Puts the payload's files into /app of the root, as the guard does, with the delivery key."""
    header = (root / "mifeng/payload/header").read_bytes()
    segments = (root / "mifeng/payload/segments").read_bytes()
    context = "\n".join([manifest["vendor"]["id"], manifest["model"]["name"], manifest["model"]["version"]])
    plain = root.parent / "payload.tar"
    subprocess.run([BIN / "mifeng", "open", "--key", keys / "delivery.key", "--kind", "payload", "--signer", keys / "vendor.pub",
                    "--require-signature", "--context-hex", context.encode().hex(), "--output-file", plain],
                   input=header + segments, check=True)
    with tarfile.open(plain, "r:") as tar:
        tar.extractall(root / "app")
    return sorted(str(path.relative_to(root / "app")) for path in (root / "app").rglob("*") if path.is_file())


def write_image(folder, tar):
    """An OCI folder with one layer, under the tag 12."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + digest, "size": len(data)}
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["COMPANY=example"]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]}}).encode(), "config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "config": config, "layers": [
        put(gzip.compress(tar, 1), "layer.v1.tar+gzip")]}).encode(), "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "12"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


class ModelConnection(UnixConnection):
    def call(self, method, target, body=None):
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        self.request(method, target, body)
        answer = self.getresponse()
        return answer.status, json.loads(answer.read())


class Model:
    def __init__(self, process, socket_path):
        self.process = process
        self.socket = socket_path

    def connect(self):
        return ModelConnection(self.socket)

    def other_sockets(self):
        """What the model and its children have open of sockets that are no Unix sockets."""
        unix = {line.split()[6] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]}
        found, seen = [], 0
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            for one in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    target = os.readlink(one)
                    if target.startswith("socket:["):
                        seen += 1
                        if target[8:-1] not in unix:
                            found.append(f"{pid}: {target}")
        assert seen > 0, "the model listens on nothing: the check looks in the wrong place"
        return found


def descendants(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, children) for one in (child, *descendants(child))]


@contextlib.contextmanager
def serve(root, config, manifest):
    """Runs the deployment config's command in the root of the image, as a user of no rights, and waits until it is ready."""
    (root / "mifeng/model").chmod(0o777)  # of the image; a container has a tmpfs of the model's on it
    environment = {one["name"]: one["value"] for one in config["spec"].get("env", [])}
    environment |= {"PATH": "/usr/bin:/bin", "MIFENG_SOCKET": "/mifeng/model/model.sock",
                    "MIFENG_MODEL_NAME": manifest["model"]["name"], "MIFENG_MODEL_VERSION": manifest["model"]["version"]}
    assert not (root / "bin/sh").exists(), "a base image has no shell"
    log = open(root.parent / "model.log", "w+")
    assert os.geteuid() == 0, "running a model in the root of its image needs root, as ./test has it"
    # By hand, since chroot(1) leaves us in / and there is no shell inside to change to /app.
    command = [sys.executable, "-c", "import os, sys\n"
               "os.chroot(sys.argv[1]); os.chdir('/app'); os.setgroups([]); os.setgid(65532); os.setuid(65532)\n"
               "os.execve(sys.argv[2], sys.argv[2:], dict(os.environ))", str(root), *config["spec"]["command"]]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    model = Model(process, root / "mifeng/model/model.sock")
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, "the model ended: " + (root.parent / "model.log").read_text()
            with contextlib.suppress(OSError):
                if model.connect().call("GET", "/v2/health/ready")[0] == 200:
                    break
            assert time.monotonic() < deadline, "the model is not ready: " + (root.parent / "model.log").read_text()
            time.sleep(0.05)  # there is nothing to wait on before the socket is there
        yield model
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def sha256(data):
    return hashlib.sha256(data).hexdigest()
