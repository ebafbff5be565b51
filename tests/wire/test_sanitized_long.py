"""The module under AddressSanitizer and UndefinedBehaviorSanitizer, inside a real nginx: built with them, and tests of the
wire run once more with that. Nothing may be reported."""
import os
import pathlib
import subprocess
import sys

import pytest
import wire

# Left out: a sanitizer takes memory of its own, and gives none back at once.
MEASURES_MEMORY = "tables_change_under_load"
FOLDER = wire.BUILD.parent / "asan-module"


@pytest.fixture(scope="module")
def built():
    configure = ["cmake", "-S", wire.SOURCE, "-B", FOLDER, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                 "-DMIFENG_SANITIZE=address,undefined", "-DBUILD_TESTING=OFF", "-DCMAKE_C_COMPILER_LAUNCHER=ccache",
                 "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    for command in (configure, ["cmake", "--build", FOLDER, "-j2", "--target", "ngx_http_mifeng"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return FOLDER / "bin"


def library(name):
    path = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
    assert os.path.isabs(path), f"{name} is not installed"
    return os.path.realpath(path)


def run_again(tests, environment, reports):
    """Runs tests in a process of their own; nothing may be reported in the files `reports`.PID."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=3000)
    texts = {path.name: path.read_text(errors="replace") for path in reports.parent.glob(reports.name + ".*")}
    for name, text in texts.items():
        assert "ERROR: AddressSanitizer" not in text and "runtime error:" not in text, f"{name}:\n{text[:6000]}"
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-4000:]
    # Each process says at its end that it had the sanitizer: else all of this would have shown nothing.
    assert any("AddressSanitizer exit stats" in text for text in texts.values()), texts.keys()


def options(reports):
    # Leaks: nginx frees nothing at its end, and what looks for them would have to attach to processes that forbid it.
    return f"detect_leaks=0:atexit=1:log_path={reports}"


def test_the_module_in_nginx(built, tmp_path):
    reports = tmp_path / "report"
    program = tmp_path / "nginx"
    preload = f"{library('libasan.so')} {library('libstdc++.so')}"
    program.write_text(f"#!/bin/sh\nexport ASAN_OPTIONS='{options(reports)}' UBSAN_OPTIONS='print_stacktrace=1:log_path={reports}'"
                       f"\nexport LD_PRELOAD='{preload}'\nexec {wire.NGINX} \"$@\"\n")
    program.chmod(0o755)
    here = pathlib.Path(__file__).parent
    run_again([here / f"test_{name}.py" for name in ("calls", "routes", "attacks")] + ["-k", f"not {MEASURES_MEMORY}"],
              {"MIFENG_TEST_MODULE": str(built / "ngx_http_mifeng.so"), "MIFENG_TEST_NGINX": str(program)}, reports)
