#!/usr/bin/python3
"""What `./test` ends with: the time of each phase, the slowest tests, and how many passed and failed.

test_report.py [--libraries FILE] PHASES [REPORT...]

PHASES has a line "SECONDS NAME" for each phase, a REPORT is what ctest writes as JUnit. FILE has a line for each library
that has unit tests, beginning with its name: each of them must have run at least one, in whichever build. Exit status 1
where a test failed or did not run, none ran at all, or such a library is missing."""
import argparse
import pathlib
import sys
import xml.etree.ElementTree

SLOWEST = 20


def read_phases(path):
    """(seconds, name) of each."""
    pairs = (line.split(" ", 1) for line in path.read_text().splitlines())
    return [(int(seconds), name) for seconds, name in pairs]


def read_report(path):
    """(seconds, name, passed) of each test."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        yield float(case.get("time", 0)), case.get("name"), case.get("status") == "run"


def untested(libraries, tests):
    """Libraries of which no unit test ran."""
    ran = {name.split(".")[0] for _, name, passed in tests}
    return [library for library in libraries if library not in ran]


def table(title, rows):
    if rows:
        print(f"\n{title}:")
    for seconds, name in rows:
        print(f"{seconds:8.0f} s  {name}")


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--libraries", type=pathlib.Path)
    parser.add_argument("phases", type=pathlib.Path)
    parser.add_argument("reports", type=pathlib.Path, nargs="*")
    given = parser.parse_args(arguments)
    phases = read_phases(given.phases)
    tests = [test for report in given.reports for test in read_report(report)]
    table("time of each phase", [*phases, (sum(seconds for seconds, _ in phases), "all")] if phases else [])
    slowest = sorted(((seconds, name) for seconds, name, _ in tests), reverse=True)[:SLOWEST]
    table("slowest tests", [one for one in slowest if one[0] >= 0.5])
    failed = [name for _, name, passed in tests if not passed]
    missing = []
    if given.libraries:
        libraries = [line.split()[0] for line in given.libraries.read_text().splitlines()]
        missing = untested(libraries, tests)
    print()
    for name in failed:
        print(f"failed: {name}")
    for library in missing:
        print(f"no unit test of libs/{library} ran in any build")
    print(f"{len(tests) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or missing or len(tests) == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
