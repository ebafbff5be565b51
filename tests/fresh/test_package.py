"""What tools/package makes: all that programs need beside them and no path of this machine; and what it says where it does
not run. That it is the same bytes each time, and runs on a Debian 13, is in test_package_long.py."""
import os
import pathlib
import re
import subprocess

from conftest import PLAIN, SOURCE


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, capture_output=True, text=True).stdout.strip()


def listed(name):
    lines = (SOURCE / f"tools/setup/debian-{name}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_apt_is_told_what_run_installs(deb):
    depends = field(deb, "Depends").split(", ")
    assert depends[-len(listed("run")):] == listed("run")
    assert field(deb, "Recommends").split(", ") == listed("pack")
    # And what the programs are linked with, and the one nginx that the module fits.
    assert any(one.startswith("libc6 (>= ") for one in depends) and any(one.startswith("libssl3 (>= ") for one in depends)
    assert any(one.startswith("nginx-abi-1.22.1-") for one in depends)


def test_nothing_of_this_machine_is_in_it(unpacked, archive):
    for tree in (unpacked, archive):
        found = subprocess.run(["grep", "-rlF", "--", str(SOURCE), tree], capture_output=True, text=True)
        assert (found.returncode, found.stdout) == (1, ""), found.stdout
        assert [path for path in tree.rglob("*") if not path.exists()] == [], "a link leads nowhere"
        assert not [path for path in tree.rglob("*") if path.is_file() and not path.stat().st_mode & 0o444]


def test_programs_find_what_is_theirs_where_they_are(unpacked, delivery):
    doctor = subprocess.run([unpacked / "usr/bin/mifeng", "doctor"], capture_output=True, text=True, env=PLAIN, timeout=120)
    said = doctor.stdout + doctor.stderr
    for place in ("bin/mifengd", "bin/mifeng-gateway", "bin/ngx_http_mifeng.so", "guard-image"):
        assert re.search(rf"^ok .* {re.escape(str(unpacked / 'usr/lib/mifeng' / place))} *$", said, re.M), said
    assert (delivery / "wheat/wheat.mfpkg").exists()
    for program in ("mifengd", "mifeng-gateway"):
        done = subprocess.run([unpacked / "usr/bin" / program, "--version"], capture_output=True, text=True, env=PLAIN, timeout=60)
        assert done.returncode == 0 and field_version(unpacked) in done.stdout
    assert (unpacked / "usr/lib/mifeng/console/index.html").exists()
    for page in ("bash-completion/completions/mifeng", "zsh/vendor-completions/_mifeng", "fish/vendor_completions.d/mifeng.fish"):
        assert "mifeng" in (unpacked / "usr/share" / page).read_text()


def field_version(unpacked):
    return (unpacked / "usr/lib/mifeng/release").read_text().split()[1]


def test_licences_of_others_go_along(unpacked):
    licences = unpacked / "usr/share/doc/mifeng/licences"
    for name in ("debian/nginx", "debian/libc6", "debian/libboost-json1.81-dev", "npm/react"):
        assert "licen" in next(iter(licences.glob(name + "*"))).read_text().lower(), name


def started(script, **environment):
    return subprocess.run([script, "version"], capture_output=True, text=True, env={**PLAIN, **environment}, timeout=60)


def test_the_archive_says_which_c_library_it_needs(archive, tmp_path):
    """On this system, with a start that asks for more than this system has."""
    script = (archive / "bin/mifeng").read_text()
    needed = re.search(r"^needed=(2\.\d+)$", script, re.M)[1]
    assert started(archive / "bin/mifeng").stdout.startswith("mifeng ")
    # What the page for users says is what the programs ask for.
    for page in ("README.md", "README.zh-CN.md"):
        assert f"glibc {needed}" in (SOURCE / page).read_text(), page
    newer = tmp_path / "mifeng"
    newer.write_text(script.replace(f"needed={needed}", "needed=9.9"))
    newer.chmod(0o755)
    done = started(newer)
    has = os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Mifeng needs the C library glibc 9.9 or newer, and this system has {has}: use a newer release of it.\n"
    assert "需要 glibc 9.9" in started(newer, LC_ALL="zh_CN.UTF-8").stderr
    other = tmp_path / "other"
    other.write_text(re.sub(r"^machine=.*$", "machine=riscv64", script, flags=re.M))
    other.chmod(0o755)
    assert started(other).stderr == f"These programs are for riscv64, and this machine is {os.uname().machine}.\n"


def test_the_archive_says_so_where_there_is_no_glibc(archive, tmp_path):
    """As on a system whose C library has no getconf that knows of glibc: a PATH with the few tools that the start uses."""
    for tool in ("uname", "sort", "tail", "readlink"):
        (tmp_path / tool).symlink_to(pathlib.Path("/usr/bin", tool))
    done = started(archive / "bin/mifeng", PATH=str(tmp_path))
    assert done.returncode == 1 and "this system has another" in done.stderr
    assert "带 glibc 的发行版" in started(archive / "bin/mifeng", PATH=str(tmp_path), LC_ALL="", LANG="zh_CN.UTF-8").stderr
