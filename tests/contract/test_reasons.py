"""spec/errors.md has every reason that the programs can give, with its codes, and no other."""

import collections
import re

import pytest

import reasons_in_code
from conftest import ROOT

GATEWAY = "What a gateway answers to a caller"  # the same words may mean something else elsewhere
CODES = re.findall(r"^  k(\w+),", (ROOT / "libs/base/include/mifeng/base/error.h").read_text(), flags=re.M)


@pytest.fixture(scope="module")
def code():
    reasons = reasons_in_code.Reasons(reasons_in_code.sources_below("libs", "apps", "nginx"))
    reasons.read_answers()
    return reasons


@pytest.fixture(scope="module")
def tables():
    """{section: [(reasons, code cell)]} of every table but that of the codes."""
    found, section, header = collections.defaultdict(list), "", []
    for line in (ROOT / "spec/errors.md").read_text().splitlines():
        if heading := re.match(r"#+ (.*)", line):
            section, header = heading[1], []
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if not header:
                header = cells
            elif header[0] == "reason" and not line.startswith("|---"):
                reasons = re.findall(r"`([^`]+)`", cells[0])
                assert reasons and re.sub(r"`[^`]+`|, ", "", cells[0]) == "" and len(cells) == len(header), line
                found[section].append((reasons, dict(zip(header, cells)).get("code")))
    assert len(found) > 10 and all(found.values())
    return found


def test_every_error_is_understood(code):
    assert code.unread == [], "an Error whose reason cannot be read: write it as a literal, or teach reasons_in_code its form"
    # As many as there are: every `Error(ErrorCode::...` of the sources is among them.
    plain = sum(len(re.findall(r"\bError(?:\s+\w+)?\(\s*ErrorCode::k\w+,\s*\"", source.text)) for source in code.sources.values())
    assert plain > 400 and len(code.made) > plain


def test_the_tables_have_every_reason_and_no_other(code, tables):
    written = {reason for rows in tables.values() for reasons, _ in rows for reason in reasons}
    given = {made.reason for made in code.made}
    assert len(given) > 300
    assert {"prefix-taken", "bad-tag", "output-closed", "header-too-slow", "unknown-prefix", "no-key-in-time", "port-taken",
            "bad-quantity", "bad-frame", "snapshot-rollback", "link-broken"} < given
    nowhere = sorted({f"{made.reason} ({made.path}:{made.line})" for made in code.made if made.reason not in written})
    assert (nowhere, sorted(written - given)) == ([], []), "(not in spec/errors.md, not in the sources)"


def test_no_reason_has_two_places(tables):
    places = collections.Counter(reason for section, rows in tables.items() if section != GATEWAY
                                 for reasons, _ in rows for reason in reasons)
    assert [reason for reason, count in places.items() if count > 1] == []
    at_gateway = collections.Counter(reason for reasons, _ in tables[GATEWAY] for reason in reasons)
    assert len(at_gateway) > 10 and max(at_gateway.values()) == 1


def test_the_codes_are_those_of_the_sources(code, tables):
    """But for a code that is another error's, which nothing says in the source."""
    given = collections.defaultdict(set)
    for made in code.made:
        given[made.reason] |= made.codes
    known = {reasons_in_code.kebab(name) for name in CODES}
    assert len(known) == 11
    checked = 0
    for rows in tables.values():
        for reasons, cell in rows:
            for reason in reasons:
                if cell is not None and given[reason]:
                    written = set(cell.split(", "))
                    assert written <= known and written == given[reason], reason
                    checked += 1
    assert checked > 280


def read(text):
    reasons = reasons_in_code.Reasons({"libs/x/src/x.cpp": text})
    return {(made.reason, *sorted(made.codes)) for made in reasons.made}, [given for _, _, given in reasons.unread]


@pytest.mark.parametrize("text,made", [
    ('return Error(ErrorCode::kNotFound, "a-b", "c-d");', {("a-b", "not-found")}),
    ('Error error(ErrorCode::kNotFound,\n  "a-b",  // why\n  "c");', {("a-b", "not-found")}),
    ('Error bad() { return {ErrorCode::kNotFound, "a-b", "c"}; }', {("a-b", "not-found")}),
    ('return Error(other.code(), "a-b", "c");', {("a-b",)}),
    ('return Error(full ? ErrorCode::kInternal : ErrorCode::kTimeout, full ? "a" : "b-c", "d");',
     {("a", "internal"), ("b-c", "timeout")}),
    ('return Error(ErrorCode::kInternal, full ? "a" : "b-c", "d");', {("a", "internal"), ("b-c", "internal")}),
    ('constexpr const char* kGone = "a-b";\nreturn Error(ErrorCode::kInternal, kGone, "c");', {("a-b", "internal")}),
    ('Error no(const char* reason) { return Error(ErrorCode::kInternal, reason, "c"); }\nreturn no("a-b");',
     {("a-b", "internal")}),
    ('const auto no = [&](std::string_view what, const std::string& reason) -> Result<void> {\n'
     '  return Error(ErrorCode::kInternal, std::string(reason), what); };\nif (x) return no("say: (", "a-b");',
     {("a-b", "internal")}),
    ('Error a(const char* reason) { return Error(ErrorCode::kInternal, reason, "c"); }\n'
     'Error b(const char* reason) { return a(reason); }\nreturn b("a-b");', {("a-b", "internal")}),
    ('return fail(ec, ErrorCode::kInternal, "a-b", "c");', {("a-b", "internal")}),
])
def test_reads_every_form_of_an_error(text, made):
    assert read(text) == (made, [])


@pytest.mark.parametrize("text", [
    'return Error(ErrorCode::kInternal, reason_of(x), "c");',
    'return Error(code, word, "c");',
    'return {ErrorCode::kInternal, std::string(word), "c"};',
    'Error no(const char* reason) { return Error(ErrorCode::kInternal, reason, "c"); }\nreturn no(word);',
])
def test_tells_what_it_cannot_read(text):
    made, unread = read(text)
    assert not made and len(unread) == 1
