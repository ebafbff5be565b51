"""What a cluster leaves on the machine when it ends in whatever way, found and removed. Its processes are all below one
cgroup, so what lives there is the cluster's and nothing else is."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from . import places

END_SECONDS = 20


def cgroup_folders():
    """The cluster's folder in every hierarchy of control groups, version 1 and 2."""
    found = []
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            found.append(pathlib.Path(place) / places.CGROUP)
    return found


def make_cgroups():
    """The kubelet wants its root to be there, and our own processes go beside the pods' groups."""
    for folder in cgroup_folders():
        folder.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # In version 1 a new group has none of either, and takes no process.
            if (folder / name).exists() and (folder / "cpuset.memory_migrate").exists():
                (folder / name).write_text((folder.parent / name).read_text())
        if (folder / "cpuset.memory_migrate").exists():
            continue
        (folder / "parts").mkdir(exist_ok=True)


def join_cgroups():
    """Moves the calling process. A hierarchy that is only limited for pods needs no process of ours."""
    for folder in cgroup_folders():
        with contextlib.suppress(OSError):
            (folder / "parts/cgroup.procs").write_text(str(os.getpid()))


def processes():
    found = set()
    for top in cgroup_folders():
        for file in top.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(pid) for pid in file.read_text().split()}
    return found


def mounts():
    """Mounts of this machine, not of the cluster's own namespace, below the state folder."""
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [place for place in (line.split()[1] for line in lines) if place.startswith(f"{places.STATE}/")]


def link_there():
    return pathlib.Path("/sys/class/net", places.HOST_LINK).exists()


def cgroups():
    return [folder for folder in cgroup_folders() if folder.exists()]


def found():
    """Everything that is left, by kind; empty when nothing is."""
    left = {"processes": sorted(processes()), "mounts": mounts(), "control groups": [str(f) for f in cgroups()],
            "network links": [places.HOST_LINK] if link_there() else []}
    return {kind: what for kind, what in left.items() if what}


def remove(data=True):
    """Ends and removes all of it; the logs stay where they are."""
    end = time.monotonic() + END_SECONDS
    while left := processes():
        for pid in left - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise RuntimeError(f"processes of the cluster do not end: {sorted(left)}")
        time.sleep(0.05)
    for top in cgroup_folders():
        if top.exists():
            _remove_groups(top, end)
    if link_there():
        subprocess.run(["ip", "link", "delete", places.HOST_LINK], check=False, capture_output=True)
    for place in reversed(mounts()):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
    if data and places.STATE.exists():
        for entry in places.STATE.iterdir():
            if entry.name == "logs":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _remove_groups(top, end):
    # A group can be removed when its last process has been reaped, which may be a moment after its end.
    while True:
        busy = None
        for folder in sorted((f for f in top.rglob("*") if f.is_dir()), key=lambda f: -len(f.parts)) + [top]:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError as error:
                busy = error
        if busy is None:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"a control group of the cluster cannot be removed: {busy}")
        time.sleep(0.05)
