"""./run by somebody who is not root, with a real sudo: what is built belongs to them, and what needs root gets it.

The user exists in a mount namespace of the test's own. Compiler and mifeng are stand-ins that say who they are: the whole
thing is in the long test.
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
USER = 4321

# Real files of /etc with a user added; sudo trusts only what belongs to root.
ENTER = r"""
set -e
mount --make-rprivate /
for name in passwd shadow group; do
  cp -p "/etc/$name" "$1/$name"
  cat "$1/$name.more" >> "$1/$name"
  mount --bind "$1/$name" "/etc/$name"
done
chown root:root "$1/sudoers" && chmod 0440 "$1/sudoers"
mount --bind "$1/sudoers" /etc/sudoers
cd "$2"
exec setpriv --reuid 4321 --regid 4321 --clear-groups env -i HOME="$2/home" USER=modeller \
  PATH="$2/stand-ins:/usr/local/bin:/usr/bin:/bin" "${@:3}"
"""

SAY = """#!/bin/sh
printf '{"uid": %s, "arguments": "%s", "index": "%s", "proxy": "%s", "secret": "%s"}\\n' \\
  "$(id -u)" "$*" "$PIP_INDEX_URL" "$no_proxy" "$SOMETHING_ELSE"
"""


@pytest.fixture
def tree(tmp_path):
    """A checkout with nothing of weight in it, that belongs to the user."""
    tree = tmp_path / "tree"
    for name in ("run", "tools/setup", "CMakePresets.json"):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (SOURCE / name).is_dir() else shutil.copy2)(SOURCE / name, target)
    made = {"stand-ins/cmake": "#!/bin/sh\nid -u > built-by\n", "build/bin/mifeng": SAY, "build/release/build.ninja": "",
            "build/release/presets-used.json": (SOURCE / "CMakePresets.json").read_text()}
    for name, text in made.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
    (tree / "home").mkdir()
    for path in [tmp_path, *tmp_path.parents]:  # pytest's own folders are closed to others
        if path.stat().st_uid == os.getuid() and path.is_relative_to("/tmp") and path != pathlib.Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o711)
    for path in [tree, *tree.rglob("*")]:
        os.chown(path, USER, USER)
    return tree


@pytest.fixture
def run(tree, tmp_path):
    def run(sudoers, *arguments, **environment):
        etc = tmp_path / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "passwd.more").write_text(f"modeller:x:{USER}:{USER}::{tree}/home:/bin/sh\n")
        (etc / "shadow.more").write_text("modeller:*:19000:0:99999:7:::\n")
        (etc / "group.more").write_text(f"modeller:x:{USER}:\n")
        (etc / "sudoers").write_text("Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n" + sudoers)
        settings = [f"{name}={value}" for name, value in environment.items()]
        return subprocess.run(["unshare", "--mount", "bash", "-c", ENTER, "enter", str(etc), str(tree), "env", *settings,
                               "./run", *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return run


def test_what_is_built_is_the_users_and_what_runs_is_roots(tree, run):
    done = run("modeller ALL=(ALL:ALL) NOPASSWD: ALL\n", "--once", "--only", "tumor-cpp",
               PIP_INDEX_URL="https://example.com/simple", no_proxy="localhost", SOMETHING_ELSE="stays")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"uid": 0, "arguments": "up --once --only tumor-cpp",
                                       "index": "https://example.com/simple", "proxy": "localhost", "secret": ""}
    assert (tree / "built-by").read_text() == f"{USER}\n"


def test_without_anything_to_pass_on(run):
    done = run("modeller ALL=(ALL:ALL) NOPASSWD: ALL\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arguments"] == "up"


def test_a_user_who_may_not_is_told_by_sudo(run):
    done = run("")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "sudo" in done.stderr
