"""mifengd off loopback speaks TLS and nothing else, and takes its master key from a file, a variable or a passphrase. A
network namespace of its own keeps what listens there away from everybody."""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import BIN

ADDRESS = "192.0.2.7"  # RFC 5737: nobody's
STARTED = r"""
set -e
ip link set lo up
ip addr add %(address)s/32 dev lo
exec 9>"$READY"
"$@" --ready-fd 9 2>"$LOG" &
pid=$!
exec 9>&-
for _ in $(seq 200); do [ -s "$READY" ] && break; kill -0 $pid || { cat "$LOG" >&2; exit 1; }; sleep 0.05; done
cat "$READY"
"""
INSIDE = STARTED + r"""url=https://%(address)s:7443/api/v1/system/health
echo "plain: $(curl -sS -o /dev/null -w '%%{http_code}' http://%(address)s:7443/api/v1/system/health 2>&1 || true)"
echo "unknown: $(curl -sS -o /dev/null -w '%%{http_code}' $url 2>&1 || true)"
echo "trusted: $(curl -sS --cacert "$CA" -w '%%{http_code}' -o /dev/null $url 2>&1)"
echo "cli: $(MIFENG_PLATFORM=https://%(address)s:7443 MIFENG_CA=$CA "$BIN/mifeng" get models 2>&1 || true)"
kill $pid
wait $pid
"""


