"""A real API server's bad days: HTTPS in front of it, which passes everything on but what a test tells it not to.

    with faulty_api.in_front_of(k8s, folder) as front:
        front.kubeconfig                     # an administrator's, by way of it
        front.refuse(lambda ask: ask.method == "PATCH", 429, seconds_to_wait=1, times=5)
        front.cut_watches()
"""
import base64
import contextlib
import http.client
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse


class Ask:
    """One request, as a test's rule sees it."""

    def __init__(self, method, target):
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.is_watch = "watch=true" in self.query


def _status(code, message):
    return json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}).encode()


class Front:
    def __init__(self, k8s, folder):
        config = json.loads(pathlib.Path(k8s.kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self.server = urllib.parse.urlsplit(cluster["server"])
        self.trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.lock, self.rules, self.cuts, self.seen = threading.Lock(), [], 0, []
        self.refused = 0
        folder = pathlib.Path(folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", folder / "front.key", "-out", folder / "front.crt"], check=True, capture_output=True)
        k8s.kubectl("-n", "kube-system", "create", "serviceaccount", "by-the-front")
        k8s.kubectl("create", "clusterrolebinding", "by-the-front", "--clusterrole", "cluster-admin", "--serviceaccount",
                    "kube-system:by-the-front")
        # A login that can be passed on: a client certificate ends where TLS does.
        token = k8s.kubectl("-n", "kube-system", "create", "token", "by-the-front", "--duration", "2h").strip()
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 600

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                with contextlib.suppress(OSError, ssl.SSLError, http.client.HTTPException, ValueError):
                    return super().handle_one_request()
                self.close_connection = True

            def answer(self):
                front.pass_on(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.http.request_queue_size = 128
        self.http.daemon_threads = True
        self.http.server_bind()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "front.crt", folder / "front.key")
        # The handshake is each connection's own thread's, not the accepting one's.
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.http.handle_error = lambda *_: None
        self.http.server_activate()
        cluster["server"] = f"https://127.0.0.1:{self.http.server_address[1]}"
        cluster["certificate-authority-data"] = base64.b64encode((folder / "front.crt").read_bytes()).decode()
        config["users"][0]["user"] = {"token": token}
        self.kubeconfig = folder / "front.kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    # What a test says.

    def refuse(self, matches, code, message="a bad day", seconds_to_wait=None, times=None):
        """Answers with `code`; gives the rule, which counts in `used` and ends with `end(rule)` or after `times`."""
        return self._rule({"matches": matches, "code": code, "message": message, "wait": seconds_to_wait, "times": times})

    def news_of_410(self, matches, times=1):
        """A watch that begins well and whose first news is that it asks for what is long forgotten."""
        return self._rule({"matches": matches, "news": True, "times": times})

    def hang(self, matches):
        """Takes the request and never answers."""
        return self._rule({"matches": matches, "hang": True, "times": None})

    def break_off(self, matches, times=None):
        """Takes the request, passes it on, and breaks off instead of giving the answer: what was asked for has happened."""
        return self._rule({"matches": matches, "break": True, "times": times})

    def end(self, rule):
        with self.lock:
            if rule in self.rules:
                self.rules.remove(rule)
        rule["over"].set()

    def cut_watches(self):
        """Every watch there is breaks off."""
        self.cuts += 1

    # What it does.

    def _rule(self, rule):
        rule |= {"used": 0, "over": threading.Event()}
        with self.lock:
            self.rules.append(rule)
        return rule

    def _rule_of(self, ask):
        with self.lock:
            for rule in self.rules:
                if rule["matches"](ask) and (rule["times"] is None or rule["used"] < rule["times"]):
                    rule["used"] += 1
                    return rule
        return None

    def pass_on(self, handler):
        ask = Ask(handler.command, handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        rule = self._rule_of(ask)
        if rule is not None and "hang" in rule:
            rule["over"].wait(600)
            handler.close_connection = True
            return
        if rule is not None and "code" in rule:
            text = _status(rule["code"], rule["message"])
            more = {} if rule["wait"] is None else {"Retry-After": str(rule["wait"])}
            self._answer(handler, rule["code"], text, more)
            return
        if rule is not None and "news" in rule:
            text = json.dumps({"type": "ERROR", "object": json.loads(_status(410, "too old resource version"))}).encode() + b"\n"
            self._answer(handler, 200, text, {})
            return
        server = http.client.HTTPSConnection(self.server.hostname, self.server.port, timeout=600, context=self.trust)
        try:
            fields = {name: value for name, value in handler.headers.items()
                      if name.lower() in ("authorization", "content-type", "accept")}
            server.request(ask.method, handler.path, body or None, fields)
            answer = server.getresponse()
            if rule is not None:  # break off
                answer.read()
                handler.close_connection = True
                return
            if ask.is_watch and answer.status == 200:
                self._stream(handler, answer, server.sock)
            else:
                self._answer(handler, answer.status, answer.read(),
                             {"Retry-After": answer.headers["Retry-After"]} if "Retry-After" in answer.headers else {})
        finally:
            server.close()

    @staticmethod
    def _answer(handler, code, text, more):
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        for name, value in more.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)

    def _stream(self, handler, answer, connection):
        cuts = self.cuts
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.close_connection = True
        if connection is not None:
            connection.settimeout(0.1)
        while cuts == self.cuts:
            try:
                piece = answer.read1(65536)
            except (TimeoutError, socket.timeout):
                continue
            if not piece:
                handler.wfile.write(b"0\r\n\r\n")
                return
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()


@contextlib.contextmanager
def in_front_of(k8s, folder):
    front = Front(k8s, folder)
    try:
        yield front
    finally:
        for rule in list(front.rules):
            front.end(rule)
        front.cut_watches()
        front.http.shutdown()
        front.http.server_close()


def during(seconds):
    """Yields until so many seconds are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
