#!/usr/bin/env python3
"""Load that loses nothing unseen: many connections that post a body, call after call, and look at every answer. No call
is ever repeated, so whatever was lost on the way is counted.

    calls.py URL [--connections 64] [--total 20000] [--body TEXT | --body-file FILE] [--header 'Name: value']...
             [--check echo|same|none] [--method POST] [--timeout 60] [--or HOST:PORT]

writes {"calls": N, "failed": N} a few times a second and the result as its last line; it ends after --total calls, or at
SIGTERM, when the calls that are under way have been answered. From a test: calls.start(url, ...), then progress(),
wait_calls(n), stop(), result(). Whom no connection is given takes it of --or instead, as callers of a service with two
addresses do: nothing was sent yet. In a body "{n}" stands for the call's number, so that no answer fits another call."""
import argparse
import asyncio
import collections
import json
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

ERRORS_KEPT = 20
PAUSE_AFTER_ERROR = 0.05  # so that a server that is away is not asked thousands of times


class Failure(Exception):
    """What became of a call that was not answered as it should be: a kind, and what was seen."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Load:
    def __init__(self, url, method, headers, body, check, connections, total, timeout, otherwise=None):
        parts = urllib.parse.urlsplit(url)
        self.tls = parts.scheme == "https"
        self.addresses = [(parts.hostname, parts.port or (443 if self.tls else 80))]
        if otherwise:
            host, _, port = otherwise.rpartition(":")
            self.addresses.append((host, int(port)))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc, **headers}
        self.head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items())
        self.body, self.check, self.connections, self.total, self.timeout = body, check, connections, total, timeout
        self.begun = self.good = 0
        self.stopping = False
        self.first_answer = None
        self.kinds = collections.Counter()
        self.errors = []
        self.times = []
        self.started = time.monotonic()

    @property
    def failed(self):
        return sum(self.kinds.values())

    def next_number(self):
        if self.stopping or (self.total and self.begun >= self.total):
            return None
        self.begun += 1
        return self.begun

    def note(self, number, failure):
        self.kinds[failure.kind] += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append({"call": number, "seconds": round(time.monotonic() - self.started, 3), "error": str(failure)})

    async def connect(self):
        context = None
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        last = None
        for host, port in self.addresses:
            try:
                return await asyncio.open_connection(host, port, ssl=context)
            except OSError as error:
                last = error
        raise Failure("connect", str(last)) from last

    async def answer(self, reader):
        """(status, whether the connection stays, body)"""
        got = b""
        try:
            got = await reader.readuntil(b"\r\n\r\n")
            lines = got.decode("latin-1").split("\r\n")
            fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
            status = int(lines[0].split()[1])
            stays = fields.get("connection", "").lower() != "close"
            if fields.get("transfer-encoding", "").lower() == "chunked":
                body = b""
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readuntil(b"\r\n")
            elif "content-length" in fields:
                body = await reader.readexactly(int(fields["content-length"]))
            else:
                body, stays = await reader.read(), False
            return status, stays, body
        except asyncio.IncompleteReadError as error:
            raise Failure("broken", f"the connection ended after {len(got) + len(error.partial)} bytes") from error
        except (ConnectionError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            raise Failure("broken", f"{type(error).__name__} {error} after {len(got)} bytes") from error

    def judge(self, status, posted, body):
        if status != 200:
            raise Failure(str(status), body[:200].decode(errors="replace"))
        wanted = posted if self.check == "echo" else None
        if self.check == "same":
            self.first_answer = self.first_answer or body
            wanted = self.first_answer
        if wanted is not None and body != wanted:
            raise Failure("wrong-body", f"{body[:100]!r} instead of {wanted[:100]!r}")

    async def caller(self):
        writer = None
        while (number := self.next_number()) is not None:
            posted = self.body.replace(b"{n}", b"%012d" % number)
            began = time.monotonic()
            try:
                async with asyncio.timeout(self.timeout):
                    if writer is None:
                        reader, writer = await self.connect()
                    writer.write(f"{self.head}Content-Length: {len(posted)}\r\n\r\n".encode("latin-1") + posted)
                    status, stays, body = await self.answer(reader)
                self.judge(status, posted, body)
                self.good += 1
            except TimeoutError:
                stays = False
                self.note(number, Failure("timeout", f"no answer within {self.timeout} s"))
            except Failure as failure:
                stays = failure.kind not in ("connect", "broken") and stays
                self.note(number, failure)
                await asyncio.sleep(PAUSE_AFTER_ERROR)
            self.times.append(time.monotonic() - began)
            if not stays and writer is not None:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    async def tell(self):
        while True:
            print(json.dumps({"calls": self.good + self.failed, "failed": self.failed}), flush=True)
            await asyncio.sleep(0.1)

    async def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lambda: setattr(self, "stopping", True))
        telling = asyncio.create_task(self.tell())
        await asyncio.gather(*(self.caller() for _ in range(self.connections)))
        telling.cancel()
        seconds = time.monotonic() - self.started
        times = sorted(self.times) or [0]
        return {"calls": self.good + self.failed, "good": self.good, "failed": self.failed, "kinds": dict(self.kinds),
                "first_errors": self.errors, "seconds": round(seconds, 3), "per_second": round(len(times) / seconds, 1),
                "p50_ms": round(times[len(times) // 2] * 1000, 1), "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
                "slowest_ms": round(times[-1] * 1000, 1)}


class Calls:
    """A load that runs in a process of its own, so that it takes no time from the test."""

    def __init__(self, argv, body):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.buffer.write(body)
        self.process.stdin.close()
        self.changed = threading.Condition()
        self.lines = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
        self.process.wait()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def progress(self):
        """{"calls": N, "failed": N} so far"""
        with self.changed:
            said = [line for line in self.lines if line]
        return json.loads(said[-1]) if said else {"calls": 0, "failed": 0}

    def wait_calls(self, count, seconds=120):
        """Until so many calls are done, counted from the beginning."""
        end = time.monotonic() + seconds
        while self.progress()["calls"] < count:
            assert self.process.poll() is None, f"the load has ended: {self.progress()}"
            assert time.monotonic() < end, f"waited {seconds} s for {count} calls: {self.progress()}"
            time.sleep(0.02)

    def wait_more(self, count, seconds=120):
        """Until so many calls more than now are done."""
        self.wait_calls(self.progress()["calls"] + count, seconds)

    def stop(self):
        """Begins no further call, and gives the result once those under way are answered."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.result()

    def result(self, seconds=600):
        """Waits for its end."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.lines and self.lines[-1] is None, seconds), "the load does not end"
            said = [line for line in self.lines if line]
        assert said and "good" in said[-1], f"the load ended with status {self.process.returncode} and without a result"
        return json.loads(said[-1])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start(url, connections=64, total=None, body=b"{n}", headers=None, check="echo", method="POST", timeout=60, prefix=(),
          otherwise=None):
    """Begins at once. `total`: None is until stop(). `check` is what every answer has to be: "echo" (what was posted),
    "same" (all alike) or "none" (any 200). `prefix` is put before the command line (nsenter, say)."""
    argv = [*prefix, sys.executable, __file__, url, "--connections", str(connections), "--total", str(total or 0),
            "--body-file", "/dev/stdin", "--check", check, "--method", method, "--timeout", str(timeout)]
    if otherwise:
        argv += ["--or", otherwise]
    for name, value in (headers or {}).items():
        argv += ["--header", f"{name}: {value}"]
    return Calls([str(a) for a in argv], body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--total", type=int, default=0)
    parser.add_argument("--body", default="{n}")
    parser.add_argument("--body-file")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--check", choices=("echo", "same", "none"), default="echo")
    parser.add_argument("--method", default="POST")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--or", dest="otherwise")
    given = parser.parse_args()
    body = open(given.body_file, "rb").read() if given.body_file else given.body.encode()
    headers = dict(line.split(": ", 1) for line in given.header)
    load = Load(given.url, given.method, headers, body, given.check, given.connections, given.total, given.timeout,
                given.otherwise)
    result = asyncio.run(load.run())
    print(json.dumps(result), flush=True)
    return 0 if result["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
