"""What a model tries against the first process of its container, and against the kernel: each comes to nothing."""
import os
import pathlib

import pytest
from container import OUT

EPERM = ("ptrace process_vm_readv process_vm_writev sched_setscheduler sched_setaffinity setpriority-process setpriority-group "
         "setpriority-user ioprio_set-process ioprio_set-user prlimit prlimit-wide setpriority-wide sched_setaffinity-wide pidfd_getfd unshare clone-newuser clone-newnet setns mount "
         "umount2 fsopen open_tree chroot bpf keyctl add_key userfaultfd perf_event_open name_to_handle_at open_by_handle_at int80 x32").split()


@pytest.fixture
def attacked(container):
    started = container.begin("attack", OUT)
    container.landlock = int(started.rsplit(" ", 1)[1])
    container.tried = container.results()
    return container


def test_system_calls_against_it_are_refused(attacked):
    assert {name: attacked.tried.get(name) for name in EPERM} == {name: "EPERM" for name in EPERM}
    assert attacked.tried["clone3"] == "ENOSYS" and attacked.tried["io_uring_setup"] == "ENOSYS"


def test_its_memory_descriptors_and_environment_are_closed(attacked):
    for name in ("open-mem", "open-environ", "list-fds"):
        assert attacked.tried[name] in ("EACCES", "EPERM"), name


def test_no_signal_of_the_models_reaches_it(attacked):
    assert attacked.tried["still-there"] == "ok"
    first = attacked.first_process()
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{first}/status").read_text().splitlines() if ":\t" in line)
    assert status["State"][0] == "S", "neither stopped nor ended"
    attacked.say("end 1 after 0")
    assert attacked.hear() == "ended 1 signal 15", "and it still hears its guard"


def test_its_scheduling_and_limits_are_as_they_were(attacked):
    first = attacked.first_process()
    assert os.sched_getscheduler(first) == os.SCHED_OTHER
    assert os.getpriority(os.PRIO_PROCESS, first) == os.getpriority(os.PRIO_PROCESS, 0)
    assert os.sched_getaffinity(first) == os.sched_getaffinity(0)


def test_the_sealed_payload_and_the_guards_folder_are_not_its_to_see(attacked):
    assert attacked.landlock > 0, "this kernel has no Landlock: what it would hold cannot be tested here"
    assert attacked.tried["read-sealed"] == "EACCES"
    assert attacked.tried["read-link"] == "EACCES"
    assert attacked.tried["write-app"] == "EACCES"
    assert attacked.tried["write-start"] == "EACCES"
    assert attacked.tried["read-app"] == attacked.tried["write-own"] == attacked.tried["write-tmp"] == "ok"


def test_an_ordinary_program_misses_nothing(container):
    container.begin("ordinary", OUT)
    tried = container.results()
    assert len(tried) == 13 and set(tried.values()) == {"ok"}, tried


@pytest.mark.parametrize("options, ip", [((), "ok"), (("--only-unix-sockets",), "EPERM")])
def test_only_unix_sockets_where_it_has_no_network(container, options, ip):
    container.begin("sockets", OUT, options=options)
    assert container.results() == {"inet": ip, "inet6": ip, "netlink": ip, "unix": "ok"}