def serve(folder, ca, *options):
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "READY": str(folder / "ready"),
                   "LOG": str(folder / "log"), "CA": str(ca), "BIN": str(BIN), "HOME": str(folder)}
    done = subprocess.run(["unshare", "-rn", "bash", "-c", INSIDE % {"address": ADDRESS}, "bash", BIN / "mifengd", "--data", folder / "data",
                           "--master-key", folder / "master.key", "--listen", f"{ADDRESS}:7443",
                           "--registry", "127.0.0.1:1", *map(str, options)],
                          capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(said):
    assert f'"url":"https://{ADDRESS}:7443"' in said
    plain = next(line for line in said.splitlines() if line.startswith("plain: "))
    assert plain.startswith("plain: curl: ("), "plain HTTP gets no answer"
    assert "certificate" in next(line for line in said.splitlines() if line.startswith("unknown: "))
    assert "trusted: 200" in said and "not-signed-in" in said


def test_a_self_made_certificate(tmp_path):
    check(serve(tmp_path, tmp_path / "data/tls/tls.crt"))


def test_a_given_certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-subj", "/CN=given",
                    "-addext", f"subjectAltName=IP:{ADDRESS}"], check=True, capture_output=True)
    check(serve(tmp_path, tmp_path / "cert.pem", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"))
    assert not (tmp_path / "data/tls").exists()


PUBLIC = STARTED + r"""echo "here: $(curl -sS -w '%%{http_code}' -o /dev/null http://127.0.0.1:7080/api/v1/system/health)"
echo "plain: $(curl -sS -o /dev/null -w '%%{http_code}' http://%(address)s:7443/api/v1/system/health 2>&1 || true)"
echo "trusted: $(curl -sS --cacert "$CA" -w '%%{http_code}' -o /dev/null https://%(address)s:7443/api/v1/system/health)"
for url in http://127.0.0.1:7080 https://%(address)s:7443; do
  echo "stranger: $(head -c 70000 /dev/zero | curl -sS --cacert "$CA" -w '%%{http_code}' -o /dev/null -H 'Content-Type: application/json' \
    --data-binary @- $url/api/v1/session)"
done
export MIFENG_PLATFORM=unix:$SOCKET
"$BIN/mifeng" gateway invite far --join-file "$SOCKET.far"
"$BIN/mifeng" gateway invite near --platform-url http://127.0.0.1:7080 --join-file "$SOCKET.near"
pin=$("$BIN/mifeng" key fingerprint "$CA")
echo "pinned: $(MIFENG_PLATFORM=https://%(address)s:7443 "$BIN/mifeng" get models --pin "$pin" 2>&1 || true)"
echo "other: $(MIFENG_PLATFORM=https://%(address)s:7443 "$BIN/mifeng" get models --pin "${pin%%%%?}" 2>&1 || true)"
kill $pid
wait $pid
"""


def public(folder, *options):
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "READY": str(folder / "ready"), "LOG": str(folder / "log"),
                   "CA": str(folder / "data/tls/tls.crt"), "BIN": str(BIN), "HOME": str(folder), "SOCKET": str(folder / "socket")}
    return subprocess.run(["unshare", "-rn", "bash", "-c", PUBLIC % {"address": ADDRESS}, "bash", BIN / "mifengd", "--data", folder / "data", "--master-key",
                           folder / "master.key", "--local-socket", folder / "socket", "--registry", "127.0.0.1:1", *map(str, options)],
                          capture_output=True, text=True, timeout=60, env=environment)


def test_a_second_listener_for_other_machines(tmp_path):
    done = public(tmp_path, "--listen", "127.0.0.1:7080", "--public-listen", f"{ADDRESS}:7443")
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert '"url":"http://127.0.0.1:7080"' in said and "here: 200" in said and "trusted: 200" in said
    assert "plain: curl: (" in said, "plain HTTP gets no answer"
    assert said.count("stranger: 413\n") == 2, "who has not signed in sends little, by either listener"
    assert "not-signed-in" in said.partition("pinned: ")[2].partition("other: ")[0]
    assert "bad-tls-certificate" in said.partition("other: ")[2]
    # A gateway elsewhere comes by the listener for others, whose certificate it pins; one that is sent to loopback pins nothing.
    far, near = (json.loads((tmp_path / f"socket.{name}").read_text()) for name in ("far", "near"))
    assert far["platform"] == f"https://{ADDRESS}:7443" and len(far["tls_certificate_sm3"]) == 64
    assert near["platform"] == "http://127.0.0.1:7080" and "tls_certificate_sm3" not in near


@pytest.mark.parametrize("options", [("--listen", "127.0.0.1:0", "--public-listen", ADDRESS), ("--listen", "127.0.0.1:0", "--public-listen", "0.0.0.0:7443"),
                                     ("--listen", f"{ADDRESS}:7080", "--public-listen", f"{ADDRESS}:7443")])
def test_a_second_listener_that_cannot_be(tmp_path, options):
    done = public(tmp_path, *options)
    assert done.returncode == 1 and "--public-listen" in done.stderr


class Daemon:
    """mifengd with a master key from somewhere; what it says when it does not start."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *options, env=None, pass_fds=(), look=lambda pid: None):
        reader, writer = os.pipe()
        process = subprocess.Popen(
            [BIN / "mifengd", "--data", self.folder / "data", "--listen", "127.0.0.1:0", "--registry", "127.0.0.1:1",
             "--ready-fd", str(writer), *map(str, options)],
            pass_fds=[writer, *pass_fds], stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], **(env or {})})
        os.close(writer)
        with os.fdopen(reader) as ready:
            started = bool(ready.readline())
        if started:
            look(process.pid)
            process.terminate()
        _, error = process.communicate(timeout=30)
        return started, error


KEY = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"


def test_a_master_key_from_a_variable_is_gone_from_the_environment(tmp_path):
    daemon = Daemon(tmp_path)

    def look(pid):
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert KEY.encode() not in environment and KEY[:16].encode() not in environment

    for _ in range(2):
        started, error = daemon.run("--master-key-env", "THE_KEY", env={"THE_KEY": KEY}, look=look)
        assert started, error
        assert KEY not in error
    for wrong, word in ((KEY[:-2] + "00", ""), (KEY[:-1], "bad-master-key"), ("z" * 64, "bad-master-key")):
        started, error = daemon.run("--master-key-env", "THE_KEY", env={"THE_KEY": wrong})
        assert not started and word in error and wrong not in error
    started, error = daemon.run("--master-key-env", "THE_KEY")
    assert not started and "no-master-key" in error


def test_a_master_key_from_a_passphrase(tmp_path):
    daemon = Daemon(tmp_path)
    secret = tmp_path / "passphrase"
    secret.write_text("a long sentence that nobody guesses\nand a line that does not count\n")
    assert daemon.run("--passphrase-file", secret)[0]

    # The same from a pipe; its key opens the same database.
    reader, writer = os.pipe()
    os.write(writer, b"a long sentence that nobody guesses")
    os.close(writer)
    started, error = daemon.run("--passphrase-fd", reader, pass_fds=[reader])
    os.close(reader)
    assert started, error

    secret.write_text("another sentence that is as long\n")
    started, error = daemon.run("--passphrase-file", secret)
    assert not started and "another sentence" not in error
    secret.write_text("short\n")
    assert "short-passphrase" in daemon.run("--passphrase-file", secret)[1]
    secret.write_text("a long sentence that nobody guesses\n")
    (tmp_path / "data/salt").rename(tmp_path / "salt")
    assert "no-salt" in daemon.run("--passphrase-file", secret)[1]
    assert daemon.run("--passphrase-file", secret, "--salt-file", tmp_path / "salt")[0]


@pytest.mark.parametrize("options", [[], ["--master-key", "/nonexistent/k", "--master-key-env", "X"],
                                     ["--passphrase-file", "DATA/p"], ["--master-key", "DATA/k"]])
def test_one_source_and_outside_of_what_it_protects(tmp_path, options):
    options = [option.replace("DATA", str(tmp_path / "data")) for option in options]
    done = subprocess.run([BIN / "mifengd", "--data", tmp_path / "data", *options], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 2 and "master key" in done.stderr.lower() or "outside --data" in done.stderr, done.stderr
