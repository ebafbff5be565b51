"""The unit's two containers on each other: who hands a payload over, what is made of it, and how they end together."""
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from keyholders import BIN, GROUP, MODEL_UID, START, UID, wait_for

# A first process of the model's container that is none of ours. Prints what the guard says, to the end of the connection.
HAND_OVER = """
import os, socket, sys
folder, user, group, kind, *paths = sys.argv[1:]
flags = {"folder": os.O_RDONLY | os.O_DIRECTORY, "writable": os.O_RDWR, "path": os.O_PATH}.get(kind, os.O_RDONLY | os.O_NONBLOCK)
files = [os.open(path, flags if i == len(paths) - 1 else os.O_RDONLY) for i, path in enumerate(paths)]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
os.chdir(folder)
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.connect("start.sock")
link.settimeout(50)
if kind == "twenty":
    files *= 10
word = {"words": b"started 1 landlock 0", "long": b"payload" * 100}.get(kind, b"payload")
if kind == "words":
    files = []
try:
    if kind != "silent":
        socket.send_fds(link, [word], files)
    print(link.recv(512).decode(), flush=True)
except (ConnectionResetError, BrokenPipeError):
    print(flush=True)
"""


def hand_over(container, kind, *paths, user=MODEL_UID):
    """What the guard said to it."""
    done = subprocess.run([sys.executable, "-c", HAND_OVER, container.shared["guard"], str(user), str(GROUP), kind, *paths],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("kind, why", [
    ("folder", "bad-handover"), ("writable", "bad-handover"), ("path", "bad-handover"), ("pipe", "bad-handover"),
    ("empty", "bad-handover"), ("twenty", "bad-message"), ("words", "bad-message"), ("long", "bad-message"),
    ("one", "bad-message")])
def test_what_is_no_payload_ends_the_unit(stage, folder, kind, why):
    stage.prepare()
    container = stage.container(with_model=False)
    wait_for(lambda: container.health("/live") == 200, "live")
    sealed = stage.image.root / "mifeng/payload"
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    second = {"folder": sealed, "pipe": folder / "pipe", "empty": folder / "empty"}.get(kind, sealed / "segments")
    paths = [second] if kind == "one" else [sealed / "header", second]
    assert hand_over(container, kind, *paths) == ""
    assert container.wait_end() == 1
    assert f"no payload was handed over ({why})" in container.log()
    assert stage.platform.count(lambda e: "grant" in e) == 0


def test_one_that_connects_and_hands_nothing_over_ends_the_unit(stage):
    stage.prepare()
    container = stage.container(with_model=False)
    wait_for(lambda: container.health("/live") == 200, "live")
    assert hand_over(container, "silent") == ""
    assert container.wait_end() == 1
    assert "no payload was handed over (no-payload)" in container.log()


def test_it_waits_for_the_models_container_and_takes_no_others_payload(stage):
    stage.prepare()
    container = stage.container(with_model=False)
    wait_for(lambda: container.health("/live") == 200, "live")
    sealed = stage.image.root / "mifeng/payload"
    assert hand_over(container, "good", sealed / "header", sealed / "segments", user=UID) == ""
    assert hand_over(container, "good", sealed / "header", sealed / "segments", user=0) == ""
    assert container.health("/ready") == 503
    container.start_model(["http"])
    container.wait_ready()
    # And listens no more.
    assert not (container.shared["guard"] / "start.sock").exists()


def test_a_file_that_grows_after_it_was_handed_over_is_not_run(stage):
    platform = stage.prepare()
    platform.command("false 1")  # so that it waits for its grant
    container = stage.container()
    container.wait_log("no grant yet, so the model does not start")
    with open(stage.image.root / "mifeng/payload/segments", "ab") as segments:
        segments.write(b"more")
    platform.command("false 0")
    assert container.wait_end() == 1
    assert "cannot be opened (payload-changed)" in container.log()
    assert "probe: serving" not in container.log()


def test_a_models_container_that_has_gone_ends_the_unit(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    os.kill(container.model.pid, signal.SIGKILL)
    assert container.wait_end() == 3
    assert "the model's container has gone" in container.log()
    assert "look at the log of the model's container" in container.log()


def test_a_command_that_cannot_be_run_ends_the_unit(stage):
    stage.prepare()
    program = stage.image.payload / "model"
    program.unlink()
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    stage.platform.stop()
    stage.platform = stage.keep(type(stage.platform)(stage.folder, stage.image.root / "mifeng", stage.image.payload))
    container = stage.container()
    assert container.wait_end() == 1
    assert "the model's program cannot be run; look at the log of the model's container" in container.log()


def test_the_model_ends_with_its_guard(stage):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    others = [pid for group in container.model.pids().values() for pid in group]
    assert len(others) == 2
    container.kill(signal.SIGKILL)
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in others), "the model's container is gone")
    assert container.model.process.wait(10) == 0


@pytest.mark.parametrize("both", [False, True])
def test_an_end_that_either_container_is_asked_for_loses_no_call(stage, both):
    stage.prepare()
    container = stage.container()
    container.wait_ready()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(container.call("/slow")))
    slow.start()
    wait_for(lambda: len(container.pids().get("model", ())) > 1, "the request at the model")
    os.kill(container.model.pid, signal.SIGTERM)
    container.wait_log("asked to stop")
    if both:
        container.kill(signal.SIGTERM)
    slow.join(30)
    assert answers and answers[0].status == 200 and answers[0].complete
    assert container.wait_end() == 0
    assert container.model.process.wait(10) == 0


def test_a_model_of_the_guards_own_user_id_is_refused(stage):
    stage.prepare()
    container = stage.container(environment=[f"MIFENG_MODEL_UID={UID}"], with_model=False)
    assert container.wait_end() == 1
    assert "the environment variable MIFENG_MODEL_UID must be the number of the model's user" in container.log()


def test_the_guard_takes_no_command():
    done = subprocess.run([BIN / "mifeng-guard", "--", "/app/model"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "no command goes here" in done.stderr


def test_the_guards_image_copies_mifeng_start_into_a_folder_of_the_pods(folder):
    """As its init container does there: again and again, and into nothing but a folder that is there."""
    image = folder / "image"
    (image / "mifeng").mkdir(parents=True)
    (image / "mifeng-start").write_bytes(START.read_bytes())
    shared = folder / "start"
    shared.mkdir()
    copy = [BIN / "mifeng-guard", "--root", image / "mifeng", "--copy-start", shared]
    for _ in range(2):
        assert subprocess.run(copy, capture_output=True, text=True, timeout=20).returncode == 0
        assert [path.name for path in shared.iterdir()] == ["mifeng-start"]
        assert (shared / "mifeng-start").read_bytes() == START.read_bytes()
        assert (shared / "mifeng-start").stat().st_mode & 0o7777 == 0o755
    (image / "mifeng-start").unlink()
    without = subprocess.run(copy, capture_output=True, text=True, timeout=20)
    assert without.returncode == 1 and "mifeng-start" in without.stderr
    nowhere = subprocess.run([*copy[:-1], folder / "missing"], capture_output=True, text=True, timeout=20)
    assert nowhere.returncode == 1
