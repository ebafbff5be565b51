"""The worker itself: its link to the keyholder, its memory, and who may look into it."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
import wire


def small_buffer(text):
    return re.sub(r"(listen 127[^;]*);", r"\1 sndbuf=4k;", text)


@pytest.mark.parametrize("of", ["gateway", "guard"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answers_without_a_body_reach_whom_reads_late(cast, of, method):
    """The socket is full when such an answer is to be sent: it goes when there is room again."""
    guard = cast.guard(changes=small_buffer)
    gateway = cast.gateway(wire.table_of(guard), changes=small_buffer)
    guard.model.answer = lambda request, out: out.send(wire.response(204, b"", "x/" + "y" * 2000, length=False))
    fields = [("Mifeng-Request-Id", "0" * 32)] if of == "guard" else []
    count = 100
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(20)
        caller.connect(("127.0.0.1", guard.port if of == "guard" else gateway.port))
        asking = threading.Thread(target=caller.sendall, daemon=True,
                                  args=(wire.request_bytes("/m", method, fields=fields) * count,))
        asking.start()
        seen = 0
        while seen == 0 or seen != len(guard.model.requests):  # until the worker comes to a stop
            seen = len(guard.model.requests)
            time.sleep(0.5)
        assert seen < count, "every answer fitted into the socket"
        stream = caller.makefile("rb")
        for _ in range(count):
            answer = wire.read_answer(caller, method, stream)
            assert (answer.status, answer.complete) == (204, True)
        asking.join()


@pytest.mark.parametrize("of", ["gateway", "guard"])
def test_the_header_of_a_stream_reaches_whom_reads_late(cast, of):
    """It does not fit into the socket, and what the model says first is still to come."""
    said = threading.Event()

    def stream(request, out):
        out.send(wire.response(200, content_type="x/" + "y" * 14000, fields=[("Transfer-Encoding", "chunked")],
                               length=False))
        assert said.wait(timeout=30)
        out.send(wire.chunk(b"first") + wire.chunk(b""))

    guard = cast.guard(changes=small_buffer)
    gateway = cast.gateway(wire.table_of(guard), changes=small_buffer)
    guard.model.answer = stream
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(20)
        caller.connect(("127.0.0.1", guard.port if of == "guard" else gateway.port))
        caller.sendall(wire.request_bytes("/m", fields=[("Mifeng-Request-Id", "0" * 32)] if of == "guard" else []))
        wire.wait_for(lambda: guard.model.requests, "the request")
        time.sleep(0.5)
        head = caller.makefile("rb")
        assert head.readline().startswith(b"HTTP/1.1 200 ")
        assert any(len(value) > 14000 for _, value in wire.read_fields(head))
        said.set()
        assert head.readline()


def test_a_slow_caller_does_not_fill_the_worker(cast):
    guard, gateway = cast.pair()
    body = bytes(range(256)) * 4096 * 60  # 60 MiB
    sent = []

    def pour(request, out):
        out.send(wire.response(200, length=False, fields=[("Content-Length", len(body))]))
        for at in range(0, len(body), 1 << 20):
            out.send(body[at:at + (1 << 20)])
            sent.append(at)

    guard.model.answer = pour
    assert gateway.call("/m").body == body  # whatever memory one whole answer needs is there now
    workers = [*gateway.nginx.workers(), *guard.nginx.workers()]
    before = [wire.rss_kib(w) for w in workers]
    sent.clear()
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        caller.connect(("127.0.0.1", gateway.port))
        caller.sendall(wire.request_bytes("/m"))
        stalled = 0
        while stalled < 10:  # until nothing moves any more
            now = len(sent)
            time.sleep(0.1)
            stalled = stalled + 1 if sent and len(sent) == now else 0
        assert len(sent) < 40, "the model was not held back"
        for worker, old in zip(workers, before):
            assert wire.rss_kib(worker) < old + 4096
        answer = wire.read_answer(caller)
    assert answer.complete and answer.body == body


def test_a_large_request_is_bound_from_a_file_as_well(cast):
    guard, gateway = cast.pair()
    body = os.urandom(3 << 20)
    assert gateway.call("/m", "POST", body).status == 200
    assert guard.model.requests[0].body == body


def test_a_gateway_goes_on_without_its_keyholder(cast):
    guard, gateway = cast.pair()
    assert gateway.call("/m").status == 200
    gateway.keyholder.command("stop")
    guard.keyholder.command("stop")
    for _ in range(20):
        assert gateway.call("/m").status == 200
    # A root key that it does not know cannot be asked about: that answer is refused when the time is over.
    other = cast.guard("g2")
    gateway.keyholder.command("resume")
    guard.keyholder.command("resume")
    gateway.push(wire.table_of(other))
    assert gateway.call("/m").status == 200
    assert len(other.model.requests) == 1


def test_an_answer_waits_for_a_keyholder_that_comes_back(cast):
    guard, gateway = cast.pair()
    gateway.keyholder.command("stop")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.call("/m")))
    thread.start()
    wire.wait_for(lambda: guard.model.requests, "the model to be asked")
    gateway.keyholder.command("resume")
    thread.join()
    assert answers[0].status == 200


def test_an_answer_without_a_key_in_time_is_refused(cast):
    guard, gateway = cast.pair()
    gateway.keyholder.command("stop")
    begin = time.monotonic()
    answer = gateway.call("/m")
    assert answer.status == 502 and answer.reason == "answer-refused"
    assert 4 <= time.monotonic() - begin <= 9
    gateway.keyholder.command("resume")
    gateway.keyholder.wait_refusal("no-key-in-time")


def test_a_new_seal_key_is_asked_for_when_the_output_key_changes(cast):
    guard, gateway = cast.pair()
    keys = lambda: sum("seal_key" in e for e in guard.keyholder.events())  # noqa: E731
    unwraps = lambda: sum(e.get("unwrap") == "ok" for e in gateway.keyholder.events())  # noqa: E731
    assert gateway.call("/m").status == 200
    assert gateway.call("/m").status == 200
    wire.wait_for(lambda: (keys(), unwraps()) == (1, 1), "one root key for many answers")
    guard.keyholder.command("renew")
    wire.wait_for(lambda: keys() == 2, "a second key")
    assert wire.wait_for(lambda: gateway.call("/m").status == 200 and unwraps() == 2, "an answer under it")


def test_a_root_key_is_accepted_for_so_long_and_no_longer(cast):
    guard = cast.guard()
    gateway = cast.gateway(wire.table_of(guard),
                           changes=lambda text: text.replace("  mifeng_link ", "  mifeng_root_key_age_max 2s;\n  mifeng_link "))
    begin = time.monotonic()
    assert gateway.call("/m").status == 200
    wire.wait_for(lambda: gateway.call("/m").status == 502, "the key to be too old")
    assert time.monotonic() - begin >= 2
    gateway.keyholder.wait_refusal("root-key-too-old")
    # Asked for anew it does not become young.
    assert gateway.call("/m").reason == "answer-refused"
    guard.keyholder.command("renew")
    wire.wait_for(lambda: gateway.call("/m").status == 200, "an answer under a new key")


def test_an_instance_that_changes_its_root_key_all_the_time_is_refused(cast, monkeypatch):
    """What it costs the keyholder is bounded; the others of its deployment and of others are served."""
    # Slower than usual: this test may need a while for each key, and is to come to the burst's end all the same.
    monkeypatch.setenv("MIFENG_UNWRAPS_PER_SECOND", "0.5")
    guard, other = cast.guard("g1"), cast.guard("g2", "dep-2")
    gateway = cast.gateway(wire.table_of(guard, other, routes=[wire.route(), wire.route("/o", "dep-2")]))
    unwraps = lambda: sum(e.get("unwrap") == "ok" for e in gateway.keyholder.events())  # noqa: E731
    refused = 0
    for _ in range(400):
        keys = sum("seal_key" in e for e in guard.keyholder.events())
        guard.keyholder.command("renew")
        wire.wait_for(lambda: sum("seal_key" in e for e in guard.keyholder.events()) > keys, "a new key")
        refused = gateway.call("/m").status == 502
        if refused:
            break
    assert refused and unwraps() >= 200
    gateway.keyholder.wait_refusal("too-many-root-keys")
    assert gateway.call("/o").status == 200
    wire.wait_for(lambda: gateway.call("/m").status == 200, "an answer once some time has passed")


def test_a_guard_without_a_seal_key_says_nothing(cast, folder):
    """nginx is started by hand, its keyholder is not there: 503, unsealed, no content; the gateway says so in its own words."""
    guard, gateway = cast.pair()
    guard.nginx.stop()
    guard.keyholder.command("stop")
    guard.start()
    answer = wire.call(guard.port, "/x", fields=[("Mifeng-Request-Id", "0" * 32)])
    assert (answer.status, answer.body, answer.field("Mifeng-Seal")) == (503, b"", None)
    answer = gateway.call("/m")
    assert (answer.status, answer.reason) == (503, "model-busy")
    assert guard.model.requests == []
    guard.keyholder.command("resume")
    wire.wait_for(lambda: gateway.call("/m").status == 200, "a key to come")


def test_a_worker_that_dies_is_replaced_and_works(cast):
    guard, gateway = cast.pair()
    assert gateway.call("/m").status == 200
    for side in (gateway, guard):
        [worker] = side.nginx.workers()
        os.kill(worker, signal.SIGKILL)
        wire.wait_for(lambda: side.nginx.workers() not in ([], [worker]), "a new worker")
    assert gateway.call("/m").status == 200
    for side in (gateway, guard):
        log = side.nginx.error_log()
        assert log.count("exited on signal 9") == 1
        side.nginx.log_path.write_text("")  # it was ours


def test_a_graceful_stop_finishes_what_it_has_begun(cast):
    guard, gateway = cast.pair()
    go_on = threading.Event()

    def slowly(request, out):
        out.send(wire.response(200, fields=[("Transfer-Encoding", "chunked")], length=False) + wire.chunk(b"first"))
        assert go_on.wait(20)
        out.send(wire.chunk(b"last") + wire.chunk(b""))

    guard.model.answer = slowly
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as caller:
        caller.sendall(wire.request_bytes("/m"))
        stream = caller.makefile("rb")
        while b"first" not in stream.readline():
            pass
        for side in (gateway, guard):
            side.nginx.process.send_signal(signal.SIGQUIT)
        go_on.set()
        rest = stream.read()
    assert b"last" in rest and rest.endswith(b"0\r\n\r\n")
    for side in (gateway, guard):
        assert side.nginx.process.wait(wire.WAIT) == 0


def test_master_and_worker_cannot_be_looked_into(folder):
    """The kernel gives the files in /proc of a process that is not dumpable to root, and those of any other to its own
    uid: which is what decides who may read its memory."""
    nobody = 65534
    shutil.copy(wire.MODULE, folder / "m.so")
    values = {"MODULE": folder / "m.so", "PREFIX": folder, "USER": "", "WORKERS": 1, "LINK": folder / "k.sock",
              "BODY_MAX": "1m", "ACCESS_LOG": folder / "access.log", "LISTEN": f"listen 127.0.0.1:{wire.free_port()};"}
    (folder / "n.conf").write_text(wire.fill("gateway.conf.in", values))
    for path in (folder, *folder.iterdir()):
        os.chown(path, nobody, nobody)
    argv = [wire.NGINX, "-e", "stderr", "-p", folder, "-c", folder / "n.conf"]
    with open(folder / "log", "w") as log:
        nginx = subprocess.Popen(argv, user=nobody, group=nobody, extra_groups=[], stderr=log)
        other = subprocess.Popen(["sleep", "60"], user=nobody, group=nobody, extra_groups=[])

    def owner(pid):
        return os.stat(f"/proc/{pid}/environ").st_uid

    def children():
        return pathlib.Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children").read_text().split()

    try:
        wire.wait_for(lambda: owner(other.pid) == nobody, "the dumpable process to show as one")
        [worker] = wire.wait_for(children, (folder / "log").read_text())
        wire.wait_for(lambda: owner(nginx.pid) == 0 and owner(worker) == 0, "master and worker not to be dumpable")
    finally:
        for process in (nginx, other):
            process.terminate()
            process.wait()


def test_keys_lie_in_locked_memory(cast):
    guard, gateway = cast.pair()
    assert gateway.call("/m").status == 200
    for side in (guard, gateway):
        for worker in side.nginx.workers():
            status = pathlib.Path(f"/proc/{worker}/status").read_text()
            locked = int(next(l for l in status.splitlines() if l.startswith("VmLck")).split()[1])
            assert 0 < locked < 4096


def test_the_key_socket_turns_strangers_away(cast):
    guard, gateway = cast.pair()

    def send(side, data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(side.folder / "key.sock"))
            s.sendall(data)
            got = b""
            try:
                while more := s.recv(65536):
                    got += more
            except ConnectionResetError:
                pass
            return got

    hello = lambda role: bytes.fromhex("00000007 01 02") + bytes([role]) + bytes(4)  # noqa: E731
    assert send(gateway, bytes.fromhex("00000005 03 00000001")) == b""  # did not say who it is
    assert send(gateway, hello(2)) == b""                             # the other role
    assert send(guard, hello(1)) == b""
    assert send(gateway, bytes.fromhex("ffffffff")) == b""
    assert send(gateway, bytes.fromhex("00000000")) == b""
    assert send(guard, hello(2) + bytes.fromhex("00000001 63")) is not None
    assert (os.stat(gateway.folder / "key.sock").st_mode & 0o777) == 0o600
    assert gateway.call("/m").status == 200


@pytest.mark.parametrize("change, message", [
    (lambda t: t.replace("mifeng_link", "#"), "mifeng_link is missing"),
    (lambda t: t.replace("mifeng_open on;", "mifeng_open on; location /x { mifeng_seal on; }"), "one nginx can open or seal, not both"),
    (lambda t: t.replace('mifeng_link "', 'mifeng_link "' + "/x" * 60), "too long for a Unix socket"),
    (lambda t: t.replace("  mifeng_link ", "  mifeng_root_key_age_max 2h;\n  mifeng_link "), "takes 1s to 1h"),
    (lambda t: t.replace("    mifeng;\n    keepalive 64;", "    keepalive 64;\n    mifeng;"), 'must stand before "keepalive"'),
])
def test_a_wrong_configuration_is_refused_with_a_sentence(folder, change, message):
    values = {"MODULE": wire.MODULE, "PREFIX": folder, "USER": "", "WORKERS": 1, "LINK": folder / "k.sock", "BODY_MAX": "1m",
              "ACCESS_LOG": folder / "access.log",
              "LISTEN": f"listen 127.0.0.1:{wire.free_port()};"}
    (folder / "n.conf").write_text(change(wire.fill("gateway.conf.in", values)))
    result = subprocess.run([wire.NGINX, "-t", "-e", "stderr", "-p", folder, "-c", folder / "n.conf"], capture_output=True,
                            text=True)
    assert result.returncode == 1
    assert message in result.stderr


def test_the_module_loads_into_its_own_nginx_only(folder):
    """Its signature names the build options and its header the version: nginx refuses another one, in its own words."""
    binary = wire.MODULE.read_bytes()
    # As NGX_MODULE_V1 begins: two indexes, a name and two spare words that are not set yet, the version. The number alone
    # may stand in debug information as well.
    begins = b"\xff" * 16 + bytes(24)
    header = begins + (1022001).to_bytes(8, "little")
    assert binary.count(header) == 1
    at = binary.index(header) + len(begins)
    (folder / "m.so").write_bytes(binary[:at] + (1022002).to_bytes(4, "little") + binary[at + 4:])
    (folder / "n.conf").write_text(f"load_module {folder}/m.so;\nevents {{}}\n")
    result = subprocess.run([wire.NGINX, "-t", "-e", "stderr", "-p", folder, "-c", folder / "n.conf"], capture_output=True,
                            text=True)
    assert result.returncode == 1
    assert "version 1022002 instead of 1022001" in result.stderr


def test_the_log_names_the_endpoint_even_after_the_table_has_changed(cast):
    """nginx writes the name when the request ends; the table that it stood in may be replaced by then."""
    guard = cast.guard()
    gateway = cast.gateway(wire.table_of(guard),
                           changes=lambda text: text.replace("request=$mifeng", "upstream=$upstream_addr request=$mifeng"))
    go_on = threading.Event()

    def wait(request, out):
        assert go_on.wait(20)
        out.send(wire.response(200, b"done", "text/plain"))

    guard.model.answer = wait
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.call("/m")))
    thread.start()
    wire.wait_for(lambda: guard.model.requests, "the model to be asked")
    for _ in range(5):
        gateway.push(wire.table_of(guard, addresses={"dep-1": ["127.0.0.1:1", guard.address]}))
    go_on.set()
    thread.join()
    assert answers[0].body == b"done"
    line = wire.wait_for(lambda: (gateway.folder / "access.log").read_text(), "a line in the log")
    assert f"upstream={guard.address} " in line
    assert "deployment=dep-1 instance=g1 refusal=" in line
