"""Asking the cluster's first process for something."""
import json
import pathlib
import socket


def ask(state, seconds=30, **what):
    """{"do": "start|stop|kill|pause|resume", "part": NAME} or {"do": "list"}; the parts that run afterwards."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(pathlib.Path(state) / "control"))
        client.sendall(json.dumps(what).encode() + b"\n")
        answer = json.loads(client.makefile().readline())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["running"]
