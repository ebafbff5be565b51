"""What a cluster leaves on the machine when it ends in whatever way, found and removed. Its processes are all below one
cgroup, so what lives there is the cluster's and nothing else is."""
import contextlib
import errno
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

END_SECONDS = 20


def take_lock(place):
    """A socket that holds the cluster's number as long as any process has it open, or None where somebody else does."""
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0{place.name}")
    except OSError as error:
        held.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return held


def cgroup_folders(place):
    """The cluster's folder in every hierarchy of control groups, version 1 and 2."""
    found = []
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            found.append(pathlib.Path(where) / place.name)
    return found


def make_cgroups(place):
    """The kubelet wants its root to be there, and our own processes go beside the pods' groups."""
    for folder in cgroup_folders(place):
        # In version 2 a group has the controllers that its parent hands on.
        controllers = folder.parent / "cgroup.controllers"
        for name in controllers.read_text().split() if controllers.exists() else []:
            with contextlib.suppress(OSError):
                (folder.parent / "cgroup.subtree_control").write_text(f"+{name}")
        folder.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # In version 1 a new group has none of either, and takes no process.
            if (folder / name).exists() and (folder / "cpuset.memory_migrate").exists():
                (folder / name).write_text((folder.parent / name).read_text())
        if (folder / "cpuset.memory_migrate").exists():
            continue
        (folder / "parts").mkdir(exist_ok=True)


def join_cgroups(place):
    """Moves the calling process. A hierarchy that is only limited for pods needs no process of ours."""
    for folder in cgroup_folders(place):
        with contextlib.suppress(OSError):
            (folder / "parts/cgroup.procs").write_text(str(os.getpid()))


def processes(place):
    found = set()
    for top in cgroup_folders(place):
        for file in top.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(pid) for pid in file.read_text().split()}
    return found


def memory(place):
    """Bytes of all its processes, what they share divided among them."""
    total = 0
    for pid in processes(place):
        with contextlib.suppress(OSError):
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def mounts(place):
    """Mounts of this machine, not of the cluster's own namespace, below the state folder."""
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [where for where in (line.split()[1] for line in lines) if where.startswith(f"{place.state}/")]


def link_there(place):
    return pathlib.Path("/sys/class/net", place.host_link).exists()


def cgroups(place):
    return [folder for folder in cgroup_folders(place) if folder.exists()]


def found(place):
    """Everything that is left, by kind; empty when nothing is."""
    left = {"processes": sorted(processes(place)), "mounts": mounts(place), "control groups": [str(f) for f in cgroups(place)],
            "network links": [place.host_link] if link_there(place) else []}
    return {kind: what for kind, what in left.items() if what}


def remove(place):
    """Ends and removes all of it; the logs stay where they are."""
    end = time.monotonic() + END_SECONDS
    while left := processes(place):
        # A process that cannot be seen from here has the number 0, and a kill of that would be one of our own group.
        for pid in left - {0, os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise RuntimeError(f"processes of the cluster do not end: {sorted(left)}")
        time.sleep(0.05)
    for top in cgroup_folders(place):
        if top.exists():
            _remove_groups(top, end)
    if link_there(place):
        subprocess.run(["ip", "link", "delete", place.host_link], check=False, capture_output=True)
    for where in reversed(mounts(place)):
        subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)
    if place.state.exists():
        for entry in place.state.iterdir():
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
