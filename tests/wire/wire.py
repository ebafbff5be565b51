"""What the tests of the wire share: keys, a model that does as it is told, guard and gateway (a static keyholder and a
real nginx each), and a caller that sees raw bytes. Everything is on loopback or a Unix socket, in a folder of the test's
own, and ends with it."""
import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import queue
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))

from ports import free_port  # noqa: E402

BIN = pathlib.Path(os.environ.get("MIFENG_BIN", "build/bin")).resolve()
BUILD = pathlib.Path(os.environ.get("MIFENG_BUILD", "build/release")).resolve()
SOURCE = pathlib.Path(os.environ.get("MIFENG_SOURCE", ".")).resolve()
# Another module and a wrapper around nginx: so that the same tests run under ASan (a build with MIFENG_SANITIZE and
# MIFENG_ONLY_CORE=OFF, and a script that preloads libasan and libubsan before it becomes nginx).
MODULE = pathlib.Path(os.environ.get("MIFENG_TEST_MODULE", BIN / "ngx_http_mifeng.so"))
SUPERVISOR = BUILD / "tests/wire/static_keyholder"
NGINX = os.environ.get("MIFENG_TEST_NGINX", "/usr/sbin/nginx")
WAIT = 10.0


def wait_for(condition, what, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for {what}")


def sm3(data):
    return hashlib.new("sm3", data).hexdigest()


class Key:
    """An SM2 key pair in two PEM files, made by the openssl command."""

    def __init__(self, folder, name):
        self.private = folder / f"{name}.pem"
        self.public = folder / f"{name}.pub.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "SM2", "-out", self.private], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.private, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.point = der[-65:]
        assert self.point[0] == 4

    @property
    def point_base64(self):
        return base64.b64encode(self.point).decode()


class Process:
    """A child whose standard output is read line by line; ended by its own number."""

    def __init__(self, argv, stderr, **options):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                        text=True, **options)
        self.lines = []
        self.arrived = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(line.rstrip("\n"))
                self.arrived.notify_all()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Keyholder(Process):
    def __init__(self, folder, *arguments):
        self.log = open(folder / "keyholder.log", "ab")
        super().__init__([SUPERVISOR, *arguments], self.log)
        self.wait(lambda line: "listening" in line)

    def events(self):
        with self.arrived:
            return [json.loads(line) for line in self.lines]

    def wait(self, condition, seconds=WAIT):
        end = time.monotonic() + seconds
        with self.arrived:
            while True:
                found = [e for e in map(json.loads, self.lines) if condition(e)]
                if found:
                    return found[0]
                left = end - time.monotonic()
                assert left > 0, f"no such event in {self.lines}"
                assert self.process.poll() is None, "the keyholder ended"
                self.arrived.wait(left)

    def command(self, line):
        done = sum(e.get("done") == line for e in self.events())
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        wait_for(lambda: sum(e.get("done") == line for e in self.events()) > done, f"the command {line}")

    def refusals(self, name):
        """How often this class was counted so far."""
        return sum(e.get("refusals", {}).get(name, 0) for e in self.events())

    def wait_refusal(self, name, count=1):
        wait_for(lambda: self.refusals(name) >= count, f"{count} refusals of class {name}; events: {self.events()}")

    def stop(self):
        super().stop()
        self.log.close()


def fill(template, values):
    text = (SOURCE / "nginx/conf" / template).read_text()
    for name, value in values.items():
        assert "{{" + name + "}}" in text, name
        text = text.replace("{{" + name + "}}", str(value))
    assert "{{" not in text, re.findall(r"{{\w+}}", text)
    return text


