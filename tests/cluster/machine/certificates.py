"""Keys and certificates, new for each start, as kubeadm lays them out."""
import pathlib
import subprocess

from . import places

DAYS = "30"


def _openssl(*arguments, **more):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


class Authority:
    """A CA in a folder: NAME.crt and NAME.key, and what it signs beside them."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder), name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS,
                 "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key, "-out", self.certificate)

    def sign(self, file, subject, names=()):
        """FILE.crt and FILE.key. With `names` (DNS:…, IP:…) it is a server's, without them a client's."""
        certificate, key, request = (self.folder / f"{file}.{end}" for end in ("crt", "key", "csr"))
        extensions = self.folder / f"{file}.ext"
        usage = "serverAuth" if names else "clientAuth"
        extensions.write_text(f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
                              + (f"subjectAltName={','.join(names)}\n" if names else ""))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                 "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", DAYS,
                 "-extfile", extensions, "-CAcreateserial", "-out", certificate)
        request.unlink()
        extensions.unlink()
        return certificate, key


# Who talks to the API server, by the name that RBAC knows.
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    "kubelet": f"/O=system:nodes/CN=system:node:{places.NODE}",
    "apiserver-kubelet": "/O=system:masters/CN=apiserver-kubelet",
}


def make(place, controller_accounts=True):
    folder = place.state / "keys"
    authority = Authority(folder, "ca")
    authority.sign("apiserver", "/CN=kube-apiserver", [
        f"IP:{place.node_address}", f"IP:{places.API_SERVICE}", "IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes",
        "DNS:kubernetes.default", "DNS:kubernetes.default.svc", "DNS:kubernetes.default.svc.cluster.local"])
    clients = dict(CLIENTS)
    if not controller_accounts:
        # All controllers are then this user, who has to be allowed what each of them is.
        clients["controller-manager"] = "/O=system:masters" + clients["controller-manager"]
    for name, subject in clients.items():
        authority.sign(name, subject)
    # RSA as kubeadm makes it, so that tokens are signed with RS256 as on most clusters.
    _openssl("genrsa", "-out", folder / "service-accounts.key", "2048")
    _openssl("rsa", "-in", folder / "service-accounts.key", "-pubout", "-out", folder / "service-accounts.pub")
    registry = Authority(folder / "registry", "registry-ca")
    registry.sign("registry", "/CN=registry", [f"IP:{place.node_address}"])
