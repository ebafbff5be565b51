"""What the builds of all packs share: their arguments, running commands, copying a project's files, the result."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys


class Failure(Exception):
    """Ends the build with a sentence for the vendor."""


class Build:
    """One run of a pack's `build`. project, work, out, cache are folders; `facts` is the project as JSON."""

    def __init__(self):
        parser = argparse.ArgumentParser()
        for name in ("project", "work", "out", "cache"):
            parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
        arguments = parser.parse_args()
        self.project = arguments.project.resolve()
        self.work = arguments.work.resolve()
        self.out = arguments.out.resolve()
        self.cache = arguments.cache.resolve()
        self.dependencies = self.out / "dependencies"
        self.payload = self.out / "payload"
        for folder in (self.work, self.dependencies, self.payload):
            folder.mkdir(parents=True, exist_ok=True)
        self.facts = json.load(sys.stdin)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def run(self, command, cwd=None, env=None, what=None):
        """Runs a command, its output on our standard error; a Failure names what it was for."""
        done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                              stdout=sys.stderr, stderr=sys.stderr)
        if done.returncode != 0:
            raise Failure(f"{what or pathlib.Path(str(command[0])).name} failed with status {done.returncode}")

    def prepare(self, env=None):
        """The project's own command, in its folder: trains, converts, fetches."""
        command = self.facts["prepare"]
        if not command:
            return
        self.say("preparing: " + " ".join(command))
        pack = pathlib.Path(sys.argv[0]).resolve().parent  # for a command that compiles against the pack's headers
        self.run(command, cwd=self.project, env={**(env or os.environ), "MIFENG_PACK": str(pack)},
                 what="prepare of mifeng.yaml")

    def source_files(self, suffixes):
        """Paths below the project, relative to it, of the sources with one of these suffixes, sorted."""
        found = set()
        for source in self.facts["sources"]:
            path = self.project / source
            for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if one.is_file() and one.suffix in suffixes and "__pycache__" not in one.parts:
                    found.add(one.relative_to(self.project))
        if not found:
            raise Failure(f"sources of mifeng.yaml hold no file that ends in {' or '.join(sorted(suffixes))}")
        return sorted(found)

    def copy_files(self):
        """The project's `files` into the payload, under the paths that they have in the project."""
        for name in self.facts["files"]:
            source = self.project / name
            if not source.exists():
                raise Failure(f"files of mifeng.yaml: there is no {name}; did prepare make it?")
            target = self.payload / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)

    def require(self, program, package):
        if shutil.which(program) is None:
            raise Failure(f"{program} is missing on this machine; apt-get install {package}")

    def finish(self, command, packages):
        (self.out / "pack.json").write_text(json.dumps({"command": command, "packages": sorted(set(packages))}))

    @staticmethod
    def digest(*parts):
        """A short name for a cache folder, made of texts and of files' contents."""
        hasher = hashlib.sha256()
        for part in parts:
            data = part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode()
            hasher.update(len(data).to_bytes(8, "big") + data)
        return hasher.hexdigest()[:32]

    def cached(self, kind, key, make):
        """CACHE/kind/key, made by make(folder) where it is not there; half-made folders are never seen."""
        folder = self.cache / kind / key
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.parent / f"{key}.{os.getpid()}.part"
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir()
            make(part)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another pack made it meanwhile
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return folder


def main(build):
    """Calls build(Build()) and turns a Failure into a sentence and status 1."""
    try:
        build(Build())
    except Failure as failure:
        sys.exit(f"{pathlib.Path(sys.argv[0]).resolve().parent.name} pack: {failure}")
