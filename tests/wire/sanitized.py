"""Programs built with AddressSanitizer and UndefinedBehaviorSanitizer, and tests run once more with them."""
import os
import subprocess
import sys

import wire

FOLDER = wire.BUILD.parent / "asan-programs"


def build(*targets):
    """Returns the folder with the programs."""
    configure = ["cmake", "-S", wire.SOURCE, "-B", FOLDER, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                 "-DMIFENG_SANITIZE=address,undefined", "-DBUILD_TESTING=ON", "-DCMAKE_C_COMPILER_LAUNCHER=ccache",
                 "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    for command in (configure, ["cmake", "--build", FOLDER, "-j2", "--target", *targets]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return FOLDER / "bin"


def library(name):
    path = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
    assert os.path.isabs(path), f"{name} is not installed"
    return os.path.realpath(path)


def options(reports):
    """Settings of the sanitizers for processes that write what they report to files `reports`.PID, and at their end that
    they had the sanitizer."""
    # Leaks: nginx frees nothing at its end, and what looks for them would have to attach to processes that forbid it.
    return {"ASAN_OPTIONS": f"detect_leaks=0:atexit=1:log_path={reports}",
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={reports}"}


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
