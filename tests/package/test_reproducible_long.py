"""The examples packed twice, in two folders, with two empty caches: all that is not sealed has the same digests, and what
was sealed is the same too."""
import hashlib
import shutil

import pytest

import support
from conftest import SOURCE


@pytest.mark.parametrize("example", ["tumor-cpp", "digits-python"])
def test_two_folders_and_two_empty_caches_give_the_same_image(example, keys, tmp_path):
    manifests, payloads = [], []
    for name in ("one", "another-longer-name"):
        folder = tmp_path / name
        folder.mkdir()
        project = support.copy_project(SOURCE / "examples" / example, folder / "project")
        package = folder / "model.mfpkg"
        support.pack(project, package, keys, folder / "cache")
        manifests.append(support.manifest_of(package))
        root = support.unpack_image(package, folder / "root")
        files = support.open_payload(root, keys, manifests[-1])
        payloads.append({path: hashlib.sha256((root / "app" / path).read_bytes()).hexdigest() for path in files})
        if example == "digits-python":
            # Bytecode of the standard library and of every dependency is there, and is part of what is compared.
            assert len(list((root / "usr/lib/python3.11").rglob("*.pyc"))) > 100
            assert len(list((root / "usr/local/lib/python3.11").rglob("*.pyc"))) > 1000
        for large in (root, folder / "cache"):
            shutil.rmtree(large)
    one, other = ({layer["role"]: layer for layer in manifest["image"]["layers"]} for manifest in manifests)
    plain = {"base"} | ({"dependencies"} if "dependencies" in one else set())
    for role in plain:
        assert one[role] == other[role], role
    # Sealed with other keys each time.
    assert one["payload-segments"]["digest"] != other["payload-segments"]["digest"]
    assert payloads[0] == payloads[1]
    assert manifests[0]["payload"]["plaintext_size"] == manifests[1]["payload"]["plaintext_size"]
