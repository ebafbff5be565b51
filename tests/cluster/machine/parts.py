"""The configuration files of every part of the cluster, and the command line of each."""
import base64
import ctypes
import ctypes.util
import json
import pathlib
import sys

from . import places
from .certificates import CLIENTS

def _bcrypt(password):
    # docker-registry takes nothing but bcrypt, and Python's own module for it is going away.
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), b"$2b$05$" + b"mifengmifengmifengmife")
    if not hashed or not hashed.startswith(b"$2"):
        raise RuntimeError("this libcrypt knows no bcrypt")
    return hashed.decode()


def write_hosts(folder, url, authority=None):
    """certs.d/NAME: that images NAME/… come from `url`. containerd reads it at each pull."""
    folder.mkdir(parents=True, exist_ok=True)
    trust = f'  ca = "{authority}"\n' if authority else ""
    (folder / "hosts.toml").write_text(
        f'server = "{url}"\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n{trust}')


class Layout:
    """The state folder's files, written; argv() then says what to start."""

    def __init__(self, options, place, programs):
        self.options, self.place, self.programs, self.state = options, place, pathlib.Path(programs), place.state
        self.keys = self.state / "keys"
        self.config = self.state / "config"

    def write(self):
        self.config.mkdir(parents=True)
        for folder in ("etcd", "kubelet", "containerd", "registry", "secure-registry", "plugins", "certs.d"):
            (self.state / folder).mkdir(mode=0o700)
        for name in CLIENTS:
            self._kubeconfig(name)
        (self.state / "kubeconfig").write_text((self.config / "admin.kubeconfig").read_text())
        (self.state / "kubeconfig").chmod(0o600)
        self._etcd()
        self._containerd()
        self._network()
        self._kubelet()
        self._proxy()
        self._registries()

    def _put(self, name, value):
        """JSON is YAML, so that nothing has to be quoted by hand."""
        path = self.config / name
        path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1))
        return path

    def _kubeconfig(self, name):
        def embedded(file):
            return base64.b64encode((self.keys / file).read_bytes()).decode()
        path = self._put(f"{name}.kubeconfig", {
            "apiVersion": "v1", "kind": "Config", "current-context": self.place.name,
            "clusters": [{"name": self.place.name, "cluster": {"server": self.place.api,
                                                             "certificate-authority-data": embedded("ca.crt")}}],
            "users": [{"name": name, "user": {"client-certificate-data": embedded(f"{name}.crt"),
                                              "client-key-data": embedded(f"{name}.key")}}],
            "contexts": [{"name": self.place.name, "context": {"cluster": self.place.name, "user": name}}]})
        path.chmod(0o600)

    def _etcd(self):
        self._put("etcd.yaml", {
            "name": places.NODE, "data-dir": str(self.state / "etcd"), "unsafe-no-fsync": True,
            "listen-client-urls": "http://127.0.0.1:2379", "advertise-client-urls": "http://127.0.0.1:2379",
            "listen-peer-urls": "http://127.0.0.1:2380", "initial-advertise-peer-urls": "http://127.0.0.1:2380",
            "initial-cluster": f"{places.NODE}=http://127.0.0.1:2380", "log-level": "warn",
            "auto-compaction-mode": "periodic", "auto-compaction-retention": "10m"})

    def _containerd(self):
        folder = self.state / "containerd"
        self._put("containerd.toml", f"""version = 2
root = "{folder}/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
                    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
                    "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{places.CONTAINERD}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{places.PAUSE_IMAGE}"
  # Lowering a score wants CAP_SYS_RESOURCE, which a container that builds need not have.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.config}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{self.state}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
""")
        write_hosts(self.state / "certs.d" / self.place.registry, f"http://{self.place.registry}")
        write_hosts(self.state / "certs.d" / self.place.secure_registry, f"https://{self.place.secure_registry}",
                    self.keys / "registry/registry-ca.crt")

    def _network(self):
        (self.config / "cni").mkdir()
        self._put("cni/10-pods.conflist", {
            "cniVersion": "0.4.0", "name": "pods", "plugins": [
                {"type": "bridge", "bridge": "cni0", "isGateway": True, "isDefaultGateway": True, "ipMasq": True,
                 "hairpinMode": True,
                 "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": places.PODS}]]}},
                {"type": "portmap", "capabilities": {"portMappings": True}}]})
        # Nobody answers there unless a test does: a name is then refused at once.
        self._put("resolv.conf", f"nameserver {self.place.host_address}\n")

    def _kubelet(self):
        self._put("kubelet.yaml", {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": str(self.keys / "ca.crt")}},
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{places.CONTAINERD}",
            "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{self.place.name}", "failCgroupV1": False, "failSwapOn": False,
            # As above: what would want CAP_SYS_RESOURCE.
            "oomScoreAdj": 0, "maxOpenFiles": 20000,
            "maxPods": 500, "serializeImagePulls": False, "registryPullQPS": 0,
            "resolvConf": str(self.config / "resolv.conf"),
            "volumePluginDir": str(self.state / "plugins"),
            # A build machine's disk is often nearly full, which is no concern of the pods.
            "evictionHard": dict.fromkeys(("imagefs.available", "imagefs.inodesFree", "memory.available",
                                           "nodefs.available", "nodefs.inodesFree"), "0%"),
            "imageGCHighThresholdPercent": 100})

    def _proxy(self):
        self._put("proxy.yaml", {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
            "mode": self.options.proxy_mode, "clientConnection": {"kubeconfig": str(self.config / "proxy.kubeconfig")},
            "clusterCIDR": places.PODS, "hostnameOverride": places.NODE,
            # Zero leaves the machine's own sizes alone; they are not ours to write in a namespace.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}})

    def _registries(self):
        def config(part, address, more):
            self._put(f"{part}.yaml", {
                "version": 0.1, "log": {"accesslog": {"disabled": False}, "level": "warn"},
                "storage": {"filesystem": {"rootdirectory": str(self.state / part)}, "delete": {"enabled": True}},
                "http": {"addr": address, **more.get("http", {})}, **{k: v for k, v in more.items() if k != "http"}})
        config("registry", self.place.registry, {})
        users = self._put("htpasswd", f"{places.REGISTRY_USER}:{_bcrypt(places.REGISTRY_PASSWORD)}\n")
        config("secure-registry", self.place.secure_registry, {
            "http": {"tls": {"certificate": str(self.keys / "registry/registry.crt"),
                             "key": str(self.keys / "registry/registry.key")}},
            "auth": {"htpasswd": {"realm": "mifeng", "path": str(users)}}})

    def argv(self, part):
        keys, config = self.keys, self.config
        rate, burst = self.options.controller_rate
        lines = {
            "etcd": [f"{config}/etcd.yaml"],
            "apiserver": [
                f"--advertise-address={self.place.node_address}", f"--bind-address={self.place.node_address}",
                "--secure-port=6443", "--etcd-servers=http://127.0.0.1:2379", f"--client-ca-file={keys}/ca.crt",
                f"--tls-cert-file={keys}/apiserver.crt", f"--tls-private-key-file={keys}/apiserver.key",
                f"--kubelet-client-certificate={keys}/apiserver-kubelet.crt",
                f"--kubelet-client-key={keys}/apiserver-kubelet.key",
                # The node's name is known to nobody; its address is.
                "--kubelet-preferred-address-types=InternalIP",
                f"--service-cluster-ip-range={places.SERVICES}",
                f"--service-node-port-range={self.options.node_ports}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={keys}/service-accounts.pub",
                f"--service-account-signing-key-file={keys}/service-accounts.key",
                "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
                "--allow-privileged=true", "--profiling=false"],
            "controller-manager": [
                f"--kubeconfig={config}/controller-manager.kubeconfig", "--bind-address=127.0.0.1",
                "--leader-elect=false", f"--root-ca-file={keys}/ca.crt",
                f"--service-account-private-key-file={keys}/service-accounts.key",
                f"--cluster-signing-cert-file={keys}/ca.crt", f"--cluster-signing-key-file={keys}/ca.key",
                f"--use-service-account-credentials={str(self.options.controller_accounts).lower()}",
                f"--kube-api-qps={rate}", f"--kube-api-burst={burst}", "--profiling=false"],
            "scheduler": [f"--kubeconfig={config}/scheduler.kubeconfig", "--bind-address=127.0.0.1",
                          "--leader-elect=false", "--profiling=false"],
            "proxy": [f"--config={config}/proxy.yaml"],
            "kubelet": [f"--config={config}/kubelet.yaml", f"--kubeconfig={config}/kubelet.kubeconfig",
                        f"--root-dir={self.state}/kubelet", f"--cert-dir={self.state}/kubelet/pki",
                        f"--hostname-override={places.NODE}", f"--node-ip={self.place.node_address}"],
        }
        if part == "hollow":
            argv = [sys.executable, "-B", str(places.HERE / "machine/hollow.py"), f"{config}/admin.kubeconfig",
                    str(self.options.hollow_nodes)]
        elif part == "containerd":
            argv = ["containerd", "--config", f"{config}/containerd.toml"]
        elif part.endswith("registry"):
            argv = ["docker-registry", "serve", f"{config}/{part}.yaml"]
        else:
            argv = [str(self.programs / "node"), part, *lines[part]]
        return argv + list(self.options.flags.get(part, []))