class Nginx:
    def __init__(self, folder, configuration):
        self.folder = folder
        (folder / "nginx.conf").write_text(configuration)
        self.log_path = folder / "error.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], stdout=self.log,
                                        stderr=self.log)

    def workers(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(c) for c in children]

    def error_log(self):
        return self.log_path.read_text()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        # A model that is away is not a fault of nginx's.
        text = "\n".join(l for l in self.error_log().splitlines() if "connect() to unix:" not in l)
        for bad in ("[alert]", "[crit]", "[emerg]", "exited on signal", "AddressSanitizer"):
            assert bad not in text, f"{self.log_path}:\n{text}"


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Model:
    """An HTTP server on a Unix socket whose answers are bytes that the test gives: `answer(request)` is called with the
    parsed request and the connection, and writes what it likes."""

    def __init__(self, path):
        self.path = path
        self.requests = []
        self.connections = 0
        self.answer = lambda request, out: out.send(response(200, b'{"ok":true}', "application/json"))
        model = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                model.connections += 1
                with contextlib.suppress(ConnectionError, BrokenPipeError, ValueError):
                    while (request := read_request(self.rfile)) is not None:
                        model.requests.append(request)
                        if model.answer(request, Out(self.request)) is False:
                            return

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        self.server = Server(str(path), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class Out:
    def __init__(self, connection):
        self.connection = connection

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()


class Request:
    def __init__(self, method, target, fields, body):
        self.method, self.target, self.fields, self.body = method, target, fields, body

    def field(self, name):
        values = [v for k, v in self.fields if k.lower() == name.lower()]
        return values[0] if values else None


def read_fields(stream):
    fields = []
    while (line := stream.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        fields.append((name.decode(), value.strip().decode("latin-1")))
    return fields


def read_chunked(stream):
    body = b""
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        chunk = stream.read(size)
        stream.readline()
        body += chunk
        if size == 0:
            return body


def read_request(stream):
    line = stream.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    fields = read_fields(stream)
    request = Request(method, target, fields, b"")
    if (request.field("Transfer-Encoding") or "").lower() == "chunked":
        request.body = read_chunked(stream)
    elif request.field("Content-Length"):
        request.body = stream.read(int(request.field("Content-Length")))
    return request


def response(status, body=b"", content_type=None, fields=(), length=True):
    head = f"HTTP/1.1 {status} X\r\n"
    if content_type:
        head += f"Content-Type: {content_type}\r\n"
    for name, value in fields:
        head += f"{name}: {value}\r\n"
    if length:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Answer:
    def __init__(self, status, fields, body, complete, raw):
        self.status, self.fields, self.body, self.complete, self.raw = status, fields, body, complete, raw

    def field(self, name):
        values = [v for k, v in self.fields if k.lower() == name.lower()]
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    @property
    def reason(self):
        return json.loads(self.body)["error"]["reason"]


def read_answer(sock, method="GET", stream=None):
    """One HTTP/1 answer; `complete` says whether it ended as it should: a reset or an early end is not complete."""
    stream = stream or sock.makefile("rb")
    raw = b""
    try:
        line = stream.readline()
        raw = line
        status = int(line.split()[1])
        fields = read_fields(stream)
    except (ConnectionError, IndexError, ValueError):
        return Answer(None, [], b"", False, raw)
    answer = Answer(status, fields, b"", True, raw)
    try:
        if method == "HEAD" or status in (204, 304) or 100 <= status < 200:
            pass
        elif (answer.field("Transfer-Encoding") or "").lower() == "chunked":
            while True:
                size_line = stream.readline()
                if not size_line.endswith(b"\n"):
                    raise ConnectionError
                size = int(size_line, 16)
                data = stream.read(size)
                answer.body += data
                if len(data) < size or stream.readline() != b"\r\n":
                    raise ConnectionError
                if size == 0:
                    break
        elif answer.field("Content-Length") is not None:
            want = int(answer.field("Content-Length"))
            while len(answer.body) < want:
                data = stream.read1(want - len(answer.body))
                if not data:
                    raise ConnectionError
                answer.body += data
        else:
            while data := stream.read1(65536):
                answer.body += data
    except ConnectionError:
        answer.complete = False
    return answer


def call(port, target="/m", method="GET", body=None, fields=(), version="1.1", host="model.test"):
    """One request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request_bytes(target, method, body, fields, version, host))
        return read_answer(sock, method)


def request_bytes(target, method="GET", body=None, fields=(), version="1.1", host="model.test"):
    head = f"{method} {target} HTTP/{version}\r\nHost: {host}\r\n"
    for name, value in fields:
        head += f"{name}: {value}\r\n"
    if body is not None:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("latin-1") + b"\r\n" + (body or b"")


class Guard:
    """A guard: its keyholder, its nginx in front of a model, with the real template."""

    def __init__(self, folder, output_key, name, deployment="dep-1", changes=lambda text: text, body_max="16m"):
        self.folder = folder / name
        self.folder.mkdir()
        self.deployment = deployment
        self.name = name
        self.key = Key(self.folder, "instance")
        self.model = Model(self.folder / "model.sock")
        self.keyholder = Keyholder(self.folder, "guard", self.folder / "key.sock", output_key.public, self.key.private)
        self.port = free_port()
        self.start(changes, body_max)
        self.keyholder.wait(lambda e: "seal_key" in e)

    def start(self, changes=lambda text: text, body_max="16m"):
        values = {"MODULE": MODULE, "PREFIX": self.folder, "USER": "user root;" if os.getuid() == 0 else "",
                  "LINK": self.folder / "key.sock", "LISTEN": f"listen 127.0.0.1:{self.port};",
                  "MODEL": self.model.path, "MODEL_USER": os.getuid(), "NAME": "model", "BODY_MAX": body_max}
        self.nginx = Nginx(self.folder, changes(fill("guard.conf.in", values)))
        wait_listening(self.port)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def instance(self):
        return {"id": self.name, "deployment": self.deployment, "signing_key": self.key.point_base64}

    def stop(self):
        self.nginx.stop()
        self.keyholder.stop()
        self.model.stop()


def wait_listening(port):
    def connects():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    wait_for(connects, f"port {port}")


def tls_listen(folder, port):
    """Lines for a second port of a gateway, with TLS and HTTP/2."""
    key, certificate = folder / "tls.key", folder / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost"], check=True, capture_output=True)
    return f"listen 127.0.0.1:{port} ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key};"


class Gateway:
    def __init__(self, folder, output_key, table, name="gateway", listen=None, workers=1, changes=lambda text: text,
                 body_max="16m"):
        self.folder = folder / name
        self.folder.mkdir()
        self.serial = 0
        self.table_path = self.folder / "table.json"
        self.write_table(table)
        self.keyholder = Keyholder(self.folder, "gateway", self.folder / "key.sock", self.table_path, output_key.private)
        self.port = free_port()
        values = {"MODULE": MODULE, "PREFIX": self.folder, "USER": "user root;" if os.getuid() == 0 else "",
                  "WORKERS": workers, "LINK": self.folder / "key.sock", "BODY_MAX": body_max,
                  "ACCESS_LOG": self.folder / "access.log",
                  "LISTEN": f"listen 127.0.0.1:{self.port};" + (listen or "")}
        self.nginx = Nginx(self.folder, changes(fill("gateway.conf.in", values)))
        wait_listening(self.port)
        self.keyholder.wait(lambda e: e.get("table_taken") == self.serial)

    def write_table(self, table):
        self.serial += 1
        full = {"serial": self.serial, "expires_ms": int(time.time() * 1000) + 86_400_000, "callers": [], **table}
        temporary = self.table_path.with_suffix(".new")
        temporary.write_text(json.dumps(full))
        temporary.rename(self.table_path)

    def push(self, table):
        self.write_table(table)
        self.keyholder.command("table")
        self.keyholder.wait(lambda e: e.get("table_taken") == self.serial)

    def call(self, target="/m", *arguments, **options):
        return call(self.port, target, *arguments, **options)

    def stop(self):
        self.nginx.stop()
        self.keyholder.stop()


def route(prefix="/m", deployment="dep-1", **more):
    return {"id": "r" + prefix.replace("/", "-"), "prefix": prefix, "forward": f"mifeng://{deployment}", "open": True, **more}


def table_of(*guards, routes=None, addresses=None, kind="unit", **more):
    """One route for each deployment unless said otherwise."""
    by_deployment = {}
    for guard in guards:
        by_deployment.setdefault(guard.deployment, []).append(guard.address)
    if addresses:
        by_deployment.update(addresses)
    return {"routes": routes if routes is not None else [route()],
            "endpoints": [{"deployment": d, "port": "http", "kind": kind, "addresses": a} for d, a in by_deployment.items()],
            "instances": [g.instance for g in guards], **more}


class Meddler:
    """Stands between gateway and guard and does to each message what it is told: `request` and `answer` get the bytes of
    one whole message and give the bytes to pass on. It is what an attacker on the network can do."""

    def __init__(self, to_port, request=lambda data: data, answer=lambda data: data):
        self.to_port, self.request, self.answer = to_port, request, answer
        self.seen = []
        self.connections = []  # of the gateway, oldest first
        meddler = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                meddler.connections.append(self.request)
                with contextlib.suppress(ConnectionError, OSError, ValueError):
                    meddler.serve(self.request, self.rfile)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def serve(self, sock, stream):
        while (request := raw_message(stream)) is not None:
            no_body = request.startswith(b"HEAD ")
            with socket.create_connection(("127.0.0.1", self.to_port), timeout=30) as upstream:
                upstream.sendall(self.request(request))
                answer = raw_message(upstream.makefile("rb"), no_body)
            self.seen.append((request, answer))
            changed = self.answer(answer)
            if changed is None:
                return
            sock.sendall(changed)
            # Kept open as a guard keeps it: a gateway does not send a request again that went to a connection which was
            # about to be closed. What is no whole message ends with the connection.
            if raw_message(io.BytesIO(changed + b"\n"), no_body) != changed:
                return

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def raw_message(stream, no_body=False):
    """The bytes of one HTTP message with a Content-Length, chunked, or without a body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return head or None
        head += line
    lower = head.lower()
    if no_body:
        return head
    if match := re.search(rb"content-length: *(\d+)", lower):
        return head + stream.read(int(match[1]))
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            line = stream.readline()
            size = int(line, 16)
            body += line + stream.read(size + 2)
            if size == 0:
                return head + body
    return head


def split(message):
    head, _, body = message.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body
