"""The docs name files, folders and tests; each has to be there."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("spec/**/*.md"), *ROOT.glob("tests/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# "libs/proxy, tests/wire": what begins with one of our folders is a path of ours.
PATH = re.compile(r"(?<![\w/.-])((?:apps|libs|nginx|packs|spec|vectors|tests|bench|docs|examples|tools)/[\w./-]*\w)")


def test_there_are_pages():
    assert len(PAGES) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_page_names_is_there(page):
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if "://" not in link and not (page.parent / link).exists()]
    # A path may be named without its ending ("bench/gateway" for bench/gateway.py), or below the page's folder.
    for name in PATH.findall(text):
        candidates = [ROOT / name, page.parent / name]
        if not any(c.exists() or list(c.parent.glob(c.name + ".*")) or list(c.parent.glob(c.name + "_*"))
                   for c in candidates):
            missing.append(name)
    assert not missing
