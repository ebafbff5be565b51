"""What answers at a model's node port, and what the gateway believes of it."""
import contextlib
import json
import socket
import threading
import urllib.parse

from installation import ApiError, bind_once_free, wait_until  # and with it tests/support

import listening
from looking import ask_at
from second_gateway import second_gateway


def test_an_answer_at_the_node_port_is_sealed(scene, genuine):
    status, body = ask_at("127.0.0.1", scene.node_port, scene.request)
    assert status == 200 and body.startswith(b"MFS")
    status, opened = scene.predict()
    assert status == 200
    answer = json.loads(opened)
    assert set(answer) == {"malignant", "probability"}
    for text in (b"malignant", b"probability", opened, repr(answer["probability"][0]).encode()):
        assert text not in body


def test_what_answers_at_the_node_port_in_a_models_place_is_not_believed(scene):
    assert scene.predict()[0] == 200
    _, recorded_answer = ask_at("127.0.0.1", scene.node_port, scene.request)
    plain = b'{"malignant":[false],"probability":[0.25]}'
    reached = []

    def serve(server, body):
        try:
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    reached.append(body)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                                       b"Connection: close\r\n\r\n" % len(body) + body)
        except OSError:
            return

    with scene.frozen_platform():
        scene.engine.ask("POST", f"/containers/{scene.name}/stop?t=0")
        for body in (plain, recorded_answer):
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bind_once_free(server, scene.node_port)
                server.listen()
                thread = threading.Thread(target=serve, args=(server, body), daemon=True)
                thread.start()
                status, got = scene.predict()
                assert status == 502 and b"probability" not in got, got
                assert body in reached
                listening.end(server, thread)
    scene.installation.wait_state(scene.deployment, ["ready"])
    wait_until(lambda: scene.predict()[0] == 200, 60, "an answer of the model again")


class Cable:
    """A connection to the platform that can be cut: a TCP relay."""

    def __init__(self, port):
        self.port_of_platform = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.connections, self.whole = [], True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.port_of_platform))
                self.connections += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self.whole = False
        for one in self.connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.whole = True

    def close(self):
        self.cut()
        listening.end(self.server, self.thread)


@contextlib.contextmanager
def another_gateway(scene, name, platform_url):
    """A second gateway of the installation; a function that calls through it."""
    join_file = scene.api("POST", "/gateways", {"id": name, "platform_url": platform_url})
    try:
        with second_gateway(scene.folder / name, join_file, scene.request, scene.key) as call:
            yield call
    finally:
        scene.api("DELETE", "/gateways/" + name)


def test_a_node_port_that_another_deployment_has_now_is_not_believed_by_a_gateway_that_is_behind(scene):
    """The port is really given to another deployment while a gateway is cut off from the platform: what it reaches there
    is a genuine model of the same platform, sealed and signed, and not the one that was asked for."""
    version = scene.installation.deployments()[0]["version_id"]
    platform = urllib.parse.urlsplit(scene.installation.line("platform"))
    cable = Cable(platform.port)

    def deploy(name, ports=()):
        made = scene.api("POST", "/deployments", {"name": name, "version_id": version, "ports": list(ports),
                                                  "route": {"name": name, "prefix": "/" + name}})["id"]
        ready = scene.installation.wait_state(made, ["ready"])
        return made, ready["units"][0]["ports"][0]["node_port"]

    def deploy_once_free(name, port):
        """None while the monitor of the container that has ended still holds the port."""
        try:
            return deploy(name, [port])
        except ApiError as error:
            assert error.reason == "port-taken", error

    def refusals():
        listed = scene.api("GET", "/audit?action=answer.refuse&page_size=100")["items"]
        return [one for one in listed if one["subject"].startswith(former)]

    made = []
    try:
        with another_gateway(scene, "behind", f"http://127.0.0.1:{cable.port}") as call:
            former, port = deploy("former")
            made.append(former)
            wait_until(lambda: call("/former/predict")[0] == 200, 20, "an answer through the second gateway")
            cable.cut()
            scene.api("DELETE", "/deployments/" + former)
            made.remove(former)
            wait_until(lambda: former not in [one["id"] for one in scene.installation.deployments()], 60, "its end")
            # Nobody else is at the port yet: the gateway says that it cannot reach the model.
            assert call("/former/predict")[0] in (502, 503, 504)
            latter, same = wait_until(lambda: deploy_once_free("latter", port), 20, "the port's being free")
            made.append(latter)
            assert same == port
            wait_until(lambda: scene.predict("/latter")[0] == 200, 20, "an answer by the first gateway")
            status, answer = ask_at("127.0.0.1", port, scene.request)
            assert status == 200 and answer.startswith(b"MFS"), "what the gateway meets there"
            for _ in range(3):
                status, body = call("/former/predict")
                assert status == 502 and b"probability" not in body and b"malignant" not in body, body
            assert call("/tumor/predict")[0] == 200, "what has not moved is served all the while"
            assert refusals() == []
            cable.mend()
            wait_until(lambda: call("/former/predict")[0] == 404, 40, "the snapshot without the former route")
            assert call("/latter/predict")[0] == 200
            told = wait_until(refusals, 40, "the report of what was refused")
            assert any(one["actor"] == "gateway behind" for one in told), told
    finally:
        cable.close()
        for one in made:
            scene.api("DELETE", "/deployments/" + one)
        wait_until(lambda: len(scene.installation.deployments()) == 1, 60, "the deletions")


def test_the_gateway_knows_routes_and_callers(scene, genuine):
    other = scene.installation.caller_key("other")
    ids = {one["name"]: one["id"] for one in scene.api("GET", "/callers?page_size=100")["items"]}
    scene.api("POST", "/routes", {"name": "mine", "prefix": "/mine", "forward": "mifeng://" + scene.deployment,
                                  "callers": [ids["tests"]]})
    wait_until(lambda: scene.predict("/mine")[0] == 200, 20, "the new route")
    assert scene.predict(key=other)[0] == 200
    assert scene.predict("/mine", key=other)[0] == 403
    assert scene.predict("/nowhere")[0] == 404
    assert scene.installation.call("/tumor/predict", scene.request)[0] == 401
    assert scene.predict(key=scene.key[:-1] + ("A" if scene.key[-1] != "A" else "B"))[0] == 401
    renewed = scene.installation.caller_key("other")
    wait_until(lambda: scene.predict(key=other)[0] == 401, 20, "the end of the old key")
    assert scene.predict(key=renewed)[0] == 200
