import os
import pathlib
import subprocess

import pytest

import support

SOURCE = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """card.json, delivery.key, vendor.key, vendor.pub of a platform and a vendor that exist only here."""
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([support.BUILD / "tests/package/make_card", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def cache():
    """Shared by runs, so that base images and wheels are fetched once on a machine."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng/packs"


@pytest.fixture(scope="session")
def debian_image(tmp_path_factory):
    """An OCI folder with Debian's C library and little else, as another tool would have written it."""
    folder = tmp_path_factory.mktemp("base")
    subprocess.run([SOURCE / "packs/common/base-image", "--packages", "libc6", "--out", folder / "root"], check=True,
                   stderr=subprocess.DEVNULL)
    tar = subprocess.run(["tar", "-C", folder / "root", "--sort=name", "-c", "."], check=True, capture_output=True).stdout
    support.write_image(folder / "image", tar)
    return folder / "image"


@pytest.fixture(scope="session")
def packed(tmp_path_factory, keys, cache):
    """packed("tumor-cpp") is the example's package, made once, and the copy of its project that it was made of."""
    made = {}

    def pack(example):
        if example not in made:
            folder = tmp_path_factory.mktemp(example)
            project = support.copy_project(SOURCE / "examples" / example, folder / "project")
            package = folder / f"{example}.mfpkg"
            support.pack(project, package, keys, cache)
            made[example] = (package, project)
        return made[example]
    return pack
