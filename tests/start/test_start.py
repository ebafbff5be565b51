"""mifeng-start as the first process of a container: spec/start.md."""
import fcntl
import os
import signal
import stat
import subprocess

from container import OUT


def test_hands_over_the_payload_and_starts_nothing_before_the_guards_word(container):
    container.listen()
    container.start("facts", OUT)
    header, segments = container.accept()
    for fd, content in ((header, b"a header"), (segments, b"segments" * 1000)):
        assert stat.S_ISREG(os.fstat(fd).st_mode)
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        assert flags & os.O_ACCMODE == os.O_RDONLY and not flags & os.O_PATH
        assert os.pread(fd, 1 << 20, 0) == content
        os.close(fd)
    assert container.says_nothing()
    assert container.lines() == []
    container.say("start 1")
    assert container.hear().startswith("started 1 landlock ")
    container.wait_for("done")


def test_the_model_has_what_was_rendered_and_nothing_else(container):
    container.begin("facts", OUT, options=["--env", "MODEL_X", "--env", "NOT_THERE"],
                    environment={"MODEL_X": "a b=c", "LD_PRELOAD": "/app/evil.so", "OTHER": "1"})
    lines = container.wait_for("done")
    assert [line for line in lines if line.startswith("env")] == ["env MODEL_X=a b=c"]
    assert "umask 7" in lines
    assert "folder /app" in lines
    assert "session 1" in lines
    assert "core 0" in lines
    assert [line for line in lines if line.startswith("fd")] == ["fd 0", "fd 1", "fd 2"]
    assert not [line for line in lines if line.startswith("blocked")]


def test_the_end_is_told_and_the_next_start_is_another_process(container):
    assert container.begin("exit", OUT, "3").startswith("started 1 ")
    assert container.hear() == "ended 1 exit 3"
    container.say("start 2")
    assert container.hear().startswith("started 2 ")
    assert container.hear() == "ended 2 exit 3"
    assert len([line for line in container.lines() if line.startswith("begun")]) == 2


def test_the_signal_that_ended_it_is_told(container):
    container.begin("abort", OUT)
    assert container.hear() == f"ended 1 signal {int(signal.SIGABRT)}"


def test_nothing_that_a_model_started_outlives_it(container):
    container.begin("leave", OUT)
    assert container.hear() == "ended 1 exit 0"
    assert len([line for line in container.lines() if line.startswith("left")]) == 3
    assert container.processes() == [str(container.first_process())]


def test_a_command_that_is_not_there_is_told(container):
    (container.root / "app/model").unlink()
    assert container.begin("facts", OUT) == "failed 1"
    assert container.says_nothing()
    container.link.close()
    status, log = container.wait()
    assert status == 0 and "there is no program /app/model" in log


def test_a_model_that_does_not_hear_is_killed_after_its_grace(container):
    container.begin("stubborn", OUT)
    container.wait_for("done")
    container.say("end 1 after 300")
    container.wait_for(f"signal {int(signal.SIGTERM)}")
    assert container.hear() == f"ended 1 signal {int(signal.SIGKILL)}"
    container.say("start 2")
    assert container.hear().startswith("started 2 ")


def test_an_end_that_crossed_its_model_is_of_no_other(container):
    container.begin("exit", OUT, "0")
    assert container.hear() == "ended 1 exit 0"
    container.say("end 1 after 0")
    assert container.says_nothing()


def test_it_ends_with_its_guard_and_the_model_with_it(container):
    container.begin("stubborn", OUT)
    container.wait_for("done")
    assert len(container.processes()) == 2
    container.link.close()
    status, _ = container.wait()
    assert status == 0
    assert f"signal {int(signal.SIGTERM)}" in container.lines()


def test_it_ends_with_a_guard_that_never_gave_its_word(container):
    container.listen()
    container.start("facts", OUT)
    for fd in container.accept():
        os.close(fd)
    container.link.close()
    assert container.wait()[0] == 0
    assert container.lines() == []


def test_without_a_guard_it_says_so(container):
    container.start("facts", OUT, options=["--patience", "0"])
    status, log = container.wait()
    assert status == 1 and "no guard at /mifeng/guard/start.sock" in log


def test_signals_are_passed_on_and_an_end_is_the_guards_to_decide(container):
    container.begin("signals", OUT)
    container.wait_for("done")
    for one in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(container.first_process(), one)
        container.wait_for(f"signal {int(one)}")
    os.kill(container.first_process(), signal.SIGTERM)
    assert container.hear() == "asked"
    assert container.says_nothing()
    assert len(container.processes()) == 2


def test_a_guard_that_says_what_no_guard_says_ends_it(container):
    for words in ("started 1 landlock 0", "start 2", "hello", "start 1 "):
        container.listen()
        container.start("facts", OUT)
        for fd in container.accept():
            os.close(fd)
        container.say(words)
        status, log = container.wait()
        assert status == 1 and log.startswith("mifeng-start: "), words
        container.link.close()
        container.listener.close()
        (container.root / "mifeng/guard/start.sock").unlink()
    assert container.lines() == []


def test_it_is_static_and_small(container):
    program = container.root / "mifeng/start/mifeng-start"
    headers = subprocess.run(["readelf", "--program-headers", "--wide", program], check=True, capture_output=True, text=True).stdout
    assert "LOAD" in headers and "INTERP" not in headers and "DYNAMIC" not in headers
    assert program.stat().st_size < 8 << 20
