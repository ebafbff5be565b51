"""What became of a batch's plan on a cluster."""
import json

import sites


def ports_said_and_there(site_api, k8s, plan, batch, others):
    """Node ports by deployment: as the platform says, and as the API server has them, without those of `others`. The
    platform says what the plan said, unless a port was exchanged, as the audit log then has it: an API server that is asked
    for a Service by somebody who is gone before the answer may keep its port for nobody."""
    def api(path):
        return site_api("GET", path, timeout=60)
    planned = {item["request"]["name"]: [port["node_port"] for port in item["ports"]] for item in plan["items"]}
    names = {item["deployment_id"]: item["request"]["name"] for item in api(f"/batches/{batch}")["items"]}
    said = {one: [port["node_port"] for port in api(f"/deployments/{one}")["ports"]] for one in names}
    moved = api("/audit?action=ports.move&page_size=200")["items"]
    assert moved or said == {one: planned[name] for one, name in names.items()}
    ports = [port for some in said.values() for port in some]
    assert len(ports) == len(set(ports))
    services = json.loads(k8s.kubectl("get", "services", "-n", sites.SPACE, "-o", "json"))["items"]
    there = {one["metadata"]["labels"]["mifeng.io/deployment"]: [port["nodePort"] for port in one["spec"]["ports"]]
             for one in services}
    return said, {name: ports for name, ports in there.items() if name not in others}
