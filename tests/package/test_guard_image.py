"""The guard's image that the build made, against one made again of the same programs in other folders, and against what
mifengd says it was linked with."""
import hashlib
import json
import os
import pathlib
import subprocess
import tarfile

import support

SOURCE = pathlib.Path(os.environ["MIFENG_SOURCE"])
BUILT = support.BIN.parent / "guard-image"


def image(folder):
    """Digest, configuration and layer of the one image of an OCI layout."""
    def blob(descriptor):
        path = folder / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == path.name and len(content) == descriptor["size"]
        return path
    [entry] = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(entry).read_text())
    [layer] = manifest["layers"]
    return entry["digest"], json.loads(blob(manifest["config"]).read_text()), blob(layer)


def test_made_twice_it_is_the_same(tmp_path):
    source = tmp_path / "digest.cpp"
    folder, again = tmp_path / "some/folder", tmp_path / "again"
    subprocess.run([SOURCE / "tools/guard-folder", "--bin", support.BIN, "--out", folder], check=True,
                   capture_output=True)
    tool = support.BUILD / "tools/guard-image/mifeng-guard-image"
    subprocess.run([tool, folder, again, source], check=True)
    digest, _, _ = image(BUILT)
    assert image(again)[0] == digest
    # A second time the source file is left as it is: mifengd is not linked again.
    assert f'"{digest}"' in source.read_text()
    before = source.stat().st_mtime_ns, source.stat().st_ino
    subprocess.run([tool, folder, again, source], check=True)
    assert (source.stat().st_mtime_ns, source.stat().st_ino) == before
    (folder / "etc/guard.conf.in").write_text("another\n")
    subprocess.run([tool, folder, again, source], check=True)
    assert image(again)[0] != digest and image(again)[0] in source.read_text()


def test_what_it_holds():
    digest, config, layer = image(BUILT)
    assert config["config"] == {"User": "65532:65532", "Env": ["PATH=/mifeng/bin:/mifeng/sbin"],
                                "Entrypoint": ["/mifeng/bin/mifeng-guard"]}
    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar}
    for name in ("app", "tmp", "mifeng/guard", "mifeng/model", "mifeng/platform", "mifeng/run"):
        assert members[name].isdir(), name
    for name in ("mifeng-start", "mifeng/bin/mifeng-guard", "mifeng/sbin/nginx"):
        assert members[name].isreg() and members[name].mode == 0o755, name
    assert "mifeng/start" not in members
    for member in members.values():
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0), member.name
        assert member.isdir() or member.isreg(), member.name
    # The digest of this very image is in the platform's program.
    assert digest.encode() in (support.BIN / "mifengd").read_bytes()
