"""Node ports of a cluster where others make Services, too."""
import contextlib
import threading

import kubernetes
from installation import wait_until

ELSEWHERE = "/api/v1/namespaces/elsewhere/services"


class Scene:
    def __init__(self, k8s, installation, front=None):
        """`front`: what stands before its API server, where something does."""
        self.k8s, self.front, self.api = k8s, front, installation.api
        self.installation = installation
        (first,) = installation.deployments()
        self.version = first["version_id"]
        k8s.namespace("elsewhere")

    def deploy(self, name, **more):
        return self.api("POST", "/deployments", {"name": name, "cluster": "kubernetes", "version_id": self.version,
                                                 "replicas": 1, **more})

    def port(self, deployment):
        (port,) = self.api("GET", f"/deployments/{deployment}")["ports"]
        return port["node_port"]

    def service_port(self, deployment):
        """As the API server has it; None while there is none."""
        with contextlib.suppress(kubernetes.ApiError):
            return self.k8s.api.get(f"/api/v1/namespaces/models/services/mf-{deployment}")["spec"]["ports"][0]["nodePort"]
        return None

    def take(self, name, port):
        """Somebody else's Service; whether he got the port."""
        try:
            self.k8s.api.post(ELSEWHERE, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                                          "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]}})
            return True
        except kubernetes.ApiError as error:
            assert error.code == 422, error
            return False

    def free(self, *names):
        for name in names:
            self.k8s.api.delete(f"{ELSEWHERE}/{name}")

    def overview(self):
        return {one["port"]: one for one in self.api("GET", "/ports?cluster=kubernetes")["items"]}

    def recommended(self, count=1):
        return self.api("GET", f"/ports/recommendation?cluster=kubernetes&count={count}")["ports"]

    def remove_all_but_the_first(self):
        all_of_it = [one["id"] for one in self.installation.deployments() if one["name"] != "hostile"]
        for one in all_of_it:
            self.api("DELETE", f"/deployments/{one}")
        wait_until(lambda: len(self.installation.deployments()) == 1, 120, "their end")
        for one in all_of_it:
            assert self.service_port(one) is None

    def race(self, operators, deployments):
        """Operators who deploy so many each, and a neighbour who tries every port that the platform recommends, all the while;
        then each deployment has the port that the platform says, and nobody else has it. (deployments, the neighbour's
        Services with their ports)"""
        over, got, made, trouble = threading.Event(), [], [], []

        def neighbour():
            number = 0
            while not (over.is_set() and got) and len(got) < 40:
                for port in self.recommended(2):
                    number += 1
                    if self.take(f"racer-{number}", port):
                        got.append((f"racer-{number}", port))

        def operator(who):
            try:
                for number in range(deployments):
                    made.append(self.deploy(f"{who}-{number}")["id"])
            except Exception as error:
                trouble.append(error)
                raise
        threads = [threading.Thread(target=operator, args=(who,)) for who in operators]
        racer = threading.Thread(target=neighbour)
        racer.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        over.set()
        racer.join(60)
        assert trouble == [] and len(made) == deployments * len(operators) and got, (trouble, made, got)
        wait_until(lambda: all(self.service_port(one) == self.port(one) for one in made), 120, "the same ports on both sides")
        ours = [self.port(one) for one in made]
        assert len(set(ours)) == len(ours) and not set(ours) & {port for _, port in got}

        def seen():
            now = self.overview()
            return now if all(now[port]["state"] == "used-by-others" for _, port in got) else None
        now = wait_until(seen, 30, "the neighbour's ports")
        for one in made:
            assert (now[self.port(one)]["state"], now[self.port(one)]["holder"]) == ("used", one)
        return made, got
