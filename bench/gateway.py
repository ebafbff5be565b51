"""./bench/run gateway [--rounds N] [--seconds S]: what sealing and opening cost, as processor time a request of one nginx
worker, over the same worker passing the same answers through. Everything is on loopback; wrk makes the requests. The
variants take turns, so that what else the machine does falls on all of them; the values are medians of the rounds."""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import bench_result

ROOT = bench_result.ROOT
os.environ.setdefault("MIFENG_BIN", str(ROOT / "build/bin"))
os.environ.setdefault("MIFENG_BUILD", str(ROOT / "build/release"))
os.environ.setdefault("MIFENG_SOURCE", str(ROOT))
sys.path.insert(0, str(ROOT / "tests/wire"))
import wire  # noqa: E402

SIZES = {"1KiB": 1 << 10, "64KiB": 64 << 10, "1MiB": 1 << 20}
CONNECTIONS = 8


def processor_ns(pid):
    """Time on a processor so far, in nanoseconds."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def load(folder, port, path, seconds, body=0, fields=()):
    """Requests that were answered with 200."""
    script = folder / f"load-{body}.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = string.rep("x", %d)\n' % body if body else "")
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script]
    for name, value in fields:
        argv += ["-H", f"{name}: {value}"]
    output = subprocess.run([*argv, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", output)
    if bad and not re.fullmatch(r"Socket errors: connect 0, read 0, write 0, timeout \d+", bad[0]):
        sys.exit(f"not every answer was right: {output}")
    return int(re.search(r"(\d+) requests in", output)[1])


class Variant:
    """One worker under one kind of load."""

    def __init__(self, worker, port, path, body=0, fields=()):
        self.worker, self.port, self.path, self.body, self.fields = worker, port, path, body, fields
        self.samples = []

    def run(self, folder, seconds, count=True):
        before = processor_ns(self.worker)
        requests = load(folder, self.port, self.path, seconds, self.body, self.fields)
        if count:
            self.samples.append((processor_ns(self.worker) - before) / 1000 / requests)

    @property
    def us(self):
        return statistics.median(self.samples)


def plain(template, values, changes):
    """The same configuration without our module: what is compared with."""
    text = wire.fill(template, values)
    text = re.sub(r"^\s*(load_module|mifeng_\w+|mifeng;|.*\$mifeng_).*\n", "", text, flags=re.M)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    bench_result.build("ngx_http_mifeng", "static_keyholder")
    where = bench_result.machine()
    with tempfile.TemporaryDirectory(prefix="mfb-", dir="/dev/shm") as path:
        values = measure(pathlib.Path(path), options)
    bench_result.finish("gateway", f"./bench/run gateway --rounds {options.rounds} --seconds {options.seconds}", values, where)


def measure(folder, options):
    running = []

    def nginx(name, configuration):
        (folder / name).mkdir(exist_ok=True)
        server = wire.Nginx(folder / name, configuration)
        running.append(server)
        return server

    user = "user root;" if os.getuid() == 0 else ""
    try:
        # The model: files in memory, on a Unix socket for the guard and on a port for who passes through.
        content = folder / "content"
        content.mkdir()
        for name, size in SIZES.items():
            (content / name).write_bytes(os.urandom(size))
        model_port = wire.free_port()
        nginx("model", f"""{user} daemon off; worker_processes 1; pid {folder}/model/pid; error_log stderr error;
            events {{}}
            http {{ access_log off; sendfile off; default_type application/octet-stream; keepalive_requests 1000000;
              client_max_body_size 16m; client_body_temp_path {folder}/model/body;
              server {{ listen unix:{folder}/model.sock; listen 127.0.0.1:{model_port}; root {content};
                error_page 405 =200 $uri; }} }}""")
        key = wire.Key(folder, "output")
        instance = wire.Key(folder, "instance")
        running.append(wire.Keyholder(folder, "guard", folder / "guard.sock", key.public, instance.private))

        def guard_values(name):
            port = wire.free_port()
            return port, {"MODULE": wire.MODULE, "PREFIX": folder / name, "USER": user, "LINK": folder / "guard.sock",
                          "LISTEN": f"listen 127.0.0.1:{port};", "NAME": "model", "MODEL": folder / "model.sock",
                          "MODEL_USER": os.getuid(), "BODY_MAX": "16m"}

        guard_port, values = guard_values("guard")
        guard = nginx("guard", wire.fill("guard.conf.in", values))
        plain_guard_port, values = guard_values("plain-guard")
        plain_guard = nginx("plain-guard", plain("guard.conf.in", values, []))

        table = {"serial": 1, "expires_ms": 4_000_000_000_000, "callers": [], "routes": [wire.route("/m")],
                 "endpoints": [{"deployment": "dep-1", "port": "http", "addresses": [f"127.0.0.1:{guard_port}"]}],
                 "instances": [{"id": "i", "deployment": "dep-1", "signing_key": instance.point_base64}]}
        (folder / "table.json").write_text(wire.json.dumps(table))
        running.append(wire.Keyholder(folder, "gateway", folder / "gateway.sock", folder / "table.json", key.private))

        def gateway_values(name):
            port = wire.free_port()
            return port, {"MODULE": wire.MODULE, "PREFIX": folder / name, "USER": user, "WORKERS": 1,
                          "LINK": folder / "gateway.sock", "LISTEN": f"listen 127.0.0.1:{port};", "BODY_MAX": "16m",
                          "ACCESS_LOG": folder / name / "access.log"}

        no_log = lambda text: re.sub(r"access_log .*;", "access_log off;", text)  # noqa: E731
        gateway_port, values = gateway_values("gateway")
        gateway = nginx("gateway", no_log(wire.fill("gateway.conf.in", values)))
        pass_port, values = gateway_values("pass")
        # The location's prefix is cut off as the route does it.
        passing = nginx("pass", no_log(plain("gateway.conf.in", values, [
            ("server 0.0.0.1;", f"server 127.0.0.1:{model_port};"),
            ("location / {", "location /m/ {\n      proxy_pass http://mifeng_instances/;"),
            ("log_format mifeng", "log_format mifeng '';\n  #")])))
        for port in (guard_port, plain_guard_port, gateway_port, pass_port):
            wire.wait_listening(port)

        def worker(server):
            return wire.wait_for(server.workers, "a worker")[0]

        request_id = [("Mifeng-Request-Id", "0" * 32)]
        variants = {}
        for size in SIZES:
            variants[f"pass_{size}"] = Variant(worker(passing), pass_port, f"/m/{size}")
            variants[f"open_{size}"] = Variant(worker(gateway), gateway_port, f"/m/{size}")
            variants[f"seal_pass_{size}"] = Variant(worker(plain_guard), plain_guard_port, f"/{size}")
            variants[f"seal_{size}"] = Variant(worker(guard), guard_port, f"/{size}", fields=request_id)
        for name in ("1KiB", "1MiB"):
            variants[f"post_pass_{name}"] = Variant(worker(passing), pass_port, "/m/1KiB", body=SIZES[name])
            variants[f"post_open_{name}"] = Variant(worker(gateway), gateway_port, "/m/1KiB", body=SIZES[name])
        for variant in variants.values():
            variant.run(folder, 1, count=False)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for variant in variants.values():
                variant.run(folder, options.seconds)
        return results(variants)
    finally:
        for thing in reversed(running):
            thing.stop()


def results(variants):
    us = {name: variant.us for name, variant in variants.items()}
    values = {}
    for size in SIZES:
        values[f"open_over_pass_{size}"] = round(us[f"open_{size}"] / us[f"pass_{size}"], 3)
    for size in SIZES:
        values[f"seal_over_pass_{size}"] = round(us[f"seal_{size}"] / us[f"seal_pass_{size}"], 3)
    for name in ("1KiB", "1MiB"):
        # What the answer costs in addition to passing is the same as for a GET; the rest is the body's.
        added = (us[f"post_open_{name}"] - us[f"post_pass_{name}"]) - (us["open_1KiB"] - us["pass_1KiB"])
        values[f"bind_body_{name}_added_us"] = round(added, 2)
        values[f"bind_body_{name}_over_pass"] = round(us[f"post_open_{name}"] / us[f"post_pass_{name}"], 3)
    for name in us:
        values[f"{name}_us"] = round(us[name], 2)
    return values


if __name__ == "__main__":
    main()
