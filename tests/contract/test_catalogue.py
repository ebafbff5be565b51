"""A mistake in the catalogue of messages ends the build: the program that compiles it names the file, the line, the entry
and what is wrong, and leaves what it made before."""

import os
import pathlib
import shutil
import subprocess

import pytest

from chinese_catalogue import CATALOGUE

PROGRAM = pathlib.Path(os.environ["MIFENG_BUILD"]) / "tools/messages/mifeng-messages"


def compiled(folder, source):
    return subprocess.run([PROGRAM, folder, source], capture_output=True, text=True, timeout=60)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(CATALOGUE, tmp_path / "messages")
    return tmp_path / "messages"


def test_compiles_as_it_stands(copy, tmp_path):
    done = compiled(copy, tmp_path / "made.cpp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    made = (tmp_path / "made.cpp").read_text()
    assert '{"Deleted {}.", "已删除 {}。"},' in made
    assert '{"\\"{}\\" is none of: {}.", "“{}”不是以下种类之一：{}。"},' in made  # quotes,
    assert '{"{} has ended ({}); its log {} ends with:\\n{}",' in made  # and lines


@pytest.mark.parametrize("name,text,findings", [
    ("words", '{\n"states": {\n"ready": "就绪",\n"gone": }\n}\n', ["{}: Not valid JSON at line 4, column 9"]),
    ("words", '{"states": {"ready": "就绪"}} // states\n', ["{}: Not valid JSON at line 1"]),
    ("words", b'{"states": {"ready": "\xff"}}', ["{}: Not valid JSON"]),
    ("words", '[["ready", "就绪"]]', ["{}: The JSON text must be an object"]),
    ("words", "{}", ["{}: it holds nothing"]),
    ("words", '{"states": {}}', ['{}:1: "states": a group must be an object with an entry or more']),
    ("words", '{"ready": "就绪"}', ['{}:1: "ready": a group must be an object']),
    ("words", '{"states": {"ready": ["就绪"]}}', ['{}:1: "ready": its value must be a string, not a list']),
    ("words", '{"states": {"ready": "就绪", "ready": "完毕"}}', ['{}: The name "ready" stands twice']),
    ("words", '{"a": {"ready": "就绪"},\n "b": {"ready": "完毕"}}', ['{}:2: "ready": it stands twice: in words.json']),
    ("words", '{"states": {"ready": ""}}', ['{}:1: "ready": its value is not Chinese']),
    ("words", '{"states": {"ready": "Ready"}}', ['{}:1: "ready": its value is not Chinese']),
    ("words", '{"states": {"": "空"}}', ['{}:1: "": there is no English text']),
    ("words", '{"states": {"404": "没有"}}', ['{}:1: "404": a number alone is no text']),
    ("words", '{"states": {"{} left": "剩 {}"}}', ['{}:1: "{} left": a brace, where texts of this kind have no parts']),
    # Of texts that have parts.
    ("messages", '{"all": {\n"Deleted {}.": "已删除。"}}',
     ['{}:2: "Deleted {}.": places for parts: 1 in the English, 0 in the Chinese']),
    ("messages", '{"all": {"Deleted.": "已删除 {}。"}}', ["places for parts: 0 in the English, 1 in the Chinese"]),
    ("messages", '{"all": {"Deleted {}.": "已删除 {word}。"}}', ["a brace that is no place for a part; those are {}"]),
    ("messages", '{"all": {"Deleted {name}.": "已删除 {}。"}}', ['"Deleted {name}.": a brace that is no place for a part']),
    ("messages", '{"all": {"Deleted {}.": "已删除 {。"}}', ["a brace that is no place for a part"]),
    ("messages", '{"all": {"Units": "单元", "STATE": "状态"}}', ['titles.json:', '"STATE": it stands twice: in messages.json']),
    ("phrases", '{"all": {"it is {word}": "状态为{word}"}}', ['"it is {word}": a brace that is no place for a part']),
    ("phrases", '{"all": {"it is {}": "状态为{sentence}"}}', ["those are {} {phrase} {word}"]),
    # All are told at once.
    ("phrases", '{"all": {\n"it is {}": "状态",\n"it was {}": "过去"}}', ['{}:2: "it is {}"', '{}:3: "it was {}"']),
    ("word", '{"states": {"ready": "就绪"}}', ["{}: no table of the catalogue has this name"]),
])
def test_a_mistake_ends_the_build(copy, tmp_path, name, text, findings):
    path = copy / f"{name}.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "made.cpp").write_text("before")
    done = compiled(copy, tmp_path / "made.cpp")
    assert (done.returncode, done.stdout) == (1, "")
    for finding in findings:
        assert finding.replace("{}", str(path), 1 if finding.startswith("{}:") else 0) in done.stderr
    assert (tmp_path / "made.cpp").read_text() == "before"


def test_a_missing_file_ends_the_build(copy, tmp_path):
    (copy / "titles.json").unlink()
    done = compiled(copy, tmp_path / "made.cpp")
    assert done.returncode == 1 and f"{copy}/titles.json" in done.stderr and not (tmp_path / "made.cpp").exists()
