"""The end of `./test`: what it prints of phases and tests, and that it fails where a test failed or a library was left out."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def report(folder, cases, libraries=None, phases="7 lint\n130 build release\n"):
    """Runs it on one JUnit report with cases (name, seconds, status)."""
    (folder / "phases").write_text(phases)
    (folder / "junit.xml").write_text("<testsuite>" + "".join(
        f'<testcase name="{name}" classname="{name}" time="{seconds}" status="{status}"/>' for name, seconds, status in cases) +
        "</testsuite>")
    more = []
    if libraries is not None:
        (folder / "libraries").write_text(libraries)
        more = ["--libraries", folder / "libraries"]
    return subprocess.run([ROOT / "tools/test_report.py", *more, folder / "phases", folder / "junit.xml"],
                          capture_output=True, text=True, timeout=60)


def test_phases_slowest_tests_and_counts(tmp_path):
    cases = [(f"base.Quick.T{number}", 0.01, "run") for number in range(5)]
    cases += [(f"base.Slow.T{number}", number, "run") for number in range(1, 31)]
    done = report(tmp_path, cases)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "35 passed, 0 failed"
    listed = re.findall(r"^ +(\d+) s  (.+)$", done.stdout, re.M)
    assert listed[:3] == [("7", "lint"), ("130", "build release"), ("137", "all")]
    assert listed[3:] == [(str(number), f"base.Slow.T{number}") for number in range(30, 10, -1)]


@pytest.mark.parametrize("status", ["fail", "notrun", "disabled"])
def test_what_did_not_pass_is_named_and_fails(tmp_path, status):
    done = report(tmp_path, [("base.A.B", 1, "run"), ("base.A.C", 1, status)])
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["failed: base.A.C", "1 passed, 1 failed"]


def test_no_test_at_all_fails(tmp_path):
    assert report(tmp_path, []).returncode == 1


def test_a_library_whose_tests_ran_nowhere_is_named_and_fails(tmp_path):
    cases = [("base.A.B", 1, "run"), ("sealed.A.B", 1, "run")]
    assert report(tmp_path, cases, "base here\nsealed elsewhere\n").returncode == 0
    done = report(tmp_path, cases, "base here\nseal elsewhere\nsealed elsewhere\n")
    assert done.returncode == 1
    assert "no unit test of libs/seal ran in any build" in done.stdout


def test_a_name_that_no_library_has_is_refused_with_those_there_are():
    done = subprocess.run([ROOT / "test", "unit", "nobody"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert re.search(r"no library with unit tests is called 'nobody'; there are: .*\bcrypto\b.*\bsealed\b", done.stderr)
