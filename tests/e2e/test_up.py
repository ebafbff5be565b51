"""`mifeng up` in the foreground: what it prints works, it stops all it started, and it starts again after kill -9."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from installation import BIN, Installation, free_port, processes, wait_until


def test_the_printed_curl_line_works_as_it_stands(model_installation):
    line = model_installation.line("try it")
    answer = subprocess.run(["bash", "-c", line + " -sS -w '\\n%{http_code}'"], capture_output=True, text=True, timeout=60)
    assert answer.stdout.splitlines()[-1] == "200", answer.stdout + answer.stderr
    json.loads(answer.stdout.splitlines()[0])


def test_the_printed_command_line_works_as_it_stands(model_installation):
    program, *arguments = model_installation.line("command line").split()
    assert program == "mifeng"
    answer = subprocess.run([BIN / program, *arguments, "--output", "json"], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert [model["name"] for model in json.loads(answer.stdout)]


def test_the_administrators_password_signs_in(model_installation):
    words = model_installation.line("administrator").split()
    name, password = words[words.index("as") + 1], words[words.index("password") + 1]
    session = model_installation.api("POST", "/session", {"name": name, "password": password})
    assert session["token"]


def test_a_second_up_on_the_same_data_is_refused_and_harms_nothing(model_installation):
    second = subprocess.run(model_installation.command(), capture_output=True, text=True, timeout=60)
    assert second.returncode == 5
    assert "already runs" in second.stderr
    assert model_installation.service_pid("mifengd")


def test_programs_that_end_are_started_again(model_installation):
    for program in ["mifengd", "mifeng-gateway", "docker-registry", "podman"]:
        before = wait_until(lambda: model_installation.service_pid(program), what=program)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: model_installation.service_pid(program) not in (None, before), 30, f"{program} again")
    model_installation.wait_answer("/tumor", 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
def test_a_signal_while_an_example_is_packed(folder, number):
    subprocess.run([BIN / "mifeng", "init", folder / "examples/adder", "--language", "cpp"], check=True, capture_output=True)
    fifo = folder / "preparing"  # whoever opens it waits for a writer
    os.mkfifo(fifo)
    project = folder / "examples/adder/mifeng.yaml"
    project.write_text(project.read_text() + f"prepare: [cat, {fifo}]\n")
    installation = Installation(folder / "d", examples=folder / "examples", cache=folder / "cache")
    with open(folder / "stderr", "wb") as errors:
        process = subprocess.Popen(installation.command(*installation.port_flags()), stdout=subprocess.DEVNULL, stderr=errors)

    def reader():
        assert process.poll() is None, (folder / "stderr").read_text()
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # the command of the project does not read yet
            return None
    writer = wait_until(reader, 300, "the command of the project")
    process.send_signal(number)
    assert process.wait(60) == 0, (folder / "stderr").read_text()
    os.close(writer)
    assert [command for _, _, command in processes() if str(folder) in " ".join(command)] == []
    assert list((folder / "cache/work").iterdir()) == []
    assert installation.left_behind() == []


def test_ctrl_c_leaves_nothing_and_the_second_start_needs_no_password(folder):
    installation = Installation(folder / "d", only=["tumor-cpp"])
    installation.start()
    before = installation.deployments()
    started = time.monotonic()
    assert installation.stop() == 0
    assert time.monotonic() - started < 20
    assert installation.left_behind() == []
    with installation:
        assert installation.line("administrator") is None
        assert [one["id"] for one in installation.deployments()] == [one["id"] for one in before]
        installation.wait_answer("/tumor")
    assert installation.left_behind() == []


def test_kill_nine_of_up_takes_its_programs_along_and_the_next_start_goes_on(folder):
    installation = Installation(folder / "d", only=["tumor-cpp"])
    installation.start()
    containers = installation.containers()
    assert len(containers) == 1
    installation.kill()
    # What is left is the container with its monitor, which the next start adopts.
    wait_until(lambda: not [line for line in installation.left_behind()
                            if any(name in line for name in ("mifengd", "docker-registry", "podman system", "gateway"))],
               10, "the end of the programs")
    with installation:
        assert installation.containers() == containers
        installation.wait_answer("/tumor")
    assert installation.left_behind() == []


def test_stopping_waits_for_a_monitor_that_ends_after_its_podman(folder):
    installation = Installation(folder / "d")
    installation.start()
    podman = installation.service_pid("podman")
    monitor = subprocess.Popen(["bash", "-c", "while kill -0 $1; do sleep 0.05; done; sleep 1; :", "conmon", str(podman),
                                "--runroot", str(folder / "d/podman/run")], stderr=subprocess.DEVNULL)
    assert installation.stop() == 0
    assert monitor.poll() is not None
    assert installation.left_behind() == []


def test_two_installations_side_by_side(folder, model_installation):
    other = Installation(folder / "other", only=["tumor-cpp"])
    with other:
        other.wait_answer("/tumor")
        # A key of one opens nothing at the other.
        assert other.call("/tumor/v2/health/ready", key=model_installation.caller_key())[0] == 401
        assert not set(other.containers()) & set(model_installation.containers())
    assert other.left_behind() == []
    model_installation.wait_answer("/tumor")


def test_a_taken_port_is_named_before_anything_is_started(folder):
    port = free_port()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        done = subprocess.run([str(BIN / "mifeng"), "up", "--data", str(folder / "d"), "--examples", "none",
                               "--gateway-port", str(port)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 5
    assert str(port) in done.stderr and "--gateway-port" in done.stderr
