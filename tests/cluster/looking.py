"""Whether anything of a cluster is on this machine, found in other ways than those that remove it."""
import os
import pathlib
import subprocess


def _processes():
    """Those of this machine with their parents; not those that have ended and wait for a parent to ask how."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    found[int(folder.name)] = int(parent)
        except OSError:
            continue  # it has just ended
    return found


def parent(pid):
    return _processes()[pid]


class Namespaces:
    """The process namespaces of a process and of what it has started, pods' among them, that are not this machine's own.

    They are held open: the kernel gives the number of one that is gone to the next that anybody makes, and a container of
    another test would count as what was left behind. Network and mount namespaces are not held, since they would keep the
    links and mounts of the cluster alive; every process of a cluster is in a process namespace of its own."""

    def __init__(self, pid):
        parents, family = _processes(), {pid}
        while more := {child for child, parent in parents.items() if parent in family} - family:
            family |= more
        self._held = []
        for one in family:
            try:
                self._held.append(open(f"/proc/{one}/ns/pid", "rb"))
            except OSError:
                continue  # it has just ended
        self._numbers = {os.fstat(file.fileno()).st_ino for file in self._held} - {os.stat("/proc/self/ns/pid").st_ino}

    def processes(self):
        """Those that live in any of them, with their command lines."""
        found = []
        for pid in _processes():
            try:
                if os.stat(f"/proc/{pid}/ns/pid").st_ino in self._numbers:
                    found.append(f"{pid} {pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
            except OSError:
                continue
        return found


def traces(k8s, spaces):
    """By kind what is there; all of it empty when the cluster is gone."""
    state = str(k8s.place.state)
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    routes = subprocess.run(["ip", "-o", "route", "show", "table", "all"], capture_output=True, text=True, check=True).stdout
    groups = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "3", "-name", k8s.place.name], capture_output=True, text=True)
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    return {
        "processes": spaces.processes(),
        "supervisors": [p.name for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and _supervises(p, k8s)],
        "links": [line for line in links.splitlines() if k8s.place.host_link in line],
        "routes": [line for line in routes.splitlines() if k8s.host_address.rsplit(".", 1)[0] + "." in line],
        "mounts": [line for line in mounts.splitlines() if state in line],
        "holder": [str(k8s.place.holder)] if k8s.place.holder.exists() else [],
        "groups": groups.stdout.splitlines(),
        "files": [p.name for p in k8s.place.state.iterdir() if p.name != "logs"],
    }


def _supervises(folder, k8s):
    try:
        line = (folder / "cmdline").read_bytes().decode()
    except OSError:
        return False
    return "machine/supervisor.py" in line and f'"number": {k8s.place.number},' in line
