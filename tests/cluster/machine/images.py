"""Images of one static program each, made without a daemon: a layer, its digest and three JSON files."""
import gzip
import hashlib
import io
import json
import pathlib
import tarfile

TYPES = "application/vnd.oci.image."


def _layer(files):
    """`files`: path in the image -> (bytes, mode)"""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def layout(folder, files, command, user="65532:65532", name=None):
    """An OCI layout with one image; gives the manifest's digest. `files`: path in the image -> (bytes, mode)."""
    folder = pathlib.Path(folder)
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    layer = _layer(files)
    config = put(json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"User": user, "Entrypoint": list(command)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}).encode())
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": f"{TYPES}manifest.v1+json",
        "config": {"mediaType": f"{TYPES}config.v1+json", **config},
        "layers": [{"mediaType": f"{TYPES}layer.v1.tar+gzip", **put(gzip.compress(layer, 1, mtime=0))}]}).encode())
    described = {"mediaType": f"{TYPES}manifest.v1+json", **manifest}
    if name:
        described["annotations"] = {"io.containerd.image.name": name}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return manifest["digest"]


def archive(program, command, name, path):
    """A tar that containerd imports as the image `name`."""
    program, path = pathlib.Path(program), pathlib.Path(path)
    folder = path.with_suffix(".layout")
    layout(folder, {command[0]: (program.read_bytes(), 0o755)}, command, name=name)
    with tarfile.open(path, "w") as tar:
        for entry in ("oci-layout", "index.json", "blobs"):
            tar.add(folder / entry, entry)
