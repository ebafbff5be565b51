"""What the sources say to people, read from the sources themselves, and what of it stands in the catalogue."""

import json
import re

import reasons_in_code
from conftest import ROOT
from reasons_in_code import LITERAL

SOURCES = ROOT / "apps/mifeng"
CATALOGUE = ROOT / "spec/messages"
# Whose errors and sentences the command line prints: the libraries in it, and those behind the platform's answers. Not
# what a guard, a gateway or a model's container says to its own log.
LIBRARIES = sorted({path.parent.name for path in ROOT.glob("libs/*/CMakeLists.txt")} -
                   {"start", "proxy", "keyholder", "guard", "gateway"})
assert {"base", "rest", "stack"} < set(LIBRARIES)
TEXT = LITERAL + r"(?:\s*" + LITERAL + ")*"
ALL_REASONS = reasons_in_code.Reasons(reasons_in_code.sources_below("libs", "apps", "nginx"))
ALL_REASONS.read_answers()


def joined(text):
    """What literals say; adjacent ones are one."""
    def said(escape):
        if escape[1][0] in "01234567":
            return chr(int(escape[1], 8))
        if escape[1][0] == "x":
            return chr(int(escape[1][1:], 16))
        return {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}[escape[1]]

    inner = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))
    return re.sub(r"\\([0-7]{1,3}|x[0-9a-fA-F]+|.)", said, inner)


def code_of(path):
    return reasons_in_code.code_of(path.read_text())


def literals(path):
    return {joined(match) for match in re.findall(TEXT, code_of(path))}


def of_libraries():
    for name in LIBRARIES:
        for path in sorted((ROOT / "libs" / name).rglob("*")):
            if path.suffix in (".cpp", ".h") and not reasons_in_code.is_test(path):
                yield path


def of_gateways():
    """What says something to callers of a gateway."""
    for folder in (ROOT / "libs/proxy", ROOT / "nginx"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".cpp", ".h") and not reasons_in_code.is_test(path):
                yield path


def of_command_line():
    return sorted(SOURCES.rglob("*.cpp"))


def table(name):
    """[(English, Chinese)] of a file of the catalogue."""
    groups = json.loads((CATALOGUE / f"{name}.json").read_text(), object_pairs_hook=list)
    rows = [row for _, group in groups for row in group]
    assert len(rows) > 30, name
    return rows


def field_descriptions():
    """Of every field of mifeng.yaml and of the deployment config, which must have one."""
    schema = json.loads((ROOT / "spec/mifeng.schema.json").read_text())
    found = []

    def walk(field, path):
        assert path.endswith("[]") or field.get("description"), f"{path} has no description"
        found.extend([field["description"]] if "description" in field else [])
        for name, below in field.get("properties", {}).items():
            walk(below, f"{path}.{name}")
        if isinstance(field.get("items"), dict) and "properties" in field["items"]:
            walk(field["items"], path + "[]")
    for root in ("project", "deployment"):
        walk(schema["$defs"][root], root)
    return found


def arguments(text, at):
    """Of the call whose opening parenthesis is just before `at`."""
    out, depth, begin = [], 0, at
    while at < len(text):
        literal = re.compile(LITERAL + r"|'(?:[^'\\]|\\.)'").match(text, at)
        if literal:
            at = literal.end()
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and text[at] == ","):
            out.append(text[begin:at])
            begin = at + 1
            if depth < 0:
                return out
        at += 1
    raise AssertionError("a call without an end")


def calls(text, name):
    for match in re.finditer(rf"\b{name}\(", text):
        yield arguments(text, match.end())


def reasons_of_libraries():
    return {made.reason for made in ALL_REASONS.made if made.path.startswith(tuple(f"libs/{name}/" for name in LIBRARIES))}


def reasons_said_in_english():
    """Of the command line's own errors those whose message does not go through say() or tr()."""
    return {made.reason for made in ALL_REASONS.made if made.path.startswith("apps/mifeng/") and
            not re.match(r"\s*(?:std::string\()?(?:say|tr)\(", made.message)}


def phrases():
    """Every template that is given to phrase()."""
    found = set()
    for path in [*of_libraries(), *of_gateways()]:
        text = code_of(path)
        for given in calls(text, "phrase"):
            if path.name == "phrase.h":
                continue
            assert re.fullmatch(r"\s*" + TEXT + r"\s*", given[0]), (path.name, given[0])
            found.add(joined(given[0]))
    return found


def asked():
    """Every literal that goes through tr() or say(), also where one of two is chosen."""
    found = set()
    for path in SOURCES.rglob("*.cpp"):
        text = code_of(path)
        for name in ("tr", "say"):
            for given in calls(text, name):
                found |= {joined(text) for text in re.findall(TEXT, given[0])}
    return found


def of_the_archive():
    """What is said before a program of the archive starts; tools/package takes its Chinese from messages.json."""
    return set(re.findall(r'refuse "([^"]+)"', (ROOT / "tools/packaging/start").read_text()))


def titles():
    """Of every column: {"STATE", "state"} in a list of columns."""
    found = set()
    for path in of_command_line():
        found |= set(re.findall(r'\{"([A-Z][A-Z0-9 ]*)", "[a-z0-9_/:.]+"[,}]', code_of(path)))
    return found
