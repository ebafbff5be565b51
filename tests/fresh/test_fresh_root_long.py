"""./run --once and ./test in a Debian 12 where nothing was installed: whether the package lists suffice, to build, to run
and to test. Nothing is cached either, so that these take as long as the first time on any machine.

The root is made by mmdebstrap with what every Debian has and apt; the mirror, proxy and index settings of this machine are
taken along, since without them it could download nothing. It is entered with a mount and a pid namespace of its own.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
# Settings of this machine that say how anything is downloaded.
TAKEN_ALONG = ["/etc/apt/auth.conf.d", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/resolv.conf", "/etc/hosts"]
PASSED_ON = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_",
             "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "npm_config_", "NPM_CONFIG_", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS")

ENTER = r"""
set -e
mount --bind "$1" "$1"
cd "$1"
mount --rbind /sys sys && mount --make-rslave sys
mount --rbind /dev dev && mount --make-rslave dev
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p old
pivot_root . old
umount -l old
cd /src
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${@:2}"
"""


def sources():
    listing = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
    return listing if listing.exists() else pathlib.Path("/etc/apt/sources.list")


@pytest.fixture
def root():
    # A container's root must not lie on an overlay, and has to be large: beside the build, not in /tmp.
    path = pathlib.Path(tempfile.mkdtemp(prefix="fresh-root-", dir=os.environ["MIFENG_BUILD"]))
    try:
        subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", "--include=ca-certificates,bash,mount", "bookworm",
                        str(path), str(sources())], check=True)
        settings = [file for file in pathlib.Path("/etc/apt/apt.conf.d").iterdir() if "Acquire" in file.read_text()]
        for here in [*map(pathlib.Path, TAKEN_ALONG), *settings]:
            there = path / str(here).lstrip("/")
            if here.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-rL", "--remove-destination", "-T", str(here), str(there)], check=True)
        # What is in the repository, as a clone would have it.
        source = path / "src"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(SOURCE), str(source)], check=True)
        yield path
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)


def enter(root, *command):
    """Returns exit status and standard output; all that was said stands in fresh-COMMAND.log in the build folder."""
    settings = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(PASSED_ON)]
    log = pathlib.Path(os.environ["MIFENG_BUILD"]) / f"fresh-{command[0].strip('./')}.log"
    with open(log, "w") as messages:
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, "enter",
                               str(root), *settings, *command], stdout=subprocess.PIPE, stderr=messages, text=True,
                              timeout=3 * 3600)
        messages.write(done.stdout)
    assert done.returncode == 0, log.read_text()[-6000:]
    return done.stdout


def test_run_once_on_a_fresh_debian(root):
    result = json.loads(enter(root, "./run", "--once").strip().splitlines()[-1])
    assert {model["name"] for model in result["models"]} >= {"digits", "tumor"}
    assert all(model["agreement"] == 1 and model["calls"] > 0 for model in result["models"]), result


def test_test_on_a_fresh_debian(root):
    last = enter(root, "./test").strip().splitlines()[-1]
    passed, failed = re.fullmatch(r"(\d+) passed, (\d+) failed", last).groups()
    assert int(passed) > 0 and failed == "0"
