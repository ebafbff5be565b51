"""Whether anything of a cluster is on this machine, found in other ways than those that remove it."""
import os
import pathlib
import subprocess


KINDS = ("pid", "net", "mnt")


def _processes():
    """Folder in /proc and parent of each."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    return found


def parent(pid):
    return _processes()[pid]


def _spaces(pid):
    try:
        return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in KINDS}
    except OSError:
        return set()


def namespaces(pid):
    """All namespaces of this process and of what it has started, pods' among them, that are not this machine's own."""
    parents, family = _processes(), {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return set().union(*map(_spaces, family)) - _spaces("self")


def processes_in(spaces):
    """Those that live in any of these namespaces, with their command lines."""
    found = []
    for pid in _processes():
        if _spaces(pid) & spaces:
            try:
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
        "processes": processes_in(spaces),
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
