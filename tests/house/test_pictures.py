"""The pictures in the README files show what the docs tell: the commands of the session that was recorded, and its answer."""
import pathlib
import re
import xml.etree.ElementTree as xml

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = {"en": "README.md", "zh-CN": "README.zh-CN.md"}


def recorded():
    """COMMANDS of tools/pictures/record."""
    text = (ROOT / "tools/pictures/record").read_text()
    return re.findall(r'^    "(.*)",$', re.search(r"^COMMANDS = \[\n(.*?)^\]", text, re.M | re.S)[1], re.M)


def lines(picture):
    """What stands in a picture, line by line."""
    rows = {}
    for text in xml.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}text"):
        if "y" in text.attrib:
            rows.setdefault(float(text.get("y")), []).append((float(text.get("x")), "".join(text.itertext())))
    return ["".join(piece for _, piece in sorted(row)).replace("\xa0", " ").rstrip() for _, row in sorted(rows.items())]


@pytest.mark.parametrize("language", PAGES)
def test_a_picture_is_of_the_recorded_session(language):
    shown = lines(ROOT / f"docs/pictures/first-model.{language}.svg")
    commands = [line.removeprefix("$ ") for line in shown if line.startswith("$ ")]
    assert len(commands) == 4 and commands == recorded()
    assert '{"sum":6.0}' in shown
    assert any(re.search("[\u4e00-\u9fff]", line) for line in shown) == (language == "zh-CN")


def test_the_docs_tell_its_commands():
    told = (ROOT / "docs/first-model.md").read_text()
    page = (ROOT / "README.md").read_text()
    assert [command for command in recorded() if command not in told and command not in page] == []
    assert '{"sum":6.0}' in told


@pytest.mark.parametrize("language, page", PAGES.items())
def test_a_readme_shows_the_picture_in_its_language(language, page):
    assert re.findall(r"docs/pictures/[\w.-]+", (ROOT / page).read_text()) == [f"docs/pictures/first-model.{language}.svg"]


@pytest.mark.parametrize("language", PAGES)
def test_a_picture_fetches_nothing(language):
    text = (ROOT / f"docs/pictures/first-model.{language}.svg").read_text()
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) - set(re.findall(r"http://127\.0\.0\.1:\d+", text)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", text)
