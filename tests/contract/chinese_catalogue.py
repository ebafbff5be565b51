"""What the sources say to people, read from the sources themselves, and what of it stands in the catalogue."""

import json
import re

from conftest import ROOT

SOURCES = ROOT / "apps/mifeng"
CATALOGUE = ROOT / "spec/messages"
# Whose errors and sentences the command line prints: the libraries in it, and those behind the platform's answers. Not
# what a guard, a gateway or a model's container says to its own log.
LIBRARIES = sorted({path.parent.name for path in ROOT.glob("libs/*/CMakeLists.txt")} -
                   {"start", "proxy", "keyholder", "guard", "gateway"})
assert {"base", "platform", "rest", "stack"} < set(LIBRARIES)
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
TEXT = LITERAL + r"(?:\s*" + LITERAL + ")*"
REASON = re.compile(r'"([a-z0-9]+(?:[-.][a-z0-9.]+)*)"')


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
    """Without comments and #include lines; // within a literal stays."""
    text = re.sub(r"^#include.*$", "", path.read_text(), flags=re.M)
    return re.sub(r'(' + LITERAL + r')|//.*', lambda match: match.group(1) or "", text)


def literals(path):
    return {joined(match) for match in re.findall(TEXT, code_of(path))}


def of_libraries():
    for name in LIBRARIES:
        for path in sorted((ROOT / "libs" / name).rglob("*")):
            if path.suffix in (".cpp", ".h") and not re.search(r"_test\b|^test_|_bench\b|_fuzz\b", path.name):
                yield path


def of_command_line():
    return sorted(SOURCES.rglob("*.cpp"))


def table(name):
    """[(English, Chinese)] of a file of the catalogue."""
    groups = json.loads((CATALOGUE / f"{name}.json").read_text(), object_pairs_hook=list)
    rows = [row for _, group in groups for row in group]
    assert len(rows) > 30, name
    return rows


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


def words_of(argument):
    """Reasons in an argument, also where one of two is chosen; not those of a call within it."""
    flat = argument
    while (inner := re.sub(r"\w*\([^()]*\)", "", flat)) != flat:
        flat = inner
    return set(REASON.findall(flat))


def reasons_in(text):
    """[(reason, the message's expression)] of every Error that is made, and of every call of a function of this file
    that takes a reason."""
    places = {r"Error(?:\s+\w+)?": 1}
    for match in re.finditer(r"(\w+)(?: = \[[^\]]*\])?\(([^()]*)\)\s*(?:const\s*)?(?:->\s*\S+\s*)?\{", text):
        for number, parameter in enumerate(match.group(2).split(",")):
            if re.search(r"(?:string|string_view|char\*)&? reason$", parameter.strip()):
                places[match.group(1)] = number
    for name, number in places.items():
        for given in calls(text, name):
            for reason in words_of(given[number]) if len(given) > number else ():
                yield reason, given[number + 1] if len(given) > number + 1 else ""


def reasons_of_libraries():
    found = set()
    for path in of_libraries():
        found |= {reason for reason, _ in reasons_in(code_of(path))}
    # The classes of failure of a sealed stream stand in a table, and so do the engine's codes in its answers.
    failures = re.findall(r'\{FailureClass::k\w+,\s*"([a-z-]+)"', (ROOT / "libs/sealed/src/failure.cpp").read_text())
    started = re.findall(r'return \{"([a-z-]+)"', (ROOT / "libs/cluster/src/podman_status.cpp").read_text())
    assert len(failures) == 21 and len(started) >= 2
    return found | set(failures) | set(started)


def reasons_said_in_english():
    """Of the command line's own errors those whose message does not go through say() or tr()."""
    return {reason for path in of_command_line() for reason, message in reasons_in(code_of(path))
            if not re.match(r"\s*(?:std::string\()?(?:say|tr)\(", message)}


def phrases():
    """Every template that is given to phrase()."""
    found = set()
    for path in of_libraries():
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


def titles():
    """Of every column: {"STATE", "state"} in a list of columns."""
    found = set()
    for path in of_command_line():
        found |= set(re.findall(r'\{"([A-Z][A-Z0-9 ]*)", "[a-z0-9_/:]+"[,}]', code_of(path)))
    return found
