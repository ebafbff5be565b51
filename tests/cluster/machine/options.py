"""What can be chosen about a cluster."""
import dataclasses
import json
import os

PROXY_MODES = ("iptables", "nftables", "ipvs")
KUBERNETES_RATE = (20, 30)
# In the order in which they start.
PARTS = ("etcd", "containerd", "registry", "secure-registry", "apiserver", "controller-manager", "scheduler", "proxy",
         "kubelet", "hollow")


@dataclasses.dataclass(frozen=True)
class Options:
    # Clusters of other numbers run beside it, each at addresses of its own. Two who share a machine take two numbers.
    number: int = int(os.environ.get("MIFENG_CLUSTER_NUMBER", "1"))
    proxy_mode: str = "iptables"
    # How many requests a second, and at once, each controller may make. Kubernetes' own 20 and 30 are for measurements;
    # with them the default service account of a new namespace can take seconds.
    controller_rate: tuple = (500, 1000)
    node_ports: str = "30000-32767"
    # Whether each controller has a service account of its own (kubeadm's way) or all are one user.
    controller_accounts: bool = True
    # A second registry, behind TLS and a password.
    secure_registry: bool = False
    # Nodes beside the real one whose pods are Ready and do not exist. They are labelled and tainted mifeng.test/hollow=true.
    hollow_nodes: int = 0
    # More arguments by part: {"apiserver": ["--feature-gates=..."]}
    flags: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.proxy_mode not in PROXY_MODES:
            raise ValueError(f"no proxy mode is called {self.proxy_mode}; there are {', '.join(PROXY_MODES)}")
        for part in self.flags:
            if part not in PARTS:
                raise ValueError(f"no part of the cluster is called {part}; there are {', '.join(PARTS)}")

    def parts(self):
        """All that run, in the order in which they start."""
        absent = {"secure-registry": not self.secure_registry, "hollow": not self.hollow_nodes}
        return [part for part in PARTS if not absent.get(part)]

    def hollow(self):
        """The names of its hollow nodes."""
        return [f"hollow-{n}" for n in range(1, self.hollow_nodes + 1)]

    def to_json(self):
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text):
        given = json.loads(text)
        return Options(**{**given, "controller_rate": tuple(given["controller_rate"])})
