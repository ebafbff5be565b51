"""What the builds of all packs share: their arguments, running commands, copying a project's files, the result."""
import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile


class Failure(Exception):
    """Ends the build with a sentence for the vendor."""


class Interrupted(BaseException):
    """SIGTERM: `mifeng pack` was interrupted, or was killed."""


def end_with_group():
    """From now on SIGTERM ends what runs along with us, and raises Interrupted, so that what is half-made is taken away.
    `mifeng pack` sends it to the whole group, but when it was killed the kernel sends it to us alone."""
    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGTERM)
        raise Interrupted
    signal.signal(signal.SIGTERM, stop)


def lock_folder(path):
    """A descriptor that holds the folder, or None where somebody else does. Programs that we start do not hold it."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(held), os.stat(path)):  # else it was removed before we held it
            return held
    except OSError:
        pass
    os.close(held)
    return None


@contextlib.contextmanager
def part_folder(folder):
    """A folder beside `folder` for what becomes it. It is held while we live, so that what a killed build left can be told
    from what another makes just now; the former is removed."""
    for left in folder.parent.glob("*.part"):
        if (held := lock_folder(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(held)
    part, held = None, None
    try:
        while held is None:  # whoever removes what is left may take ours before we hold it
            part = pathlib.Path(tempfile.mkdtemp(prefix=folder.name + ".", suffix=".part", dir=folder.parent))
            held = lock_folder(part)
        part.chmod(0o755)
        yield part
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
        if held is not None:
            os.close(held)


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

    def run(self, command, cwd=None, env=None, what=None, timeout=None):
        """Runs a command, its output on our standard error; a Failure names what it was for."""
        try:
            done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                  stdout=sys.stderr, stderr=sys.stderr, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{what or pathlib.Path(str(command[0])).name} did not end within {timeout} seconds") from None
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
            raise Failure(f"{program} is missing on this machine; apt-get install {package}"
                          if shutil.which("apt-get") else f"{program} is missing on this machine (Debian has it in {package})")

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
        with part_folder(folder) as part:
            make(part)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another pack made it meanwhile
                    raise
        return folder


def main(build):
    """Calls build(Build()) and turns a Failure into a sentence and status 1."""
    end_with_group()
    try:
        build(Build())
    except Interrupted:
        sys.exit(128 + signal.SIGTERM)
    except Failure as failure:
        sys.exit(f"{pathlib.Path(sys.argv[0]).resolve().parent.name} pack: {failure}")
