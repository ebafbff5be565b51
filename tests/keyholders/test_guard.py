"""mifeng-guard and, in a container beside it, mifeng-start with a model: both restricted as in a unit that is deployed."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest
import wire
from keyholders import GROUP, MARKER, MODEL_UID, UID, wait_for


def memory_facts(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {k: v.strip() for k, v in re.findall(r"(\w+):\s*(.*)", status)}


def is_zombie(pid):
    """False as well for one that is gone."""
    try:
        return memory_facts(pid)["State"][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_serves_sealed_answers_and_nothing_of_the_payload_is_on_a_disk(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    # What the model answers leaves sealed; without a request id nothing is answered.
    answer = container.call("/weights")
    assert answer.status == 200
    assert answer.field("content-type") == "application/vnd.mifeng.sealed"
    assert answer.body.startswith(b"MFS\x01") and MARKER.encode() not in answer.body
    assert container.call("/weights", fields=()).status == 400

    # What the model's answer had begun beside it has ended.
    pids = wait_for(lambda: (lambda found: found if len(found.get("model", ())) == 1 else None)(container.pids()),
                    "one process of the model")
    assert set(pids) == {"mifeng-guard", "nginx", "mifeng-start", "model"}, pids
    for name, pid in [(name, pid) for name, group in pids.items() for pid in group]:
        facts = memory_facts(pid)
        user = UID if name in ("mifeng-guard", "nginx") else MODEL_UID
        assert facts["Uid"].split() == [str(user)] * 4
        assert facts["Gid"].split() == [str(GROUP)] * 4
        assert facts["CapEff"] == "0000000000000000" and facts["NoNewPrivs"] == "1"
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        # mifeng-start gives the model no core files; of itself there are none, since it is not dumpable.
        assert name == "mifeng-start" or re.search(r"Max core file size\s+0\s+0", limits), limits
        # Not dumpable: its files in /proc belong to root.
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0, (pid, facts["Name"])

    # The payload is below /app, a tmpfs, and nowhere else: not in the image, not in a file that a process has mapped
    # from a disk, not in any other file of the container.
    root = pathlib.Path(f"/proc/{container.pid}/root")
    mounts = pathlib.Path(f"/proc/{container.pid}/mounts").read_text()
    assert re.search(r"^\S+ /app tmpfs ", mounts, re.M), mounts
    assert (root / "app/weights.txt").read_text() == MARKER
    model = (root / "app/model").read_bytes()
    needles = (MARKER.encode(), model[len(model) // 2:len(model) // 2 + 64])
    for path, _, files in (entry for image in (stage.image.root, stage.image.guard_root) for entry in os.walk(image)):
        for name in files:
            file = pathlib.Path(path, name)
            if file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                assert not any(needle in content for needle in needles), file
    disks = {os.stat(stage.image.root).st_dev}
    for pid in [pid for group in pids.values() for pid in group]:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith("/"):
                major, minor = (int(n, 16) for n in fields[3].split(":"))
                on_disk = os.makedev(major, minor) in disks
                assert not (on_disk and fields[5].startswith("/app")), line
    # The model reads it and changes nothing, and has the variables that were rendered for it.
    for name in (".", "model", "weights.txt"):
        facts = os.stat(root / "app" / name)
        assert (facts.st_uid, facts.st_gid) == (UID, GROUP) and facts.st_mode & 0o027 == 0, name
    variables = pathlib.Path(f"/proc/{pids['model'][0]}/environ").read_text().split("\0")[:-1]
    assert sorted(variables) == ["LANG=C.UTF-8", "MIFENG_MODEL_NAME=probe", "MIFENG_MODEL_VERSION=1",
                                 "MIFENG_SOCKET=/mifeng/model/model.sock", "PATH=/usr/bin:/bin"]
    # And no secret is in the guard's log.
    assert MARKER not in container.log()


def test_health_is_told_without_content(stage):
    platform = stage.prepare()
    platform.command("listed 0")
    container = stage.container()
    wait_for(lambda: container.health("/live") == 200, "live")
    platform.wait(lambda e: e.get("renewal"), "a renewal")
    assert container.health("/ready") == 503  # the gateways do not know it yet
    renewals = platform.count(lambda e: "renewal" in e)
    wait_for(lambda: platform.count(lambda e: "renewal" in e) >= renewals + 2, "renewals each second", 4)
    platform.command("listed 1")
    container.wait_ready(5)
    assert container.call("/ready", port=15020, fields=()).body == b""
    metrics = container.call("/metrics", port=15020, fields=())
    assert metrics.status == 200 and b"mifeng_calls_total" in metrics.body
    assert container.call("/other", port=15020, fields=()).status == 404


def test_without_a_grant_the_model_does_not_start_and_the_log_says_why(stage):
    platform = stage.prepare()
    platform.stop()
    container = stage.container()
    container.wait_log("no grant yet, so the model does not start")
    assert "see that mifengd runs" in container.log()
    assert "model" not in container.pids()
    assert container.health("/live") == 200 and container.health("/ready") == 503
    started = time.monotonic()
    container.kill(signal.SIGTERM)
    assert container.wait_end() == 0
    assert time.monotonic() - started < 5


def test_a_false_platform_gets_nowhere(stage):
    platform = stage.prepare()
    platform.command("false 1")
    container = stage.container()
    container.wait_log("is not the platform that deployed this unit")
    assert "model" not in container.pids()
    platform.command("false 0")
    container.wait_ready()


def test_a_lost_answer_is_asked_for_again_and_costs_nothing(stage):
    platform = stage.prepare()
    platform.command("lose 2")
    container = stage.container()
    container.wait_ready()
    assert platform.count(lambda e: e.get("grant") == "again") >= 2
    assert platform.count(lambda e: str(e.get("grant", "")).startswith("ins-")) == 1
    platform.command("lose 1")
    platform.wait(lambda e: e.get("again") is True, "the same renewal again")


def test_unknown_gets_a_new_grant_without_restarting_the_model(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    model = container.model_pid()
    platform.command("status unknown")
    platform.wait(lambda e: e.get("grant") == "ins-2", "the second grant")
    container.wait_log("anew")
    assert container.model_pid() == model
    assert container.call("/weights").status == 200


def test_revoked_stops_the_model(stage):
    platform = stage.prepare()
    container = stage.container()
    container.wait_ready()
    platform.command("status revoked")
    assert container.wait_end() == 5
    assert "has ended this instance" in container.log()


def test_a_model_that_listens_everywhere_is_stopped(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    container.call("/listen/9099")
    assert container.wait_end(10) == 4
    assert "port 9099" in container.log()


def test_a_model_that_listens_everywhere_before_it_is_ready_is_stopped(stage):
    stage.prepare()
    container = stage.container(with_model=False)
    for word in ("unready", "listen"):
        (container.shared["model"] / word).touch()
    container.start_model(["http"])
    assert container.wait_end(10) == 4
    assert "port 9099" in container.log()


def test_an_altered_payload_is_not_run(stage):
    stage.prepare()
    segments = stage.image.root / "mifeng/payload/segments"
    content = bytearray(segments.read_bytes())
    content[-1] ^= 1  # the tag of the final segment: everything before it is right
    segments.write_bytes(content)
    container = stage.container()
    assert container.wait_end() == 1
    assert "cannot be opened (bad-tag)" in container.log()
    assert "probe: serving" not in container.log()


def test_another_payload_than_the_one_that_was_submitted_gets_no_grant(stage):
    platform = stage.prepare()
    header = stage.image.root / "mifeng/payload/header"
    content = bytearray(header.read_bytes())
    content[10] ^= 1
    header.write_bytes(content)
    container = stage.container()
    platform.wait(lambda e: e.get("refused") == "unknown-payload", "the refusal")
    container.wait_log("no grant yet, so the model does not start")
    assert "the platform's audit log names the reason" in container.log()
    assert "model" not in container.pids() and list(container.shared["app"].iterdir()) == []
    assert platform.count(lambda e: "grant" in e) == 0


def test_a_variable_of_its_container_loads_no_code_into_the_guard(stage):
    """OPENSSL_CONF names modules that libcrypto loads: no variable but those that the guard reads must reach it."""
    stage.prepare()
    evil = stage.image.guard_root / "evil"
    evil.mkdir()
    (evil / "openssl.cnf").write_text("openssl_conf = init\n[init]\nproviders = all\n[all]\ndefault = ours\nevil = evil\n"
                                      "[ours]\nactivate = 1\n[evil]\nmodule = /evil/evil.so\nactivate = 1\n")
    (evil / "evil.c").write_text("#include <fcntl.h>\n__attribute__((constructor)) static void run(void) {"
                                 " open(\"/mifeng/run/loaded\", O_WRONLY | O_CREAT, 0600); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-Wl,--allow-shlib-undefined", "-o", evil / "evil.so", evil / "evil.c"], check=True)
    container = stage.container(environment=["OPENSSL_CONF=/evil/openssl.cnf"])
    container.wait_ready()
    assert container.call("/weights").status == 200
    assert not pathlib.Path(f"/proc/{container.pid}/root/mifeng/run/loaded").exists()


def test_stops_quickly_when_idle_and_finishes_what_it_has_begun(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    container.kill(signal.SIGTERM)
    assert container.wait_end() == 0
    assert "still has requests" not in container.log()  # nothing was waited for

    container = stage.container()
    container.wait_ready()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(container.call("/slow")))
    slow.start()
    wait_for(lambda: len(container.pids().get("model", ())) > 1, "the request at the model")
    container.kill(signal.SIGTERM)
    slow.join(30)
    assert answers and answers[0].status == 200 and answers[0].complete
    assert container.wait_end() == 0


def test_serves_on_as_a_lame_duck_and_only_then_takes_no_more(stage):
    platform = stage.prepare()
    container = stage.container(lame_duck=60)
    container.wait_ready()
    container.kill(signal.SIGTERM)
    wait_for(lambda: container.call("/weights").field("Connection") == "close", "the last answer of a connection")
    # All else is as before.
    renewals = platform.count(lambda e: "renewal" in e)
    wait_for(lambda: platform.count(lambda e: "renewal" in e) >= renewals + 2, "renewals that go on")
    assert container.health("/ready") == 200 and container.health("/live") == 200
    assert container.call("/weights").status == 200
    # A second one ends it.
    container.kill(signal.SIGTERM)
    assert container.wait_end() == 0
    assert "still has requests" not in container.log()


def test_a_lame_duck_ends_with_its_model_and_with_its_grant(stage):
    platform = stage.prepare()
    container = stage.container(lame_duck=60)
    container.wait_ready()
    container.kill(signal.SIGTERM)
    container.wait_log("asked to stop")
    os.kill(container.model_pid(), signal.SIGKILL)
    assert container.wait_end() == 3

    container = stage.container(lame_duck=60)
    container.wait_ready()
    container.kill(signal.SIGTERM)
    container.wait_log("asked to stop")
    platform.command("status revoked")
    assert container.wait_end() == 5


def test_without_a_lame_duck_time_it_drains_at_once(stage):
    stage.prepare()
    container = stage.container(lame_duck=0)
    container.wait_ready()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(container.call("/slow")))
    slow.start()
    wait_for(lambda: len(container.pids().get("model", ())) > 1, "the request at the model")
    container.kill(signal.SIGTERM)
    wait_for(lambda: container.health("/ready") == 503, "not ready")
    with pytest.raises(ConnectionRefusedError):
        container.call("/weights")
    slow.join(30)
    assert answers and answers[0].status == 200 and answers[0].complete
    assert container.wait_end() == 0


def test_a_worker_that_is_replaced_says_ready_only_with_a_seal_key(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    for _ in range(5):
        [worker] = [pid for pid in container.pids()["nginx"] if memory_facts(pid)["PPid"] != str(container.pid)]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: container.health("/ready") == 200 and worker not in container.pids()["nginx"], "ready again")
        assert container.call("/weights").status == 200


def test_survives_what_is_killed_inside(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    for _ in range(3):
        masters = [pid for pid in container.pids()["nginx"]
                   if memory_facts(pid)["PPid"] == str(container.pid)]
        os.kill(masters[0], signal.SIGKILL)
        wait_for(lambda: set(container.pids().get("nginx", ())).isdisjoint(masters), "another nginx")
        wait_for(lambda: container.health("/ready") == 200, "ready again")
        assert container.call("/weights").status == 200
    # Orphans are collected.
    container.call("/orphan")
    wait_for(lambda: not any(is_zombie(pid) for group in container.pids().values() for pid in group), "no zombie")
    assert container.process.poll() is None


def test_killed_itself_it_takes_everything_with_it_and_starts_again(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    everything = [pid for group in container.pids().values() for pid in group]
    container.kill(signal.SIGKILL)
    container.wait_end()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in everything), "everything is gone")
    container = stage.container()
    container.wait_ready()
    assert stage.platform.count(lambda e: str(e.get("grant", "")).startswith("ins-")) == 2


def key_blocks(answer):
    """Of a sealed stream the part that is the same for every stream under one root key."""
    size = int.from_bytes(answer.body[6:8], "big")
    return answer.body[28:size - 32]


def test_the_root_key_is_replaced_as_often_as_it_is_told(stage):
    platform = stage.prepare()
    container = stage.container(environment=["MIFENG_SEAL_KEY_SECONDS=5"])
    container.wait_ready()
    platform.command("endpoint 127.0.0.1:8080")
    gateway = stage.gateway(container=container)
    gateway.wait_ready()
    first_seen = {}
    begin = time.monotonic()
    while time.monotonic() < begin + 15:
        asked = time.monotonic()
        answer = container.call("/weights")
        assert answer.status == 200
        first_seen.setdefault(key_blocks(answer), []).append((asked, time.monotonic()))
        # Whoever opens the answers notices nothing of it.
        assert gateway.call("/probe/weights").body == MARKER.encode()
    assert 3 <= len(first_seen) <= 6
    for times in first_seen.values():
        assert times[-1][0] - times[0][1] < 5


def test_the_root_key_is_replaced_after_so_many_answers(stage):
    stage.prepare()
    container = stage.container(environment=["MIFENG_SEAL_KEY_ANSWERS=1000"])
    container.wait_ready()

    def ask_often():
        counts, total = {}, 0
        with socket.create_connection(("127.0.0.1", 8080), timeout=30) as connection:
            stream = connection.makefile("rb")
            while total < 2500:
                connection.sendall(wire.request_bytes("/weights", fields=[("Mifeng-Request-Id", uuid.uuid4().hex)]))
                answer = wire.read_answer(connection, stream=stream)
                # 503: this one is spent, and the next one has not come yet.
                assert answer.status in (200, 503)
                if answer.status == 200:
                    counts[key_blocks(answer)] = counts.get(key_blocks(answer), 0) + 1
                    total += 1
        return counts

    counts = container.inside(ask_often)
    assert len(counts) >= 3 and max(counts.values()) <= 1000, counts.values()


def test_the_configuration_in_force_never_holds_an_answer_back(stage):
    """tcp_nopush with keep-alive makes an answer wait for the acknowledgement of its beginning: stalls of 40 ms."""
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    shown = subprocess.run(["nsenter", f"--target={container.pid}", "--mount", "--net", "--pid", f"--setuid={UID}",
                            f"--setgid={UID}", "/mifeng/sbin/nginx", "-T", "-p",
                            "/mifeng/run/", "-c", "/mifeng/run/nginx.conf", "-e", "/dev/null"],
                           capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0, shown.stderr
    # All of it is ours: Debian's own nginx.conf, which switches it on, is not part of it.
    assert re.findall(r"^# configuration file (\S+):$", shown.stdout, re.M) == ["/mifeng/run/nginx.conf"]
    assert "mifeng_seal on;" in shown.stdout
    in_force = "\n".join(line.partition("#")[0] for line in shown.stdout.splitlines())
    assert set(re.findall(r"\btcp_nopush\s+(\w+)", in_force)) <= {"off"}  # off is nginx' default
    assert set(re.findall(r"\btcp_nodelay\s+(\w+)", in_force)) <= {"on"}  # and this one's is on
    assert container.health("/ready") == 200
