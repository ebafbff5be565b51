"""First process of the cluster's namespaces: its end is the end of everything in the cluster. It mounts what shall not be
this machine's own, then starts and ends the parts as it is told over a socket, and reaps. If a part ends that nobody
ended, it ends too: a cluster of which only some parts live would look alive.

    first_process.py STATE    reads STATE/parts.json, {part: argv}"""
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

# Asked to end, an API server waits a minute for those who watch, and etcd some seconds for the API server.
TERM_SECONDS = 5


def mounts(state):
    def mount(*arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)
    # Within the cluster mounts are passed on to the containers, as on a real node; nothing reaches this machine's own.
    mount("--make-rshared", "/")
    for folder in ("/run", "/var/lib"):
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    for folder, own in (("/var/log", "pod-logs"), ("/var/lib/kubelet", "kubelet")):
        pathlib.Path(folder).mkdir(exist_ok=True)
        (state / own).mkdir(exist_ok=True)
        mount("--bind", state / own, folder)
    for folder in ("/run/lock", "/run/netns"):
        pathlib.Path(folder).mkdir()


class FirstProcess:
    def __init__(self, state):
        self.state = state
        self.pids = {}  # part -> pid
        self.asked_to_end = set()

    def start(self, part):
        if part in self.pids:
            return f"{part} runs already"
        argv = json.loads((self.state / "parts.json").read_text()).get(part)
        if argv is None:
            return f"no part of this cluster is called {part}"
        log = os.open(self.state / f"logs/{part}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open("/dev/null", os.O_RDONLY)
        self.pids[part] = os.posix_spawnp(argv[0], argv, os.environ, setsid=True, setsigmask=(), file_actions=[
            (os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)])
        os.close(log)
        os.close(nothing)
        return None

    def stop(self, part, kill):
        if part not in self.pids:
            return f"{part} does not run"
        self.asked_to_end.add(part)
        os.kill(self.pids[part], signal.SIGKILL if kill else signal.SIGTERM)
        if not self.gone(part, TERM_SECONDS):
            os.kill(self.pids[part], signal.SIGKILL)
            self.gone(part, None)
        return None

    def gone(self, part, seconds):
        end = None if seconds is None else time.monotonic() + seconds
        while part in self.pids:
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(0.02)
            self.reap()
        return True

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            part = next((name for name, its in self.pids.items() if its == pid), None)
            if part is None:
                continue
            del self.pids[part]
            if part not in self.asked_to_end:
                print(json.dumps({"ended": part, "status": os.waitstatus_to_exitcode(status)}), flush=True)
                sys.exit(1)
            self.asked_to_end.discard(part)

    def serve(self):
        path = self.state / "control"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(16)
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        print(json.dumps({"listening": True}), flush=True)
        while True:
            readable, _, _ = select.select([listener, wake_read], [], [])
            if wake_read in readable:
                os.read(wake_read, 4096)
                self.reap()
            if listener in readable:
                client, _ = listener.accept()
                with client:
                    client.settimeout(5)
                    try:
                        asked = json.loads(client.makefile().readline())
                        client.sendall(json.dumps(self.answer(asked)).encode() + b"\n")
                    except (OSError, ValueError) as error:
                        print(json.dumps({"refused": str(error)}), flush=True)

    def answer(self, asked):
        what, part = asked.get("do"), asked.get("part")
        if what == "list":
            return {"running": sorted(self.pids)}
        if what == "start":
            error = self.start(part)
        elif what in ("stop", "kill"):
            error = self.stop(part, what == "kill")
        elif what in ("pause", "resume"):
            error = None if part in self.pids else f"{part} does not run"
            if error is None:
                os.kill(self.pids[part], signal.SIGSTOP if what == "pause" else signal.SIGCONT)
        else:
            error = f"cannot {what}"
        return {"error": error} if error else {"running": sorted(self.pids)}


def main():
    state = pathlib.Path(sys.argv[1])
    mounts(state)
    FirstProcess(state).serve()


if __name__ == "__main__":
    main()
