"""Every reason that the programs can give, read from their sources: of each Error that is made, and of what nginx and the
HTTP server answer by themselves. What is written in a form that this does not know is told, not passed over."""

import collections
import re
from typing import NamedTuple

from conftest import ROOT

LITERAL = r'"(?:[^"\\\n]|\\.)*"'
SKIPPED = re.compile(LITERAL + r"|'(?:[^'\\]|\\.)'")
WORD = re.compile(r'"([a-z0-9]+(?:[-.][a-z0-9.]+)*)"')
CODE = re.compile(r"(?<![=!]= )ErrorCode::k(\w+)")
# A function or a named lambda, with its parameters.
DEFINITION = re.compile(r"(\w+)(?: = \[[^\]]*\])?\(([^()]*)\)\s*(?:const\s*)?(?:->\s*[^{;]+?\s*)?\{")
CHOICE = re.compile(r"(?s)(.+?)\s\?\s(.+)\s:\s(.+)$")
PARAMETER = re.compile(r"(?:const )?(?:std::)?\w+(?:<[^>]*>)?(?:&|\*| )+\w+$")
TAKES_REASON = re.compile(r'(?:string|string_view|char\*)&? (?:\w+_)?reason(?:\s*=\s*("[^"]*"))?$')

# Reasons that are no Error's: (file, function, number of the argument).
ANSWERS = [("libs/net/src/server_connection.cpp", "error_page", 2), ("nginx/src", "refuse_request", 2),
           ("nginx/src", "note_refusal", 1), ("nginx/src", "note_refusal", 2), ("nginx/src", "refuse_held", 1)]
CODES_AS_WORDS = {"error_page": 1}
# ... and tables: (file, a row, how many there are at least).
TABLES = [("libs/sealed/src/failure.cpp", r'\{FailureClass::k\w+,\s*("[a-z-]+")', 21),
          ("libs/cluster/src/podman_status.cpp", r'return \{("[a-z-]+"),', 4),
          ("nginx/src/own_answer.cpp", r'return \{("[a-z-]+"),', 7)]
# Functions that are given the code alone.
CODE_ALONE = {"bad_payload": "bad-payload"}
# An Error whose reason comes from elsewhere: from a table above, from another Error, or from another program.
PASSED_ON = {
    ("libs/base/include/mifeng/base/error.h", "reason_"),
    ("libs/sealed/src/failure.cpp", "std::string(entry(failure).name)"),
    ("libs/cluster/src/podman_apply.cpp", "why.code"),
    ("libs/client/src/platform_client.cpp", 'text_of(*answer, "reason")'),
    ("apps/mifeng/commands/call.cpp", "reason"),
    ("apps/mifeng/commands/try.cpp", "reason"),
}


class Made(NamedTuple):
    reason: str
    codes: frozenset  # of ErrorCode, in kebab-case; empty where it is another Error's
    message: str      # the expression
    path: str
    line: int


class Group(NamedTuple):
    """A pair of brackets with what stands in it, and the name before it."""
    opening: str
    name: str
    begin: int
    end: int
    arguments: list


def code_of(text):
    """Without comments and #include lines; // within a literal stays. Lines keep their numbers."""
    text = re.sub(r"^#include.*$", "", text, flags=re.M)
    return re.sub(r'(' + LITERAL + r')|//.*', lambda match: match.group(1) or "", text)


def groups_of(text):
    found, open_ones, at = [], [], 0
    while at < len(text):
        if skipped := SKIPPED.match(text, at):
            at = skipped.end()
            continue
        if text[at] in "([{":
            open_ones.append((at, [at]))
        elif text[at] == "," and open_ones:
            open_ones[-1][1].append(at)
        elif text[at] in ")]}" and open_ones:
            begin, commas = open_ones.pop()
            places = [*commas, at]
            name = re.search(r"(\bError\s+\w+|[\w:.]+)\s*$", text[max(0, begin - 80):begin])
            found.append(Group(text[begin], name[1] if name else "", begin, at,
                               [text[a + 1:b].strip() for a, b in zip(places, places[1:])]))
        at += 1
    return found


def flat(argument):
    """Without the calls in it, but for a conversion to text."""
    argument = re.sub(r"std::string(?:_view)?\(([^()]*)\)", r"\1", argument)
    while (inner := re.sub(r"[\w:.]*\([^()]*\)", "", argument)) != argument:
        argument = inner
    return argument


