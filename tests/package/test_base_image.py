"""A base image that the vendor names, with a real model on it: its program runs where nothing but the C library is."""
import subprocess

import yaml

import support


def test_a_model_serves_on_it(debian_image, keys, cache, tmp_path):
    support.mifeng("init", "--language", "cpp", "--name", "adder", "--vendor", "acme", tmp_path / "project")
    project = tmp_path / "project"
    text = (project / "mifeng.yaml").read_text()
    (project / "mifeng.yaml").write_text(text + f"base: oci:{debian_image}:12\n")
    package = tmp_path / "adder.mfpkg"
    done = support.pack(project, package, keys, cache)
    assert "has to bring what these Debian packages do: libstdc++6" in done.stderr
    support.mifeng("verify", package, "--vendor", keys / "vendor.pub")
    manifest = support.manifest_of(package)
    assert [layer["role"] for layer in manifest["image"]["layers"]] == [
        "base", "dependencies", "payload-header", "payload-segments"]
    root = support.unpack_image(package, tmp_path / "root")
    assert not list((root / "usr/lib").rglob("libstdc++*"))
    assert list((root / "opt/mifeng/lib").glob("libstdc++.so.6"))
    assert not list((root / "opt/mifeng/lib").glob("libc.so*"))
    support.open_payload(root, keys, manifest)
    config = yaml.safe_load(dict(support.read_parts(package))["config.yaml"])
    with support.serve(root, config, manifest) as model:
        assert model.connect().call("GET", "/v2/health/ready") == (200, {"ready": True})

    # The same on the command line, as a Docker archive: the same base, whoever compressed it.
    (project / "mifeng.yaml").write_text(text)
    archive = tmp_path / "base.tar"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{debian_image}:12",
                    f"docker-archive:{archive}:base:12"], check=True)
    support.pack(project, package, keys, cache, "--base", f"docker-archive:{archive}")
    assert support.manifest_of(package)["image"]["layers"][0] == manifest["image"]["layers"][0]

    refused = support.pack(project, package, keys, cache, "--base", "oci:" + str(tmp_path / "nothing"), check=False)
    assert refused.returncode == 3 and "there is no folder" in refused.stderr
