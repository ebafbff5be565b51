"""A model's container as an engine makes it, as far as its first process can tell: a root of its own, a process namespace, a user
id of its own, and a guard's end of the socket."""
import array
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

BIN = pathlib.Path(os.environ["MIFENG_BIN"])
MODEL_USER, GROUP = 61234, 65532
OUT = "/mifeng/model/out"


class Container:
    def __init__(self, root, model):
        self.root, self.process, self.link, self.listener = pathlib.Path(root), None, None, None
        for folder in ("app", "tmp", "proc", "dev", "mifeng/payload", "mifeng/guard", "mifeng/start", "mifeng/model"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy(model, self.root / "app/model")
        shutil.copy(BIN / "mifeng-start", self.root / "mifeng/start/mifeng-start")
        (self.root / "mifeng/payload/header").write_bytes(b"a header")
        (self.root / "mifeng/payload/segments").write_bytes(b"segments" * 1000)
        os.chown(self.root / "mifeng/model", MODEL_USER, GROUP)
        os.chmod(self.root / "tmp", 0o1777)
        os.mknod(self.root / "dev/null", 0o666 | 0o020000, os.makedev(1, 3))
        os.chmod(self.root / "dev/null", 0o666)
        for folder in (self.root, *self.root.parents):
            if str(folder).startswith("/tmp/"):
                os.chmod(folder, 0o755)

    def listen(self):
        path = self.root / "mifeng/guard/start.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        os.chmod(path, 0o666)
        self.listener.listen()
        self.listener.settimeout(20)
        (self.root / "mifeng/guard/unit.lock").touch()

    def start(self, *command, options=(), environment=None):
        """The engine's part."""
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", f"--root={self.root}", "--mount-proc", f"--setgid={GROUP}",
             f"--setuid={MODEL_USER}", "/mifeng/start/mifeng-start", "--writable", "/mifeng/model", *options, "--", "/app/model", *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})}, stderr=subprocess.PIPE, start_new_session=True)

    def accept(self):
        """The guard's part: the payload's descriptors."""
        self.link, _ = self.listener.accept()
        self.link.settimeout(20)
        text, fds = self.hear_with_fds()
        assert text == "payload"
        return fds

    def begin(self, *command, **more):
        """Up to the model that runs; the words of the first start."""
        self.listen()
        self.start(*command, **more)
        for fd in self.accept():
            os.close(fd)
        self.say("start 1")
        return self.hear()

    def say(self, text):
        self.link.send(text.encode())

    def hear(self):
        text, fds = self.hear_with_fds()
        assert not fds
        return text

    def hear_with_fds(self):
        data, control, _, _ = self.link.recvmsg(1024, socket.CMSG_SPACE(64 * 4))
        fds = array.array("i")
        for level, kind, part in control:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds.frombytes(part[:len(part) - len(part) % fds.itemsize])
        return data.decode(), list(fds)

    def says_nothing(self, seconds=0.3):
        return not select.select([self.link], [], [], seconds)[0]

    def first_process(self):
        """Its number out here."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def processes(self):
        """Everybody in its namespace."""
        space = os.readlink(f"/proc/{self.first_process()}/ns/pid")
        return [entry for entry in os.listdir("/proc") if entry.isdigit() and self.space_of(entry) == space]

    @staticmethod
    def space_of(pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            return None

    def lines(self):
        path = self.root / OUT[1:]
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, line, seconds=20):
        deadline = time.monotonic() + seconds
        while line not in self.lines():
            assert time.monotonic() < deadline, f"{line!r} is not among {self.lines()}"
            time.sleep(0.02)
        return self.lines()

    def results(self):
        """NAME: RESULT of what the model tried."""
        return dict(line.split() for line in self.wait_for("done") if line.count(" ") == 1 and not line.startswith("begun"))

    def wait(self):
        """Its exit status and its log."""
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log.decode()

    def close(self):
        for one in (self.link, self.listener):
            if one is not None:
                one.close()
        if self.process is not None and self.process.poll() is None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                raise
