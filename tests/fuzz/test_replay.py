"""Every fuzz target's corpus is replayed by `./test`, and a replay fails where it should."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(os.environ["MIFENG_SOURCE"])
BUILD = pathlib.Path(os.environ["MIFENG_BUILD"])
BROKEN = BUILD / "tests/fuzz/broken_fuzz"
FOUND = b"what was found in the night"
TARGETS = sorted(path for folder in ("apps", "libs", "nginx") for path in (ROOT / folder).rglob("*_fuzz.cpp"))


def replay(folder):
    return subprocess.run([BROKEN, folder], capture_output=True, text=True, timeout=60)


def test_a_corpus_without_a_find_passes(tmp_path):
    (tmp_path / "harmless").write_bytes(b"nothing is wrong here")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "nearly").write_bytes(FOUND[:-1] + b"T")
    result = replay(tmp_path)
    assert result.returncode == 0, result.stderr
    # Each as it is, and 200 changes of each that is not empty.
    assert result.stdout == "3 corpus files, 403 runs\n"


@pytest.mark.parametrize("name", ["found", "deeper/found", "zz"])
def test_one_entry_that_the_target_fails_at_fails_the_replay_and_is_named(tmp_path, name):
    (tmp_path / "harmless").write_bytes(b"nothing is wrong here")
    entry = tmp_path / name
    entry.parent.mkdir(exist_ok=True)
    entry.write_bytes(FOUND)
    result = replay(tmp_path)
    assert result.returncode != 0
    assert result.stderr == f"the target failed at {entry}\n"


def test_a_corpus_that_went_missing_fails(tmp_path):
    assert replay(tmp_path).returncode == 1
    assert replay(tmp_path / "nowhere").returncode != 0


@pytest.fixture(scope="module")
def replays():
    """The replays among the unit tests, of both builds that `./test` runs: name -> command. The build with the sanitizers
    may not have been built yet; whether its programs are there is for ctest to say."""
    asan = BUILD.parent / "asan"
    if not (asan / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "asan"], cwd=ROOT, check=True, capture_output=True, timeout=300)
    # As new as the sources.
    subprocess.run(["cmake", "--build", asan, "--target", "build.ninja"], check=True, capture_output=True, timeout=300)
    found = {}
    for build in (BUILD, asan):
        for listed in build.glob("*/*/CTestTestfile.cmake"):
            for name, program, corpus in re.findall(
                    r'^add_test\(\[=\[(fuzz[.]replay[.]\w+)\]=\] "(.*)" "(.*)"\)\n'
                    r'set_tests_properties\(\[=\[\1\]=\] PROPERTIES +LABELS "unit"', listed.read_text(), re.M):
                assert name not in found, f"{name} runs in both builds"
                found[name] = program, corpus
    return found


def test_there_are_targets():
    assert len(TARGETS) >= 18


@pytest.mark.parametrize("source", TARGETS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_target_has_a_corpus_that_is_replayed(source, replays):
    """Found by its source, so that one which nobody registered is missed."""
    library = next(folder for folder in source.parents if (folder / "CMakeLists.txt").exists())
    relative = source.relative_to(library)
    registered = re.search(rf"mifeng_fuzz\((\w+)\s+SOURCE {relative}\s+CORPUS (\S+)\s",
                           (library / "CMakeLists.txt").read_text())
    assert registered, f"{library.name}/CMakeLists.txt does not name {relative}"
    name, corpus = registered[1], library / registered[2]
    program, folder = replays[f"fuzz.replay.{name}"]
    assert pathlib.Path(program).name == name
    assert pathlib.Path(folder) == corpus
    tracked = subprocess.run(["git", "ls-files", "--", corpus], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tracked.stdout, f"{corpus} has no file that is in the repository"
