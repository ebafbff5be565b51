"""Where models are packed: as a user with and without subuids, as somebody whom /etc/passwd does not know, as a root that may do
nothing (CI containers), and on a Linux that is no Debian. The same base layer comes out everywhere.

The users exist in a mount namespace of the test's own; the programs are copied to where they may read them.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

import support
from conftest import SOURCE

USER = 4321
# Files of /etc with a user added, then the command as whoever $1 says. `none` takes subuids away from everybody.
ENTER = r"""
set -e
mount --make-rprivate /
who=$1 place=$2; shift 2
for name in passwd shadow group subuid subgid; do
  touch "/etc/$name"
  cat "/etc/$name" > "$place/$name"
  if [ "$name" = subuid ] || [ "$name" = subgid ]; then
    if [ "$who" = with-subuids ]; then echo modeller:200000:65536 > "$place/$name"; else : > "$place/$name"; fi
  elif [ "$who" != unknown ]; then
    cat "$place/$name.more" >> "$place/$name"
  fi
  mount --bind "$place/$name" "/etc/$name"
done
cd "$place/home"
case $who in
  root-without-rights)
    exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all env -i HOME="$place/home" PATH=/usr/bin:/bin "$@" ;;
  unknown)
    exec setpriv --reuid 4321 --regid 4321 --clear-groups env -i HOME="$place/home" PATH=/usr/bin:/bin "$@" ;;
  *)
    exec runuser -u modeller -- env -i HOME="$place/home" PATH=/usr/bin:/bin "$@" ;;
esac
"""


@pytest.fixture
def place():
    """Programs, packs, a project and keys that everybody may read, and a home that belongs to the user."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vendor-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        (folder / "build/bin").mkdir(parents=True)
        shutil.copy2(support.BIN / "mifeng", folder / "build/bin")
        shutil.copytree(SOURCE / "packs", folder / "build/packs", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "home").mkdir()
        for name, text in {"passwd": f"modeller:x:{USER}:{USER}::{folder}/home:/bin/sh\n", "shadow": "modeller:*:19000:0:99999:7:::\n",
                           "group": f"modeller:x:{USER}:\n"}.items():
            (folder / f"{name}.more").write_text(text)
        yield folder
    finally:
        shutil.rmtree(folder)


def everybody_may_read(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))


def as_somebody(who, place, *command, before="", **environment):
    """`before`: what is done to the machine first, as root, and for this command alone."""
    if who != "root-without-rights":
        subprocess.run(["chown", "-R", f"{USER}:{USER}", place / "home"], check=True)
    settings = [f"{name}={value}" for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith("PIP_")]
    settings += [f"{name}={value}" for name, value in environment.items()]
    return subprocess.run(["unshare", "--mount", "bash", "-c", before + ENTER, "enter", who, place, "env", *settings, *map(str, command)],
                          capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)


def layers(package):
    return {layer["role"]: layer["diff_id"] for layer in support.manifest_of(package)["image"]["layers"]}


@pytest.fixture(scope="module")
def of_root(keys, cache, tmp_path_factory):
    """The project, and what root on a whole machine makes of it."""
    folder = tmp_path_factory.mktemp("of-root")
    support.mifeng("init", folder / "adder", "--language", "cpp", "--vendor", "acme")
    support.pack(folder / "adder", folder / "adder.mfpkg", keys, cache)
    return folder


@pytest.mark.parametrize("who", ["with-subuids", "without-subuids", "unknown", "root-without-rights"])
def test_somebody_without_rights_packs_the_same_base(who, place, of_root, keys, cache):
    shutil.copytree(of_root / "adder", place / "home/adder")
    for name in ("card.json", "vendor.key"):
        shutil.copy2(keys / name, place / "home")
    everybody_may_read(place / "home")
    # Their own cache, so that the base is made by them; what the compiler made of our server is not what is asked here.
    shutil.copytree(cache / "cpp/server", place / "home/.cache/mifeng/packs/cpp/server")
    done = as_somebody(who, place, place / "build/bin/mifeng", "pack", "adder", "--for", "card.json", "--sign", "vendor.key")
    assert done.returncode == 0, done.stderr
    assert "fetching" in done.stderr, "the base layer was not made by this user"
    assert layers(place / "home/adder/adder.mfpkg")["base"] == layers(of_root / "adder.mfpkg")["base"]
    support.mifeng("verify", place / "home/adder/adder.mfpkg", "--vendor", keys / "vendor.pub")
    made_by = {path.stat().st_uid for path in (place / "home/.cache").rglob("*.tar.gz")}
    assert made_by == {0 if who == "root-without-rights" else USER}


def test_lists_of_packages_that_were_cleaned_away_are_fetched_into_the_cache(place):
    """As images of containers have it: no lists of apt, and nobody who may fetch them for the machine."""
    tool = [place / "build/packs/common/base-image", "--packages", "libc6", "--cache", place / "home/cache", "--key"]
    plain = as_somebody("without-subuids", place, *tool)
    assert plain.returncode == 0, plain.stderr
    assert not (place / "home/cache").exists()
    done = as_somebody("without-subuids", place, *tool, before="mount -t tmpfs tmpfs /var/lib/apt/lists")
    assert done.returncode == 0, done.stderr
    assert "fetching some" in done.stderr
    assert re.fullmatch(r"[0-9a-f]{64}\n", plain.stdout) and re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)
    # Kept for the day: asked again, nothing is fetched.
    again = as_somebody("without-subuids", place, *tool, before="mount -t tmpfs tmpfs /var/lib/apt/lists")
    assert again.stdout == done.stdout and "fetching" not in again.stderr


