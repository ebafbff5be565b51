"""Where something could be found: files, processes, containers, logs; and how it could be written there."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import sqlite3

from installation import processes


def files_below(root):
    """Regular files below it; not those of /proc and /sys."""
    for folder, below, names in os.walk(root):
        if pathlib.Path(folder) == pathlib.Path(root):
            below[:] = [one for one in below if one not in ("proc", "sys", "dev")]
        for name in names:
            path = pathlib.Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def windows_of(content, count=16, size=192):
    """Pieces of a file that hardly stand elsewhere by chance."""
    found = []
    for number in range(count * 8):
        at = number * max(1, len(content) - size) // (count * 8)
        piece = content[at:at + size]
        if len(set(piece)) > 40 and len(found) < count:
            found.append(piece)
    assert len(found) >= 4
    return found


def holding(root, pieces, on_its_disk=False):
    """Files below `root` that hold one of the pieces; without what is mounted there, where that is asked for."""
    found = []
    disk = pathlib.Path(root).stat().st_dev
    for path in files_below(root):
        try:
            if on_its_disk and path.stat().st_dev != disk:
                continue
            content = path.read_bytes()
        except OSError:
            continue
        if any(piece in content for piece in pieces):
            found.append(path.relative_to(root).as_posix())
    return found


def own_pieces(scene):
    """Pieces of the model's payload which the image does not hold anyway, as library code that was linked in."""
    app = pathlib.Path(f"/proc/{scene.engine.pid(scene.name)}/root/app")
    pieces = [piece for path in files_below(app) for piece in windows_of(path.read_bytes())]
    assert len(pieces) >= 16
    return pieces


def ask_at(address, port, request):
    """Status and raw body of a prediction asked for past the gateway; None where nobody listens."""
    connection = http.client.HTTPConnection(address, int(port), timeout=20)
    try:
        connection.request("POST", "/predict", json.dumps(request), {
            "Content-Type": "application/json", "Mifeng-Request-Id": os.urandom(16).hex()})
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None, b""
    finally:
        connection.close()


def address_of(scene, name):
    (network,) = scene.engine.inspect(name)["NetworkSettings"]["Networks"].values()
    return network["IPAddress"]


@contextlib.contextmanager
def read_only(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        yield database
    finally:
        database.close()


def related(scene):
    """Processes of the installation: what descends from `mifeng up`, and what runs in or watches its containers."""
    ours = {scene.installation.process.pid}
    containers = list(scene.engine.ids().values())
    parents = {}
    for pid, parent, command in processes():
        try:
            group = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            continue
        parents[pid] = parent
        if any(one in group or one in " ".join(command) for one in containers):
            ours.add(pid)
    # A child's pid may be lower than its parent's, once numbers have come round.
    while found := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= found
    return ours


def places(scene):
    """Everything that is written down or shown about the installation, by name."""
    for folder in ("mifengd", "gateway", "logs", "run"):
        for path in files_below(scene.data / folder):
            try:
                yield str(path.relative_to(scene.data)), path.read_bytes()
            except FileNotFoundError:  # written under a name of its own, and then given its real one
                continue
    yield "up.stderr", (scene.data / "up.stderr").read_bytes()
    for name in scene.engine.ids():
        yield "podman inspect " + name, json.dumps(scene.engine.inspect(name)).encode()
        yield "podman logs " + name, scene.engine.log(name).encode()
    for pid in related(scene):
        for kind in ("environ", "cmdline"):
            try:
                yield f"{kind} of {pid}", pathlib.Path(f"/proc/{pid}/{kind}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue


def spellings(secret):
    yield secret
    for text in (secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode().rstrip("=")):
        yield text.encode()
