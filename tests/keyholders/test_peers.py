"""Who is at the other end of a Unix socket: what a model can put in the place of its own, and who asks the guard for keys."""
import os
import pathlib
import socket
import subprocess
import sys
import threading

import pytest
from keyholders import UID, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))

import listening  # noqa: E402


class Listener:
    """Somebody who listens where the guard could be led to, and records what comes."""

    def __init__(self, path):
        self.connections, self.received = 0, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                taken, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            taken.settimeout(5)
            while piece := taken.recv(65536):
                self.received += piece
            taken.close()

    def stop(self):
        listening.end(self.socket, self.thread)


def lead_astray(container, target):
    """What a model may do with the folder of its sockets."""
    path = container.shared["model"] / "model.sock"
    path.unlink()
    path.symlink_to(target)


def test_a_models_socket_that_leads_elsewhere_is_sent_nothing(stage):
    platform = stage.prepare()
    listener = stage.keep(Listener(platform.sockets / "listener.sock"))
    container = stage.container()
    container.wait_ready()
    lead_astray(container, "/mifeng/platform/listener.sock")
    answer = container.call("/weights")
    assert answer.status == 502
    wait_for(lambda: listener.connections > 0, "the connection that comes to nothing")
    assert listener.received == b""
    container.wait_log("is not the model's own socket, so nothing is sent to it")


@pytest.mark.parametrize("target", ["/mifeng/run/key.sock", "/mifeng/platform/platform.sock", "/mifeng/guard/start.sock"])
def test_no_call_is_led_to_a_socket_of_the_guards_or_the_platforms(stage, target):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    lead_astray(container, target)
    for _ in range(3):
        assert container.call("/v1/grants").status == 502
    assert "a worker is cut off" not in container.log()
    # Its own again, it is called again.
    (container.shared["model"] / "model.sock").unlink()
    os.kill(container.model_pid(), 9)
    wait_for(lambda: container.call("/weights").status == 200, "the next model's answer")


ASK_FOR_A_KEY = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgid(65532)
os.setuid(65532)
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect("key.sock")
try:
    s.sendall(bytes.fromhex("00000007010202000004d2") + bytes.fromhex("000000050300000006"))  # hello, seal-key-request
    print(s.recv(4096).hex())
except (ConnectionResetError, BrokenPipeError):
    print()
"""


def test_only_nginx_gets_a_key(stage):
    """Of the guard's own user id, and with the words of a worker."""
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    folder = f"/proc/{container.pid}/root/mifeng/run"
    assert os.stat(folder + "/key.sock").st_uid == UID
    asked = subprocess.run([sys.executable, "-c", ASK_FOR_A_KEY, folder], capture_output=True, text=True, timeout=30)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == "\n"
    assert container.call("/weights").status == 200
