"""Roots of distributions where nothing was installed, made by mmdebstrap, and entered with a mount and a pid namespace of their
own. The mirror, proxy and index settings of this machine are taken along, since without them they could download nothing."""
import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

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
cd "$2"
exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${@:3}"
"""


def sources():
    listing = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
    return listing if listing.exists() else pathlib.Path("/etc/apt/sources.list")


def mirror():
    """Where this machine's apt has Debian 12 from, for another release of it."""
    text = sources().read_text()
    for stanza in text.split("\n\n"):
        if re.search(r"^Suites:.*\bbookworm( |$)", stanza, re.M):
            return re.search(r"^URIs:\s*(\S+)", stanza, re.M)[1]
    return re.search(r"^deb\s+(?:\[.*\]\s+)?(\S+)\s+bookworm\s", text, re.M)[1]


@contextlib.contextmanager
def root_of(suite, variant="apt", include=("ca-certificates", "bash", "mount")):
    # A container's root must not lie on an overlay, and has to be large: beside the build, not in /tmp.
    path = pathlib.Path(tempfile.mkdtemp(prefix="fresh-root-", dir=os.environ["MIFENG_BUILD"]))
    try:
        where = str(sources()) if suite == "bookworm" else f"deb {mirror()} {suite} main"
        subprocess.run(["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(include)}", suite, str(path), where],
                       check=True)
        settings = [file for file in pathlib.Path("/etc/apt/apt.conf.d").iterdir() if "Acquire" in file.read_text()]
        for here in [*map(pathlib.Path, TAKEN_ALONG), *settings]:
            there = path / str(here).lstrip("/")
            if here.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-rL", "--remove-destination", "-T", str(here), str(there)], check=True)
        yield path
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)


def run_in(root, *command, folder="/", environment=(), **more):
    """A command in the root, in a folder of it."""
    settings = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(PASSED_ON)]
    return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, "enter", str(root), folder,
                           *settings, *environment, *map(str, command)], text=True, **more)
