"""An installation whose only model, tests/attacks/hostile, runs on a cluster: packed, sealed and deployed by `mifeng up`."""
import contextlib
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["MIFENG_SOURCE"], "tests/e2e"))

from installation import SOURCE, Installation  # noqa: E402
from ports import free_port  # noqa: E402


@contextlib.contextmanager
def running(k8s, place, kubeconfig=None, joined=True, registry=None, options=()):
    """`kubeconfig`: another way to the cluster than its own. Where it is not `joined`, the model runs on this machine and
    the cluster's guards would find the platform. `registry`: the options that say which, where it is not the plain one;
    `options`: more of `mifeng up`."""
    shutil.copytree(SOURCE / "packs", place / "packs")
    shutil.copytree(SOURCE / "tests/e2e/packs/plain-c", place / "packs/plain-c")
    shutil.copytree(SOURCE / "tests/attacks/hostile", place / "models/hostile")
    with Installation(place / "d", examples=place / "models", packs=place / "packs",
                      options=[*(["--kubeconfig", kubeconfig or k8s.kubeconfig] if joined else []),
                               *(registry or ["--registry", k8s.registry, "--registry-plain-http"]),
                               "--guard-listen", f"{k8s.host_address}:{free_port()}", *options]) as installation:
        installation.wait_answer("/hostile")
        yield installation
