"""Where a setting comes from: a flag beats MIFENG_*, which beats ./mifeng.yaml, which beats the user's config file, which
beats /etc/mifeng. The machine's file lies in a mount namespace of its own, so that nothing of this machine is touched."""

import json
import os
import subprocess

import pytest

from conftest import BIN

PROJECT = "apiVersion: mifeng.io/v1\nkind: ModelProject\n"


class Place:
    def __init__(self, folder):
        self.folder = folder
        for part in ("etc/mifeng", "config/mifeng", "project"):
            (folder / part).mkdir(parents=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}

    def machine(self, text):
        (self.folder / "etc/mifeng/config.yaml").write_text(text)

    def user(self, text, mode=0o600):
        path = self.folder / "config/mifeng/config.yaml"
        path.write_text(text)
        path.chmod(mode)

    def project(self, text):
        (self.folder / "project/mifeng.yaml").write_text(text)

    def run(self, *arguments, **variables):
        inside = f"mount --bind '{self.folder}/etc' /etc && exec \"$@\""
        return subprocess.run(["unshare", "-rm", "sh", "-c", inside, "sh", BIN / "mifeng", *map(str, arguments)],
                              capture_output=True, timeout=60, cwd=self.folder / "project",
                              env={**self.environment, **variables})

    def settings(self, *flags, **variables):
        done = self.run("settings", *flags, "-o", "json", **variables)
        assert done.returncode == 0, done.stderr
        return {one["name"]: (one["value"], one["from"]) for one in json.loads(done.stdout)}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize("name", ["platform", "packs", "cache"])
def test_each_step_beats_the_next(place, name):
    assert place.settings()[name] == ("", "")
    place.machine(f"{name}: machine\n")
    assert place.settings()[name] == ("machine", "/etc/mifeng/config.yaml")
    place.user(f"{name}: user\n")
    assert place.settings()[name] == ("user", str(place.folder / "config/mifeng/config.yaml"))
    place.project(PROJECT + f"defaults: {{{name}: project}}\n")
    assert place.settings()[name] == ("project", "mifeng.yaml")
    variable = "MIFENG_" + name.upper()
    assert place.settings(**{variable: "environment"})[name] == ("environment", variable)
    assert place.settings("--" + name, "flag", **{variable: "environment"})[name] == ("flag", "flag")


def test_the_guard_is_the_machines_or_the_users_and_no_projects(place):
    place.machine("guard: machine\n")
    assert place.settings()["guard"] == ("machine", "/etc/mifeng/config.yaml")
    place.user("guard: user\n")
    assert place.settings()["guard"] == ("user", str(place.folder / "config/mifeng/config.yaml"))
    place.project(PROJECT + "defaults: {guard: project}\n")
    refused = place.run("settings")
    assert refused.returncode != 0 and b"guard" in refused.stderr


def test_the_output_format_is_a_setting(place):
    shape = lambda *more, **variables: place.run("settings", *more, **variables).stdout.decode()
    assert shape().startswith("SETTING ")
    place.machine("output: json\n")
    assert shape().startswith("[")
    place.user("output: yaml\n")
    assert shape().startswith("-\n")
    place.project(PROJECT + "defaults: {output: name}\n")
    assert shape().startswith("platform\n")
    assert shape(MIFENG_OUTPUT="json").startswith("[")
    assert shape("-o", "table", MIFENG_OUTPUT="json").startswith("SETTING ")


def test_the_session_is_the_later_word_of_the_users_own_files(place):
    place.user("platform: http://127.0.0.1:1\n")
    session = {"platform": "http://127.0.0.1:2", "ca_file": "", "pin": "", "token": "t"}
    (place.folder / "config/mifeng/session.json").write_text(json.dumps(session))
    assert place.settings()["platform"][0] == "http://127.0.0.1:2"
    place.project(PROJECT + "defaults: {platform: 'http://127.0.0.1:3'}\n")
    assert place.settings()["platform"][0] == "http://127.0.0.1:3"


def test_whom_to_trust_holds_for_the_named_platform_only(place):
    place.user("platform: https://a:1\nca: a.pem\npin: aa\ntoken_file: a.token\n")
    mine = place.settings()
    assert (mine["ca"][0], mine["pin"][0], mine["token_file"][0]) == ("a.pem", "aa", "a.token")
    # A project's folder that names another platform gets neither the user's token nor his certificate.
    place.project(PROJECT + "defaults: {platform: 'https://b:1'}\n")
    other = place.settings()
    assert other["platform"] == ("https://b:1", "mifeng.yaml")
    assert other["ca"] == other["pin"] == other["token_file"] == ("", "")
    assert place.settings("--platform", "https://a:1")["token_file"][0] == "a.token"
    place.project(PROJECT + "defaults: {ca: theirs.pem}\n")
    done = place.run("settings")
    assert done.returncode == 2 and b"mifeng.yaml:3:12: defaults.ca" in done.stderr, done.stderr
    place.project(PROJECT)
    place.user("token_file: a.token\n")
    done = place.run("settings")
    assert done.returncode == 2 and b"platform" in done.stderr, done.stderr


def test_the_users_file_is_for_his_eyes_only(place):
    for mode in (0o644, 0o620, 0o660):
        place.user("output: json\n", mode)
        done = place.run("settings")
        assert done.returncode == 4 and b"chmod 600" in done.stderr, (oct(mode), done.stderr)
    place.user("output: json\n", 0o400)
    assert place.run("settings").returncode == 0


def test_a_mistake_in_a_file_is_named_with_its_place(place):
    place.user("output: json\nplatfrom: x\n")
    done = place.run("settings")
    assert done.returncode == 2 and b"config.yaml:2:1: platfrom" in done.stderr, done.stderr
    place.user("output: pretty\n")
    assert b"table, json, yaml or name" in place.run("settings").stderr
    place.user("a: [\n")
    assert place.run("settings").returncode == 2
    # What is wrong with the rest of a project is for `mifeng pack` to say.
    place.user("output: json\n")
    place.project("kind: ModelProject\nmodle: {}\n")
    assert place.run("settings").returncode == 0


def test_other_words_of_the_environment_are_no_settings(place):
    assert place.settings(MIFENG_PLATFORM="")["platform"] == ("", "")
    assert place.run("settings", MIFENG_OUTPUT="pretty").returncode == 2
