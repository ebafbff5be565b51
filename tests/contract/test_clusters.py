"""Clusters that somebody wants to add, as far as that goes without one: what is refused, and that nothing of what was
given is told or kept. tests/cluster has the rest, on a real one."""

import base64
import json
import socket

import pytest

from conftest import Platform

TOKEN = "a-token-that-nobody-may-see"


def kubeconfig(server="https://127.0.0.1:1", cluster=None, user=None):
    """As `kubectl config view --flatten` would have it."""
    authority = base64.b64encode(b"no certificate").decode()
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
        "clusters": [{"name": "one", "cluster": {"server": server, "certificate-authority-data": authority} | (cluster or {})}],
        "users": [{"name": "me", "user": {"token": TOKEN} if user is None else user}]})


@pytest.fixture(scope="module")
def adding(tmp_path_factory):
    """A platform that could add clusters."""
    running = Platform(tmp_path_factory.mktemp("adding"), "--installation", "0123456789abcdef" * 2)
    yield running
    assert running.stop() == 0


def add(platform, **body):
    return platform.request("POST", "/clusters", local=True, body={
        "id": "east", "default_namespace": "models", "kubeconfig": kubeconfig()} | body)[:2]


@pytest.mark.parametrize("body,reason", [
    ({"id": "Not a label"}, "bad-name"),
    ({"id": "local"}, "cluster-exists"),
    ({"default_namespace": "kube-system"}, "bad-namespace"),
    ({"registry": "https://registry.example"}, "bad-registry"),
    ({"guard_url": "platform.example:7083"}, "bad-guard-url"),
    ({"node_addresses": ["10.0.0.1/24"]}, "bad-node-addresses"),
    ({"pull_user": "robot"}, "bad-pull-login"),
    ({"kubeconfig": ""}, "bad-field"),
    ({"kubeconfig": "x" * (1 << 19 | 1)}, "bad-field"),
    ({"no_such_member": 1}, "unknown-field"),
    ({"kubeconfig": "users: ["}, "bad-kubeconfig"),
    ({"kubeconfig": "hello"}, "bad-kubeconfig"),
    ({"context": "there"}, "bad-kubeconfig"),
    ({"kubeconfig": kubeconfig("http://127.0.0.1:1")}, "bad-kubeconfig"),
    ({"kubeconfig": kubeconfig(cluster={"insecure-skip-tls-verify": True})}, "bad-kubeconfig"),
    ({"kubeconfig": kubeconfig(user={})}, "bad-kubeconfig"),
    ({"kubeconfig": kubeconfig(user={"tokenFile": "/etc/hostname"})}, "bad-kubeconfig"),
    ({"kubeconfig": kubeconfig(user={"exec": {"command": "touch", "args": ["/tmp/never"]}})}, "bad-kubeconfig"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_wrong_is_refused(adding, body, reason):
    status, answer = add(adding, **body)
    assert (status, answer["reason"]) == (409 if reason == "cluster-exists" else 400, reason), answer


def test_nowhere_is_said_and_nothing_of_the_login_is_told_or_kept(adding):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{free.getsockname()[1]}"
    status, answer = add(adding, kubeconfig=kubeconfig(nowhere, cluster={"certificate-authority-data": ""}),
                         registry="registry.example", pull_user="robot", pull_password="a password of the registry")
    assert (status, answer["reason"]) == (503, "api-unavailable"), answer
    status, log, _ = adding.request("GET", "/audit?action=cluster.add", local=True)
    entry = log["items"][0]
    assert (entry["subject"], entry["outcome"]) == ("east", "api-unavailable")
    seen = json.dumps([answer, log]).encode() + b"".join(
        file.read_bytes() for file in adding.folder.rglob("*") if file.is_file())
    assert TOKEN.encode() not in seen and b"a password of the registry" not in seen
    assert adding.request("GET", "/clusters/east", local=True)[0] == 404


def test_the_local_cluster_stays(adding):
    for method, path in (("DELETE", "/clusters/local"), ("DELETE", "/clusters/local?abandon=true"),
                         ("GET", "/clusters/local/check")):
        status, answer, _ = adding.request(method, path, local=True)
        assert (status, answer["reason"]) == (409, "local-cluster"), (method, path, answer)
    assert adding.request("DELETE", "/clusters/east", local=True)[0] == 404


def test_without_an_installation_none_can_be_added(platform):
    status, answer = add(platform)
    assert (status, answer["reason"]) == (503, "no-joiner"), answer