def kebab(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


class Source:
    def __init__(self, path, text):
        self.path = path
        self.text = code_of(text)
        self.groups = groups_of(self.text)
        bodies = {group.begin: group.end for group in self.groups}
        self.takers = []  # (name, number of the parameter, its default, begin and end of the body)
        for match in DEFINITION.finditer(self.text):
            for number, parameter in enumerate(match[2].split(",")):
                if taken := TAKES_REASON.search(parameter.strip()):
                    self.takers.append((match[1], number, taken[1], match.start(), bodies.get(match.end() - 1, len(self.text))))

    def line(self, at):
        return 1 + self.text.count("\n", 0, at)


class Reasons:
    """Of these sources, {path: text}."""

    def __init__(self, sources):
        self.sources = {path: Source(path, text) for path, text in sources.items()}
        self.constants = {}
        for source in self.sources.values():
            for name, value in re.findall(r"constexpr (?:const char\*|std::string_view|char) (k\w+)(?:\[\])? = (" + LITERAL + ")",
                                          source.text):
                self.constants[name] = value
        self.made = []
        self.unread = []
        wanted = collections.defaultdict(set)  # (path, name, number) of functions that make an Error of their argument: codes
        for source in self.sources.values():
            self._read_errors(source, wanted)
        self._read_callers(wanted)

    def read_answers(self):
        """What is no Error: ANSWERS and TABLES, each of which has to be there."""
        for path, name, number in ANSWERS:
            before = len(self.made)
            for source in self._below(path):
                for group in source.groups:
                    if re.search(rf"\b{name}$", group.name) and len(group.arguments) > number:
                        code = WORD.findall(group.arguments[CODES_AS_WORDS[name]]) if name in CODES_AS_WORDS else ()
                        self._add(source, group, number, code)
            assert len(self.made) > before, (path, name)
        for path, row, least in TABLES:
            found = [(source, match) for source in self._below(path) for match in re.finditer(row, source.text)]
            assert len(found) >= least, (path, len(found))
            for source, match in found:
                self._note(WORD.match(match[1])[1], (), "", source, match.start())

    def _below(self, path):
        return [source for source in self.sources.values() if source.path.startswith(path)]

    def _words(self, argument):
        argument = flat(argument)
        for name in re.findall(r"\bk[A-Z]\w*", argument):
            argument += self.constants.get(name, "")
        return WORD.findall(argument)

    def _add(self, source, group, number, codes):
        """The reason that stands at this place of a call; whether there was one."""
        words = self._words(group.arguments[number])
        message = group.arguments[number + 1] if len(group.arguments) > number + 1 else ""
        for word in words:
            self._note(word, codes, message, source, group.begin)
        return bool(words)

    def _add_pairs(self, source, group, place):
        """Where one condition chooses both: Error(full ? kResourceExhausted : kInternal, full ? "disk-full" : ...)."""
        code, reason = (CHOICE.match(flat(argument)) for argument in group.arguments[place:place + 2])
        if not code or not reason or code[1] != reason[1]:
            return False
        for chosen in (2, 3):
            for word in self._words(reason[chosen]):
                self._note(word, map(kebab, CODE.findall(code[chosen])), group.arguments[place + 2], source, group.begin)
        return True

    def _note(self, reason, codes, message, source, at):
        self.made.append(Made(reason, frozenset(codes), message, source.path, source.line(at)))

    def _read_errors(self, source, wanted):
        for group in source.groups:
            place = self._code_place(group)
            if place is None:
                continue
            codes = {kebab(name) for name in CODE.findall(flat(group.arguments[place]))}
            if group.name in CODE_ALONE:
                self._note(CODE_ALONE[group.name], codes, group.arguments[place + 1], source, group.begin)
                continue
            if self._add_pairs(source, group, place) or self._add(source, group, place + 1, codes):
                continue
            taker = self._taker(source, group.begin)
            if taker and re.search(r"\breason\b", group.arguments[place + 1]):
                wanted[(source.path, *taker)] |= codes
            elif (source.path, group.arguments[place + 1]) not in PASSED_ON:
                self.unread.append((source.path, source.line(group.begin), group.arguments[place + 1]))

    @staticmethod
    def _code_place(group):
        """Which argument is the code that a reason follows."""
        if group.opening == "(" and re.search(r"\bError(?:\s+\w+)?$", group.name) and len(group.arguments) >= 3:
            return None if PARAMETER.match(group.arguments[0]) else 0  # of a function that returns one
        for number, argument in enumerate(group.arguments[:-1]):
            if re.match(r"ErrorCode::k\w+$", argument) and not group.arguments[number + 1].startswith("ErrorCode::"):
                return number
        return None

    @staticmethod
    def _taker(source, at):
        """The innermost function around a place that takes a reason."""
        around = [taker for taker in source.takers if taker[3] < at < taker[4]]
        return max(around, key=lambda taker: taker[3])[:3] if around else None

    def _read_callers(self, wanted):
        """Who calls the functions that make an Error of the reason that they are given, and those that call them so."""
        done = set()
        while left := [key for key in wanted if key not in done]:
            path, name, number, default = key = left[0]
            done.add(key)
            declared = [source for source in self.sources.values() if source.path.endswith(".h") and
                        re.search(rf"\b{name}\([^()]*reason\b", source.text)]
            for source in self.sources.values() if declared else [self.sources[path]]:
                for group in source.groups:
                    if group.opening != "(" or not re.search(rf"\b{name}$", group.name):
                        continue
                    if len(group.arguments) <= number:
                        continue
                    given = group.arguments[number]
                    if TAKES_REASON.search(given):  # the definition itself, or its declaration with the default
                        default = default or TAKES_REASON.search(given)[1]
                    elif not self._add(source, group, number, wanted[key]):
                        taker = self._taker(source, group.begin)
                        if taker and re.search(r"\breason\b", given):
                            wanted[(source.path, *taker)] |= wanted[key]
                        elif not declared:
                            self.unread.append((source.path, source.line(group.begin), given))
            if default:
                self.made.append(Made(default.strip('"'), frozenset(wanted[key]), "", path, 0))


def is_test(path):
    """Also a folder of what tests alone link."""
    return (re.search(r"_test\b|^test_|_bench\b|_fuzz\b|_fixture\b", path.name) or
            any(re.search(r"(?:^|_)(?:tests?|testing|fixtures?)(?:$|_)", part) for part in path.relative_to(ROOT).parent.parts))


def sources_below(*folders):
    found = {}
    for folder in folders:
        paths = [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".cpp", ".h", ".c")]
        found |= {str(path.relative_to(ROOT)): path.read_text() for path in paths if not is_test(path)}
        assert found, folder
    return found
