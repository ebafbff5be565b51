"""mifeng-start runs unchanged in an image of Debian, in one with musl, and in an otherwise empty one; the guard's folder needs
nothing around it."""
import hashlib
import os
import pathlib

import pytest
from keyholders import debian_root, guard_folder


@pytest.mark.parametrize("flavour", ["glibc", "musl", "static"])
def test_the_same_first_process_runs_in_every_image(stage, flavour):
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng"
    cache.mkdir(parents=True, exist_ok=True)
    stage.prepare(flavour, debian_root(cache) if flavour == "glibc" else None)
    if flavour == "static":
        assert sorted(entry.name for entry in stage.image.root.iterdir()) == ["app", "dev", "mifeng", "proc", "sys", "tmp"]
    container = stage.container()
    container.wait_ready()
    assert container.call("/weights").status == 200
    pids = container.pids()
    assert ".so" not in pathlib.Path(f"/proc/{pids['mifeng-start'][0]}/maps").read_text()
    assert ("/ld-" in pathlib.Path(f"/proc/{pids['model'][0]}/maps").read_text()) == (flavour != "static")
    # Ours alone are the libraries of guard and nginx.
    for program in ("mifeng-guard", "nginx"):
        for line in pathlib.Path(f"/proc/{pids[program][0]}/maps").read_text().splitlines():
            if ".so" in line:
                assert line.split(maxsplit=5)[5].startswith("/mifeng/"), line


def test_the_folder_is_the_same_each_time(folder):
    def digest(path):
        names = sorted(p for p in path.rglob("*") if p.is_file())
        facts = [(str(p.relative_to(path)), p.stat().st_mode, int(p.stat().st_mtime), p.read_bytes()) for p in names]
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    made = guard_folder(folder)
    first = digest(made)
    assert digest(guard_folder(folder)) == first
    # No library comes along unnoticed.
    assert sum(path.stat().st_size for path in made.rglob("*") if path.is_file()) < 16 << 20
    assert {path.name.split(".so")[0] for path in (made / "lib").iterdir()} == {
        "ld-linux-x86-64", "libc", "libcrypt", "libcrypto", "libpcre2-8", "libssl", "libz"}
