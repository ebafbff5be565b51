"""Each check of tools/checks must find what it is there to find: it is run on a copy of the tree with one fault."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in ("libs/layers.txt", "libs/base", "tools/checks", ".clang-format"):
        source = ROOT / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, copy / name) if source.is_dir() else shutil.copy(source, copy / name)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    return copy


def run(tree, check):
    return subprocess.run([tree / "tools/checks" / check], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("check", ["layers", "hygiene", "format"])
def test_passes_on_the_clean_tree(tree, check):
    result = run(tree, check)
    assert result.returncode == 0, result.stdout + result.stderr


def test_layers_finds_an_arrow_that_goes_up(tree):
    (tree / "libs/base/src/clock.cpp").write_text('#include "mifeng/platform/people.h"\n')
    result = run(tree, "layers")
    assert result.returncode == 1
    assert "libs/base/src/clock.cpp:1: base may not include mifeng/platform/people.h" in result.stdout


def test_layers_lets_tests_alone_read_files(tree):
    (tree / "libs/base/src/clock_test.cpp").write_text('#include "mifeng/os/file.h"\n')
    (tree / "libs/base/src/test_clock.h").write_text('#include "mifeng/os/file.h"\n')
    assert run(tree, "layers").returncode == 0
    (tree / "libs/base/src/clock.cpp").write_text('#include "mifeng/os/file.h"\n')
    assert "libs/base/src/clock.cpp:1: base may not include mifeng/os/file.h" in run(tree, "layers").stdout


def test_layers_finds_a_private_header_in_a_public_one(tree):
    (tree / "libs/base/src/private.h").write_text("#pragma once\n")
    (tree / "libs/base/include/mifeng/base/clock.h").write_text('#include "private.h"\n')
    assert "a public header includes the private private.h" in run(tree, "layers").stdout


def test_layers_refuses_a_circle(tree):
    layers = tree / "libs/layers.txt"
    layers.write_text(layers.read_text().replace("base:\n", "base: rest\n", 1))
    result = run(tree, "layers")
    assert result.returncode == 1
    assert "base names rest before it is declared" in result.stderr


def test_layers_refuses_a_library_that_it_does_not_know(tree):
    (tree / "libs/stray").mkdir()
    assert "libs/stray: not in libs/layers.txt" in run(tree, "layers").stdout


def test_layers_finds_an_arrow_that_nothing_goes_along(tree):
    source = tree / "libs/json/src/json.cpp"
    source.parent.mkdir(parents=True)
    source.write_text("int nothing;\n")
    assert "libs/layers.txt: json names base and includes nothing of it" in run(tree, "layers").stdout
    source.write_text('#include "mifeng/base/bytes.h"\n')
    assert run(tree, "layers").returncode == 0


@pytest.mark.parametrize("line,what", [
    ("// TO" + "DO later", "a left-over marker"),
    ("// see /wo" + "rk/main/x", "a path of one machine"),
    ("-----BEGIN PRIVATE" + " KEY-----", "a private key"),
    ("\n" * 701, "split it"),
])
def test_hygiene_finds(tree, line, what):
    (tree / "libs/base/src/stray.cpp").write_text(line + "\n")
    result = run(tree, "hygiene")
    assert result.returncode == 1
    assert what in result.stdout


def test_format_finds_a_crooked_file(tree):
    (tree / "libs/base/src/stray.cpp").write_text("int   f( ) {return 1 ;}\n")
    result = run(tree, "format")
    assert result.returncode == 1
    assert "stray.cpp" in result.stderr
