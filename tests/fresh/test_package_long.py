"""What tools/package makes is the same bytes each time, and the archive runs on a Debian 13."""
import filecmp
import os
import subprocess

import roots
from conftest import package


def test_two_runs_give_the_same_bytes(made, tmp_path):
    again = package(tmp_path, TZ="Asia/Shanghai", LC_ALL="C", HOME=os.environ.get("HOME", "/root"))
    names = sorted(path.name for path in made.iterdir())
    assert len(names) == 2 and names == sorted(path.name for path in again.iterdir())
    assert filecmp.cmpfiles(made, again, names, shallow=False) == (names, [], [])


def test_the_archive_runs_on_debian_13(archive, delivery):
    with roots.root_of("trixie", variant="essential", include=("ca-certificates", "mount")) as root:
        subprocess.run(["cp", "-a", archive, root / "opt/mifeng"], check=True)
        subprocess.run(["cp", "-r", delivery, root / "root/delivery"], check=True)

        def mifeng(*arguments, program="mifeng"):
            done = roots.run_in(root, f"/opt/mifeng/bin/{program}", *arguments, folder="/root/delivery", capture_output=True,
                                timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        assert "trixie" in (root / "etc/os-release").read_text()
        assert mifeng("version") == f"mifeng {(archive / 'lib/mifeng/release').read_text().split()[1]}\n"
        assert "pack" in mifeng("--help")
        assert "greenfield" in mifeng("inspect", "wheat/wheat.mfpkg")
        mifeng("verify", "wheat/wheat.mfpkg", "--vendor", "vendor.pub")
        mifeng("init", "another", "--language", "python")
        mifeng("key", "generate", "--output-file", "own.pem", "--public", "own.pub.pem")
        for program in ("mifengd", "mifeng-gateway"):
            mifeng("--version", program=program)
