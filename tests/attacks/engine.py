"""The installation's container engine, used past the platform: as root on the machine could."""
import contextlib
import json
import os
import pathlib
import signal

from installation import UnixConnection, processes, wait_until


class Engine:
    def __init__(self, socket):
        self.socket = socket
        self.sessions = set()

    def ask(self, method, path, body=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, "/v4.0.0/libpod" + path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            assert response.status < 400, (method, path, response.status, text)
            return json.loads(text) if text.strip() else None
        finally:
            connection.close()

    def inspect(self, name):
        return self.ask("GET", f"/containers/{name}/json")

    def ids(self):
        """The id of each container by its name."""
        return {one["Names"][0]: one["Id"] for one in self.ask("GET", "/containers/json?all=true")}

    def pid(self, name):
        return self.inspect(name)["State"]["Pid"]

    def run_unit(self, guard, model):
        """Makes both containers and starts them, the model's first as the platform does; the id of the guard's."""
        ids = [self.ask("POST", "/containers/create", spec)["Id"] for spec in (model, guard)]
        for made in ids:
            self.ask("POST", f"/containers/{made}/start")
        return ids[1]

    def make_again(self, name, change_guard=None, change_model=None):
        """Makes a unit's containers anew under their names; the id of the guard's."""
        guard, model = self.spec_of(name), self.spec_of(name + ".model")
        for spec, change in ((guard, change_guard), (model, change_model)):
            if change:
                change(spec)
        self.remove(name)
        self.remove(name + ".model")
        return self.run_unit(guard, model)

    def copy_unit(self, name, copy, sockets):
        """Images, commands, environments and limits of a unit once more, with the platform's socket in another folder."""
        guard, model = self.spec_of(name), self.spec_of(name + ".model")
        for spec in (guard, model):
            spec["name"] = spec["name"].replace(name, copy)
            spec["labels"], spec["portmappings"] = {}, []
            for mount in spec["mounts"]:
                if mount["destination"] == "/mifeng/platform":
                    mount["source"] = str(sockets)
            spec["volumes"] = [one for one in spec["volumes"] if ".shared." in one["Name"]]
            for volume in spec["volumes"]:
                volume["Name"] = volume["Name"].replace(name, copy)
        for volume in guard["volumes"]:
            original = self.ask("GET", f"/volumes/{volume['Name'].replace(copy, name)}/json")
            options = {key: value for key, value in original["Options"].items() if key in ("type", "device", "o")}
            self.ask("POST", "/volumes/create", {"Name": volume["Name"], "Driver": "local", "Options": options})
        self.run_unit(guard, model)

    def remove_unit(self, name):
        """With its memory folders, once nobody uses them any more."""
        volumes = [one["Name"] for one in self.inspect(name)["Mounts"] if one["Type"] == "volume"]
        self.remove(name)
        self.remove(name + ".model")
        for volume in volumes:
            self.ask("DELETE", f"/volumes/{volume}")

    def remove(self, name):
        self.ask("DELETE", f"/containers/{name}?force=true&timeout=0")

    def log(self, name):
        path = pathlib.Path(self.inspect(name)["HostConfig"]["LogConfig"]["Path"])
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, name, *texts):
        """The first line that has one of them, without the engine's time in front of it."""
        def look():
            lines = [line for line in self.log(name).splitlines() if any(text in line for text in texts)]
            return lines[0].partition(" F ")[2] if lines else None
        return wait_until(look, 30, f"{texts} in the log of {name}")

    def execute(self, name, command, done):
        """A second process in a running container (`podman exec`); waits until `done` says that it has ended."""
        made = self.ask("POST", f"/containers/{name}/exec", {"Cmd": command, "User": "65532"})["Id"]
        self.ask("POST", f"/exec/{made}/start", {"Detach": True})
        try:
            wait_until(done, 30, f"the end of {command}")
        finally:
            self.sessions.add(made)

    def end_sessions(self):
        """Ends the monitors of second processes, which would stay for five minutes after these."""
        def none_left():
            left = [pid for pid, _, monitor in processes()
                    if monitor[0].endswith("conmon") and self.sessions & set(monitor)]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left
        wait_until(none_left, 20, "the end of the monitors")

    def spec_of(self, name):
        """What makes the same container again: the create call's own fields, out of what the engine shows."""
        shown = self.inspect(name)
        config, host = shown["Config"], shown["HostConfig"]
        by_engine = ("PATH", "TERM", "container", "HOSTNAME", "HOME")
        env = dict(entry.split("=", 1) for entry in config["Env"])
        mounts = [{"destination": path, "type": "tmpfs", "source": "tmpfs",
                   "options": [o for o in options.split(",") if not o.startswith(("uid=", "gid=", "rprivate"))] +
                              ["U", "notmpcopyup"]}
                  for path, options in host["Tmpfs"].items()]

        def options_of(mount, kept):
            return [one for one in kept if one in mount["Options"]] + ["rw" if mount["RW"] else "ro"]
        bound = ("nosuid", "nodev", "noexec")
        mounts += [{"destination": one["Destination"], "type": "bind", "source": one["Source"],
                    "options": [*options_of(one, bound), "rprivate"]} for one in shown["Mounts"] if one["Type"] == "bind"]

        def given(bounds):
            return {name: value for name, value in bounds.items() if value}
        bridge = host["NetworkMode"] == "bridge"
        return {
            "name": shown["Name"], "hostname": config["Hostname"], "image": shown["ImageName"],
            "entrypoint": [shown["Path"]], "command": shown["Args"],
            "env": {key: value for key, value in env.items() if key not in by_engine},
            "work_dir": "/", "user": config["User"], "umask": config["Umask"], "labels": config["Labels"],
            "read_only_filesystem": True, "no_new_privileges": True, "cap_drop": ["all"],
            "netns": {"nsmode": host["NetworkMode"]},
            **({"Networks": {key: {} for key in shown["NetworkSettings"]["Networks"]}} if bridge else {}),
            "portmappings": [{"host_ip": one["HostIp"], "host_port": int(one["HostPort"]), "protocol": "tcp",
                              "container_port": int(port.split("/")[0])}
                             for port, all_of in (host["PortBindings"] or {}).items() for one in all_of],
            "mounts": mounts,
            "volumes": [{"Name": one["Name"], "Dest": one["Destination"],
                         "Options": [*options_of(one, (*bound, "nocopy")), *([] if "nocopy" in one["Options"] else ["U"])]}
                        for one in shown["Mounts"] if one["Type"] == "volume"],
            "image_volume_mode": "ignore", "httpproxy": False, "systemd": "false", "restart_policy": "no",
            "stop_timeout": config["StopTimeout"], "log_configuration": {"driver": "k8s-file", "size": 10 << 20},
            "resource_limits": {
                "pids": {"limit": host["PidsLimit"]},
                "memory": given({"limit": host["Memory"], "swap": host["MemorySwap"], "reservation": host["MemoryReservation"]}),
                "cpu": given({"shares": host["CpuShares"], "quota": host["CpuQuota"], "period": host["CpuPeriod"]})},
            "r_limits": [{"type": one["Name"].removeprefix("RLIMIT_").lower(), "soft": one["Soft"], "hard": one["Hard"]}
                         for one in host["Ulimits"]],
        }
