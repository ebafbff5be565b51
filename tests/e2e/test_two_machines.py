"""docs/two-machines.md, followed word for word on machines of its own: network namespaces that see nothing of each other but a wire. What a person hands
over or reads out is handed over and read out here."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from installation import BIN, CACHE, SOURCE, interruptible, processes, wait_until

PAGE = SOURCE / "docs/two-machines.md"
FINGERPRINT = r"(?:[0-9A-F]{4} ){15}[0-9A-F]{4}"
ADDRESSES = {"platform": "192.0.2.10", "vendor": "192.0.2.20", "application": "192.0.2.30"}  # RFC 5737: nobody's


class Machine:
    """A network and a mount namespace, a home, and the environment that its commands have exported."""

    def __init__(self, name, folder, hub):
        self.name, self.home, self.exports, self.shown = name, folder / name, [], ""
        self.home.mkdir()
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-ec", "ip link set lo up; echo up; exec sleep infinity"],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "up\n"
        if hub is not None:
            wire = f"w-{name[:8]}"
            self.ip(hub.holder.pid, f"link add {wire} type veth peer name eth0 netns {self.holder.pid}")
            self.ip(hub.holder.pid, f"link set {wire} master hub")
            self.ip(hub.holder.pid, f"link set {wire} up")
            self.ip(self.holder.pid, f"address add {ADDRESSES[name]}/24 dev eth0")
            self.ip(self.holder.pid, "link set eth0 up")

    @staticmethod
    def ip(pid, words):
        subprocess.run(["nsenter", "--net", "--target", str(pid), "ip", *words.split()], check=True,
                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})

    def command(self, script):
        environment = {"HOME": str(self.home), "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8",
                       "MIFENG_CACHE": str(CACHE)}
        return (["nsenter", "--net", "--mount", "--target", str(self.holder.pid), "env", "-i", "-C", str(self.home),
                 *(f"{name}={value}" for name, value in environment.items()), "bash", "-euo", "pipefail", "-c",
                 "\n".join([*self.exports, script])])

    def run(self, script, check=True):
        done = subprocess.run(self.command(script), capture_output=True, text=True, timeout=600)
        self.exports += [line for line in script.splitlines() if line.startswith("export ")]
        self.shown += done.stdout + done.stderr
        assert done.returncode == 0 or not check, script + "\n" + done.stdout + done.stderr
        return done

    def end(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def machines(folder):
    hub = Machine("hub", folder, None)
    Machine.ip(hub.holder.pid, "link add hub type bridge")
    Machine.ip(hub.holder.pid, "link set hub up")
    made = {name: Machine(name, folder, hub) for name in ADDRESSES}
    # The page's data folder, which on the test's own machine belongs to somebody else.
    (folder / "kept").mkdir()
    made["platform"].run(f"mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/mifeng && mount --bind {folder}/kept /var/lib/mifeng")
    try:
        yield made
    finally:
        for machine in [*made.values(), hub]:
            machine.end()


@pytest.fixture
def packs_are_cached(folder):
    """The vendor's machine sees no mirror: what packing fetches is fetched before, as on his last working day."""
    run = {"cwd": folder, "check": True, "capture_output": True, "timeout": 600}
    (folder / "before").mkdir()
    subprocess.run([os.environ["MIFENG_BUILD"] + "/tests/package/make_card", "before"], **run)
    subprocess.run([BIN / "mifeng", "init", "before/wheat", "--language", "cpp"], **run)
    subprocess.run([BIN / "mifeng", "pack", "before/wheat", "--for", "before/card.json", "--sign", "before/vendor.key", "--cache", CACHE], **run)


def steps(page):
    """Of each section its machine, then its blocks of commands and what is handed over, in their order."""
    for title, text in re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", page, flags=re.M):
        machine = re.search(r"\(the (\w+)'s machine\)$", title)[1]
        for part in re.split(r"\n\n", text):
            if part.strip("\n").startswith("    "):
                yield machine, "run", "\n".join(line[4:] for line in part.strip("\n").splitlines())
            elif part.startswith("Hand over "):
                to = re.search(r"to the (\w+)'s machine", part)[1]
                yield machine, to, re.findall(r"`([^`]+)`", part)


