"""Packages on the command line: packed twice, broken in each part, inspected, and projects that cannot be packed."""
import io
import json
import os
import tarfile

import pytest

import support


def write_parts(path, parts):
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in parts:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    # Python fills an archive up to 10 KiB; ours ends after two blocks.
    os.truncate(path, sum(512 + (len(content) + 511) // 512 * 512 for _, content in parts) + 1024)
    return path


@pytest.fixture(scope="module")
def parts(packed):
    return support.read_parts(packed("tumor-cpp")[0])


def verify(path, keys):
    return support.mifeng("verify", path, "--vendor", keys / "vendor.pub", check=False)


def test_plain_layers_are_the_same_from_two_folders(packed, keys, cache, tmp_path):
    first, project = packed("tumor-cpp")
    other = support.copy_project(project, tmp_path / "elsewhere/deeper")
    support.pack(other, tmp_path / "second.mfpkg", keys, cache)
    a, b = support.manifest_of(first)["image"]["layers"], support.manifest_of(tmp_path / "second.mfpkg")["image"]["layers"]
    plain = [layer for layer in a if not layer["role"].startswith("payload")]
    assert [layer["role"] for layer in plain] == ["base"]
    assert plain == [layer for layer in b if not layer["role"].startswith("payload")]
    sealed = {layer["digest"] for layer in a if layer["role"].startswith("payload")}
    assert sealed.isdisjoint(layer["digest"] for layer in b)


def test_packing_again_does_nothing(packed, keys, cache):
    package, project = packed("tumor-cpp")
    before = package.stat()
    done = support.pack(project, package, keys, cache)
    assert "Nothing has changed" in done.stderr
    assert package.stat().st_mtime_ns == before.st_mtime_ns


def test_another_bit_in_any_part_is_refused_with_status_6(parts, keys, tmp_path):
    assert verify(write_parts(tmp_path / "same.mfpkg", parts), keys).returncode == 0
    for index, (name, content) in enumerate(parts):
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        path = write_parts(tmp_path / "changed.mfpkg", parts[:index] + [(name, bytes(changed))] + parts[index + 1:])
        done = verify(path, keys)
        assert done.returncode == 6, f"{name}: {done.stderr}"
        assert "error" in done.stderr and done.stdout == ""


def test_a_missing_document_is_named(parts, keys, tmp_path):
    for document in ("design", "usage", "test"):
        less = [part for part in parts if part[0] != f"documents/{document}.md"]
        done = verify(write_parts(tmp_path / "less.mfpkg", less), keys)
        assert done.returncode != 0
        assert f"the {document} document" in done.stderr


def test_another_vendors_key_is_refused(packed, tmp_path):
    support.mifeng("key", "generate", "--output-file", tmp_path / "k.pem", "--public", tmp_path / "k.pub")
    done = support.mifeng("verify", packed("tumor-cpp")[0], "--vendor", tmp_path / "k.pub", check=False)
    assert done.returncode == 6
    assert "not signed by the key" in done.stderr


def test_inspect(packed):
    package, _ = packed("tumor-cpp")
    shown = support.mifeng("inspect", package).stdout
    assert "acme" in shown and "tumor 1.0.0 (cpp)" in shown and "not verified" in shown
    facts = json.loads(support.mifeng("inspect", "-o", "json", package).stdout)
    assert facts == support.manifest_of(package)


def test_a_cut_package_is_refused(packed, keys, tmp_path):
    data = packed("tumor-cpp")[0].read_bytes()
    for size in (0, 100, 512, 5000, len(data) // 2, len(data) - 1):
        path = tmp_path / "cut.mfpkg"
        path.write_bytes(data[:size])
        done = verify(path, keys)
        assert done.returncode == 6, f"{size}: {done.stderr}"


@pytest.mark.parametrize("language", ["python", "cpp"])
def test_init_makes_a_project_that_packs_and_serves(language, keys, cache, tmp_path):
    support.mifeng("init", tmp_path / "adder", "--language", language, "--vendor", "my-company")
    package = tmp_path / "adder.mfpkg"
    support.pack(tmp_path / "adder", package, keys, cache)
    import yaml
    manifest = support.manifest_of(package)
    config = yaml.safe_load(dict(support.read_parts(package))["config.yaml"])
    root = support.unpack_image(package, tmp_path / "root")
    support.open_payload(root, keys, manifest)
    with support.serve(root, config, manifest) as model:
        assert model.connect().call("POST", "/predict", {"numbers": [1, 2.5]}) == (200, {"sum": 3.5})
        assert model.connect().call("POST", "/predict", {})[0] == 400
        assert model.other_sockets() == []
    again = support.mifeng("init", tmp_path / "adder", check=False)
    assert again.returncode == 5 and "not empty" in again.stderr


def broken(tmp_path, change):
    support.mifeng("init", tmp_path / "adder", "--language", "cpp")
    change(tmp_path / "adder")
    return tmp_path / "adder"


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


PROJECTS = {
    "line and column": (lambda p: replace(p / "mifeng.yaml", "  id: my-company", "  id: [my-company"), "mifeng.yaml:", 2),
    "unknown field": (lambda p: replace(p / "mifeng.yaml", "entry:", "entri: x\nentry:"), "mifeng.yaml:14:1: entri", 2),
    "no document": (lambda p: (p / "docs/usage.md").unlink(), "the usage document is missing", 2),
    "no deployment": (lambda p: (p / "deployment.yaml").unlink(), "there is no file", 2),
    "no pack": (lambda p: replace(p / "mifeng.yaml", "language: cpp", "language: cobol"), "there are: cpp,python", 2),
    "does not compile": (lambda p: replace(p / "src/model.cpp", "double sum = 0;", "double sum = ;"), "its last lines", 1),
    "no entry": (lambda p: replace(p / "mifeng.yaml", "model::predict", "predict"), "namespace::function", 1),
    "prepare fails": (lambda p: replace(p / "mifeng.yaml", "sources: [src]", "sources: [src]\nprepare: [sh, -c, exit 9]"),
                      "status 9", 1),
    "missing file": (lambda p: replace(p / "mifeng.yaml", "sources: [src]", "sources: [src]\nfiles: [weights.bin]"),
                     "weights.bin", 2),
}


@pytest.mark.parametrize("case", PROJECTS)
def test_a_project_that_cannot_be_packed_says_why(case, keys, cache, tmp_path):
    change, words, status = PROJECTS[case]
    project = broken(tmp_path, change)
    package = tmp_path / "out.mfpkg"
    package.write_bytes(b"what was there")
    done = support.pack(project, package, keys, cache, check=False)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert package.read_bytes() == b"what was there"
