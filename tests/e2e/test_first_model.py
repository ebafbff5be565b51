"""docs/first-model.md, run as it stands: its indented lines, on an installation of its own."""
import os
import re
import subprocess

from installation import BIN, CACHE, SOURCE, wait_until

PAGE = SOURCE / "docs/first-model.md"


def commands(page):
    """The indented lines of a page, as one script."""
    return "\n".join(line[4:] for line in page.splitlines() if line.startswith("    ")) + "\n"


def test_the_page_works_as_it_stands(model_installation, folder):
    script = commands(PAGE.read_text())
    for ours, theirs in [("unix:/var/lib/mifeng/run/mifengd.sock", f"unix:{model_installation.data}/run/mifengd.sock"),
                         ("http://127.0.0.1:7081", model_installation.gateway)]:
        assert ours in script
        script = script.replace(ours, theirs)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "MIFENG_CACHE": str(CACHE),
                               "XDG_CONFIG_HOME": str(folder / "config"), "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert '{"sum":6.0}' in done.stdout, done.stdout + done.stderr
    # What the model's own port gave: a sealed response, told by its header.
    sealed = done.stdout[done.stdout.index('{"sum":6.0}'):]
    assert re.search(r"kind +response", sealed) and "6.0" not in sealed.removeprefix('{"sum":6.0}'), sealed
    # And nothing of it is left.
    wait_until(lambda: "wheat" not in model_installation.mifeng("get", "deployments", "-o", "name").stdout, what="deletion")
