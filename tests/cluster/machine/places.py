"""Names, addresses and folders of the cluster. They are fixed: there is one cluster on a machine at a time."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng/cluster"
STATE = CACHE / "state"
LOCK = pathlib.Path("/run/lock/mifeng-test-cluster")

NODE = "node1"
HOST_LINK = "mifeng-k8s"  # this machine's end of the cable to the cluster
HOST_ADDRESS = "10.99.0.1"
NODE_ADDRESS = "10.99.0.2"
SERVICES = "10.97.0.0/16"
API_SERVICE = "10.97.0.1"
PODS = "10.98.0.0/16"
API = f"https://{NODE_ADDRESS}:6443"
REGISTRY = f"{NODE_ADDRESS}:5000"
SECURE_REGISTRY = f"{NODE_ADDRESS}:5443"
REGISTRY_USER, REGISTRY_PASSWORD = "robot", "a password of the tests"
PAUSE_IMAGE = "mifeng.test/pause:1"

CGROUP = "mifeng-test-cluster"

# Programs that are not in every user's PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