def test_a_cache_that_cannot_be_made_is_said_with_what_helps(place, of_root, keys):
    shutil.copytree(of_root / "adder", place / "home/adder")
    for name in ("card.json", "vendor.key"):
        shutil.copy2(keys / name, place / "home")
    everybody_may_read(place / "home")
    done = as_somebody("unknown", place, place / "build/bin/mifeng", "pack", "adder", "--for", "card.json", "--sign", "vendor.key",
                       XDG_CACHE_HOME="/proc/cache")
    assert done.returncode == 2
    assert "--cache" in done.stderr and "[no-cache]" in done.stderr


# What is Debian's, covered up; the machine then calls itself something else.
NO_DEBIAN = r"""
set -e
printf 'NAME="Fedora Linux"\nPRETTY_NAME="Fedora Linux 41"\nID=fedora\nVERSION_ID=41\n' > "$1/os-release"
mount --bind "$1/os-release" /etc/os-release
for program in dpkg dpkg-query dpkg-deb apt apt-get apt-cache mmdebstrap; do mount --bind /dev/null "/usr/bin/$program"; done
shift
exec "$@"
"""


def without_debian(folder, *command):
    return subprocess.run(["unshare", "--mount", "bash", "-c", NO_DEBIAN, "no-debian", folder, *map(str, command)],
                          capture_output=True, text=True, timeout=900)


def test_without_debian_a_base_of_ones_own_is_asked_for_and_suffices(debian_image, of_root, keys, tmp_path):
    command = [support.BIN / "mifeng", "pack", of_root / "adder", "--for", keys / "card.json", "--sign", keys / "vendor.key",
               "--cache", tmp_path / "cache", "--output-file", tmp_path / "adder.mfpkg"]
    refused = without_debian(tmp_path, *command)
    assert refused.returncode == 1
    assert "this is Fedora Linux 41" in refused.stderr and "--base oci:FOLDER" in refused.stderr
    assert "compiling" not in refused.stderr, "the vendor waited for the compiler first"
    done = without_debian(tmp_path, *command, "--base", f"oci:{debian_image}:12")
    assert done.returncode == 0, done.stderr
    support.mifeng("verify", tmp_path / "adder.mfpkg", "--vendor", keys / "vendor.pub")
    assert list(layers(tmp_path / "adder.mfpkg")) == ["base", "dependencies", "payload-header", "payload-segments"]


def test_what_is_missing_on_debian_is_said_before_anything_is_compiled(of_root, keys, tmp_path):
    cover = 'mount --bind /dev/null /usr/bin/mmdebstrap; exec "$@"'
    done = subprocess.run(["unshare", "--mount", "bash", "-ec", cover, "cover", support.BIN / "mifeng", "pack", of_root / "adder",
                           "--for", keys / "card.json", "--sign", keys / "vendor.key", "--cache", tmp_path / "cache",
                           "--output-file", tmp_path / "adder.mfpkg"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "apt-get install mmdebstrap" in done.stderr and "base: oci:FOLDER" in done.stderr
    assert "compiling" not in done.stderr


def findings(text):
    rows = [line.split(None, 1) for line in text.splitlines()[1:]]
    return {rest.split("  ")[0]: (state, rest) for state, rest in rows}


def test_doctor_looks_at_packing_alone(place):
    done = as_somebody("without-subuids", place, place / "build/bin/mifeng", "doctor", "--pack")
    assert done.returncode == 0, done.stdout + done.stderr
    found = findings(done.stdout)
    assert found["rights"][0] == "ok" and f"uid {USER}; packing needs neither root nor subuids" in found["rights"][1]
    for what in ("mmdebstrap", "podman", "port of the platform", "guard image"):
        assert what not in found
    for what in ("base images of Debian packages", "gcc", "python3.11", "headers for Python models", "cache", "SM2 in OpenSSL"):
        assert found[what][0] == "ok", done.stdout
    assert list((place / "home").iterdir()) == [], "doctor only looks"


def test_doctor_says_what_packing_lacks(place):
    cover = 'mount -t tmpfs tmpfs /usr/include/nlohmann; mount --bind /dev/null /usr/bin/mmdebstrap; exec "$@"'
    done = subprocess.run(["unshare", "--mount", "bash", "-ec", cover, "cover", support.BIN / "mifeng", "doctor", "--pack", "--cache",
                           "/proc/cache"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    found = findings(done.stdout)
    assert found["base images of Debian packages"][0] == "missing"
    assert "apt-get install mmdebstrap" in found["base images of Debian packages"][1] and "base:" in found["base images of Debian packages"][1]
    assert found["headers for C++ models: nlohmann JSON"][0] == "missing"
    assert "nlohmann-json3-dev" in found["headers for C++ models: nlohmann JSON"][1]
    elsewhere = without_debian(place, support.BIN / "mifeng", "doctor", "--pack")
    assert elsewhere.returncode == 0, elsewhere.stdout
    assert findings(elsewhere.stdout)["base images of Debian packages"][0] == "warning"
    assert "`base:` in mifeng.yaml, --base" in findings(elsewhere.stdout)["system"][1]
