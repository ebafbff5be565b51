#!/usr/bin/python3
"""make_image.py PROGRAM LAYOUT: an OCI layout with one image that holds PROGRAM as /probe; prints the image's digest."""
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile


def main():
    program, layout = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("probe")
        entry.size, entry.mode = program.stat().st_size, 0o755
        archive.addfile(entry, io.BytesIO(program.read_bytes()))
    layer = tar.getvalue()
    config = put(json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"User": "65532:65532", "Entrypoint": ["/probe"], "Env": ["OF_THE_IMAGE=yes"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }).encode())
    prefix = "application/vnd.oci.image."
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": prefix + "manifest.v1+json",
        "config": {"mediaType": prefix + "config.v1+json", **config},
        "layers": [{"mediaType": prefix + "layer.v1.tar+gzip", **put(gzip.compress(layer, mtime=0))}],
    }).encode())
    (layout / "index.json").write_text(json.dumps(
        {"schemaVersion": 2, "manifests": [{"mediaType": prefix + "manifest.v1+json", **manifest}]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    print(manifest["digest"])


main()
