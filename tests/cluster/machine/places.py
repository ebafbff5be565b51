"""Names, addresses and folders of a cluster. They follow from its number, so there is one of each number on a machine at a
time; all but one test in a hundred want number 1."""
import dataclasses
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parents[1]

# Inside the cluster, where no other cluster can be seen.
NODE = "node1"
NODE_LINK = "eth0"
SERVICES = "10.97.0.0/16"
API_SERVICE = "10.97.0.1"
PODS = "10.98.0.0/16"
CONTAINERD = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "mifeng.test/pause:1"
REGISTRY_USER, REGISTRY_PASSWORD = "robot", "a password of the tests"
HOLLOW_LABEL = "mifeng.test/hollow"

# Its programs are not in every user's PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mifeng/cluster"


@dataclasses.dataclass(frozen=True)
class Place:
    number: int = 1

    def __post_init__(self):
        if not 1 <= self.number <= 250:
            raise ValueError(f"a cluster's number is from 1 to 250, not {self.number}")

    @property
    def name(self):
        """Of its lock, its control group, and with other words of all else."""
        return f"mifeng-cluster-{self.number}"

    @property
    def state(self):
        return cache() / f"state-{self.number}"

    @property
    def holder(self):
        """Says who has it. The lock itself is an abstract socket of this name, which a network namespace has once, as it
        has the addresses."""
        return pathlib.Path("/run/lock", self.name)

    @property
    def host_link(self):
        """This machine's end of the cable to the cluster (a name has 15 characters at most)."""
        return f"mifeng-k8s-{self.number}"

    @property
    def host_address(self):
        return f"10.99.{self.number}.1"

    @property
    def node_address(self):
        return f"10.99.{self.number}.2"

    @property
    def api(self):
        return f"https://{self.node_address}:6443"

    @property
    def registry(self):
        return f"{self.node_address}:5000"

    @property
    def secure_registry(self):
        return f"{self.node_address}:5443"