def start_up(machine, command):
    """`mifeng up`, which stays; what it printed."""
    assert command.startswith("sudo mifeng up ")  # the test is root already
    process = subprocess.Popen(machine.command("exec " + command.removeprefix("sudo ") + " --port-range 31000-31063 2> up.stderr"),
                               stdout=open(machine.home / "up.stdout", "w"), preexec_fn=interruptible)
    said = machine.home / "up.stdout"
    wait_until(lambda: "Ctrl-C" in said.read_text() or process.poll() is not None, 120,
               lambda: (machine.home / "up.stderr").read_text())
    assert process.poll() is None, (machine.home / "up.stderr").read_text()
    return process, said.read_text()


def test_the_page_works_as_it_stands(machines, packs_are_cached, folder):
    platform, vendor, application = (machines[name] for name in ("platform", "vendor", "application"))
    read_out = {}
    process, answer, ran = None, None, 0
    try:
        for name, what, given in steps(PAGE.read_text()):
            machine = machines[name]
            if what != "run":
                for file in given:
                    shutil.copy2(machine.home / file, machines[what].home)
                continue
            for word, heard in read_out.items():
                given = given.replace(f"'{word}'", f"'{heard}'")
            ran += 1
            if "mifeng up" in given:
                process, said = start_up(machine, given)
                assert "https://192.0.2.10:7080" in said and "https://192.0.2.10:7081" in said, said
                read_out["PIN"] = re.search(rf"^pin +({FINGERPRINT})$", said, flags=re.M)[1]
                read_out["GATEWAY-PIN"] = re.search(rf"^gateway's pin +({FINGERPRINT})$", said, flags=re.M)[1]
            elif "mifeng call " in given:  # and not `mifeng caller`
                wait_until(lambda line=given: machine.run(line, check=False).returncode == 0, 30, lambda: machine.shown)
                answer = machine.run(given).stdout
            else:
                done = machine.run(given)
                if "key fingerprint card.json" in given:  # what the operator's terminal shows, and so reads out
                    assert done.stdout.strip() == re.search(rf"fingerprint: ({FINGERPRINT})", platform.shown)[1]
                if "key fingerprint vendor.pub.pem" in given:
                    read_out["FINGERPRINT"] = done.stdout.strip().splitlines()[-1]
        assert ran == 8 and json.loads(answer) == {"sum": 6.0}

        # One notation: what pack, inspect and fingerprint say of card and key is the same.
        of_platform = re.search(rf"fingerprint: ({FINGERPRINT})", platform.shown)[1]
        assert f"whose fingerprint is {of_platform}" in vendor.shown
        assert f"Signed with the key {read_out['FINGERPRINT']}" in vendor.shown
        assert re.search(rf"sealed for +\S+, identity key {of_platform[:19]} \.\.\.", vendor.shown), vendor.shown
        assert vendor.run("mifeng key fingerprint wheat/wheat.mfpkg").stdout.strip() == read_out["FINGERPRINT"]
        assert vendor.run("mifeng key fingerprint vendor.pem").stdout.strip() == read_out["FINGERPRINT"]

        # A platform that is another one, and a gateway that is another one, are not talked to, however the pin is typed.
        wrong = read_out["PIN"][:-1] + ("0" if read_out["PIN"][-1] != "0" else "1")
        login = "mifeng login --platform https://192.0.2.10:7080 --pin '{}' --name zhang --password-file my.password"
        refused = vendor.run(login.format(wrong), check=False)
        assert refused.returncode == 6 and "bad-tls-certificate" in refused.stderr
        vendor.run(login.format(read_out["PIN"].lower().replace(" ", ":")))
        refused = application.run("mifeng call /wheat/predict --gateway https://192.0.2.10:7081 --key-file ward-7.key --gateway-pin "
                                  f"'{wrong}'", check=False)
        assert refused.returncode == 6

        # Nothing else of the platform's machine is open to others.
        open_ports = platform.run("ss -Htlpn | awk '{print $4}'").stdout.split()
        assert {port for port in open_ports if not re.match(r"127\.0\.0\.1:|\[::1\]:", port)} == {"192.0.2.10:7080", "192.0.2.10:7081"}
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 0
    assert [words for _, _, words in processes() if any("/var/lib/mifeng/podman" in word for word in words)] == []
